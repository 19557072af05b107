package pool

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/health"
)

// Status is one pool as it is now: what the admin API shows and the CLI prints.
// It is a copy; nothing in it changes after it was made.
type Status struct {
	Name      string `json:"name"`
	Algorithm string `json:"algorithm"`
	// Members counts the backends, Healthy those that may be picked now.
	Members  int             `json:"members"`
	Healthy  int             `json:"healthy"`
	InFlight int64           `json:"in_flight"`
	Requests uint64          `json:"requests"`
	Failures uint64          `json:"failures"`
	Panic    bool            `json:"panic"`
	Backends []BackendStatus `json:"backends"`
	// Discovery is how members are found, where they are.
	Discovery *DiscoveryStatus `json:"discovery,omitempty"`
	// Concurrency is what limits the exchanges in progress, where something does.
	Concurrency *LimiterStatus `json:"concurrency,omitempty"`
}

// LimiterStatus is what limits a pool, as it is now.
type LimiterStatus struct {
	// Limit of exchanges in progress: configured or learned; 0 is none.
	Limit int64 `json:"limit"`
	// Adaptive means that the limit follows the measured latency.
	Adaptive bool `json:"adaptive"`
	// InProgress counts the exchanges that were let in and have not ended.
	InProgress int64 `json:"in_progress"`
	// Waiting counts those in the queue, of at most MaxQueue.
	Waiting int64 `json:"waiting"`
	// MaxQueue is the configured length of the queue; 0 means that nobody waits.
	MaxQueue int64 `json:"max_queue"`
	// Shed counts the exchanges that were refused, by the cause they were told.
	Shed map[string]uint64 `json:"shed"`
}

// DiscoveryStatus is the discovery of a pool as it is now.
type DiscoveryStatus struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Resolver is the server that is asked; absent means the system's.
	Resolver string `json:"resolver,omitempty"`
	// Found counts the addresses of the last good answer, which are kept while
	// lookups fail.
	Found int `json:"found"`
	// Resolved is when the last good answer came; absent before the first.
	Resolved *time.Time `json:"resolved,omitempty"`
	// TTLSeconds is how long that answer was good for.
	TTLSeconds float64 `json:"ttl_seconds"`
	// Next is when the next lookup is due.
	Next *time.Time `json:"next,omitempty"`
	// Failures counts the lookups that failed since the last good one.
	Failures int `json:"failures"`
	// Failed is when a lookup failed last, and stays when later ones are good.
	Failed *time.Time `json:"failed,omitempty"`
	// Error says why the last lookup failed; absent when it was good.
	Error string `json:"error,omitempty"`
}

// BackendStatus is one member of a pool as it is now.
type BackendStatus struct {
	Address string `json:"address"`
	Weight  int    `json:"weight"`
	Backup  bool   `json:"backup"`
	// Rank is 0 for primaries; members of a higher one serve when none of a lower
	// one can. It is 1 for a backup and counts the priorities of SRV records.
	Rank int `json:"rank"`
	// Discovered members are found by discovery, not listed.
	Discovered bool   `json:"discovered,omitempty"`
	Zone       string `json:"zone,omitempty"`
	// TLS is how it is spoken to: verified, unverified (insecure_skip_verify), or
	// absent for clear text.
	TLS string `json:"tls,omitempty"`
	// ProxyProtocol is the version of the PROXY header that its connections begin
	// with, v1 or v2; absent without one.
	ProxyProtocol string `json:"proxy_protocol,omitempty"`
	// TLSError says why the last handshake failed that a request needed; absent when
	// an answer has come since.
	TLSError string `json:"tls_error,omitempty"`
	// State is what the operator asked for: enabled, drain or disabled.
	State string `json:"state"`
	// Override is what was asked of it at run time; absent where nothing was.
	Override *Override `json:"override,omitempty"`
	// Health is healthy, unhealthy, unknown (not probed yet) or unchecked (no probes).
	Health string `json:"health"`
	// Reason says in words why Health and Breaker are what they are.
	Reason string `json:"reason"`
	// Breaker is closed, half-open or open.
	Breaker string `json:"breaker"`
	// Trips counts how often it has opened, also again after a trial. It is never reset.
	Trips uint64 `json:"breaker_trips"`
	// Up is the verdict: may it be picked now.
	Up       bool   `json:"up"`
	InFlight int64  `json:"in_flight"`
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
	// ConnectionsOpen and ConnectionsIdle count over all shards.
	ConnectionsOpen int `json:"connections_open"`
	ConnectionsIdle int `json:"connections_idle"`
	// Since is when Up last changed.
	Since time.Time `json:"since"`
	// Probes are the last probes, newest first, with what live traffic said meanwhile.
	Probes []health.Probe `json:"probes,omitempty"`
}

// Summary is one pool in brief: enough to see whether something is wrong, without what costs
// more to find out.
type Summary struct {
	Name      string           `json:"name"`
	Algorithm string           `json:"algorithm"`
	Members   int              `json:"members"`
	Healthy   int              `json:"healthy"`
	InFlight  int64            `json:"in_flight"`
	Requests  uint64           `json:"requests"`
	Failures  uint64           `json:"failures"`
	Panic     bool             `json:"panic"`
	Backends  []BackendSummary `json:"backends"`
}

// BackendSummary is one member of a pool in brief. Its fields mean what those of
// BackendStatus do.
type BackendSummary struct {
	Address  string `json:"address"`
	Up       bool   `json:"up"`
	State    string `json:"state"`
	Health   string `json:"health"`
	InFlight int64  `json:"in_flight"`
}

// Occupancy is how much of what limits a pool is in use: cheap to find out, for who looks once
// a second. What has no limit is 0.
type Occupancy struct {
	Pool string
	// InProgress exchanges of Limit were let in; Waiting more of MaxQueue wait.
	InProgress, Limit, Waiting, MaxQueue int64
	// InFlight attempts of MaxRequests are made, where every backend that may be picked has such a bound.
	InFlight, MaxRequests int64
	// Busiest is the most attempts that one backend has in flight.
	Busiest int64
	// Requests are the attempts that have ended.
	Requests uint64
}
