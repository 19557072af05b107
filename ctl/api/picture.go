package api

import "github.com/isame-lb/isame-lb/pool"

// Types of events of GET /api/v1/live, beside those of GET /api/v1/events.
const (
	// EventPicture has all of a Picture, and takes the place of what was known.
	EventPicture = "picture"
	// EventChange is a merge patch (RFC 7396) of the picture: what is different, null for what is gone.
	EventChange = "change"
)

// Picture is the process as it is now, for who goes on looking: the data of the events picture and change of
// GET /api/v1/live. A change has what is different alone.
type Picture struct {
	// AtMS is when the numbers were read, in milliseconds since 1970.
	AtMS int64 `json:"at_ms,omitempty"`
	// Requests counts the finished exchanges of the process.
	Requests uint64 `json:"requests,omitempty"`
	// Status is the answer of GET /api/v1/status without what is counted there: uptime_seconds, connections, requests_total,
	// requests_per_second and pools are absent.
	Status *Status `json:"status,omitempty"`
	// Traffic is what the exchanges came to, each second.
	Traffic *Traffic `json:"traffic,omitempty"`
	// Pools are all pools by name.
	Pools map[string]PicturePool `json:"pools,omitempty"`
	// Backends are those of each pool by address, without their probes, where they are asked for.
	Backends map[string]map[string]pool.BackendStatus `json:"backends,omitempty"`
	// Routes are all routes by name, where they are asked for.
	Routes map[string]PictureRoute `json:"routes,omitempty"`
}

// Traffic is what all exchanges since the start came to, and what the process takes.
type Traffic struct {
	// AtMS is when it was read, in milliseconds since 1970.
	AtMS int64 `json:"at_ms"`
	// Codes are the finished exchanges by the first digit of their status, 0 for those without an answer.
	Codes []uint64 `json:"codes"`
	// Durations are the finished exchanges by how long they took: at most the bound at the same place of BoundsSeconds, and more
	// than the one before. The last one has no bound.
	Durations     []uint64  `json:"durations"`
	BoundsSeconds []float64 `json:"bounds_seconds"`
	// Active connections carry an exchange, Idle ones wait for a request.
	Active int64 `json:"active"`
	Idle   int64 `json:"idle"`
	// Bytes came from clients and went to them.
	Bytes uint64 `json:"bytes"`
	// CPUSeconds is the processor time of the process, MemoryBytes what it has in RAM.
	CPUSeconds  float64 `json:"cpu_seconds"`
	MemoryBytes int64   `json:"memory_bytes"`
}

// PicturePool is one pool; its fields mean what those of the pool at GET /api/v1/pools do.
type PicturePool struct {
	Algorithm   string                `json:"algorithm"`
	Members     int                   `json:"members"`
	Healthy     int                   `json:"healthy"`
	Panic       bool                  `json:"panic"`
	Discovery   *pool.DiscoveryStatus `json:"discovery,omitempty"`
	Concurrency *pool.LimiterStatus   `json:"concurrency,omitempty"`
	InFlight    int64                 `json:"in_flight"`
	Requests    uint64                `json:"requests"`
	Failures    uint64                `json:"failures"`
}

// PictureRoute is what one route took.
type PictureRoute struct {
	Requests uint64 `json:"requests"`
	// LastUsed is when it had a request last, in seconds since 1970; 0 is never.
	LastUsed int64 `json:"last_used"`
}
