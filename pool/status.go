package pool

import "time"

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
}

// BackendStatus is one member of a pool as it is now.
type BackendStatus struct {
	Address string `json:"address"`
	Weight  int    `json:"weight"`
	Backup  bool   `json:"backup"`
	Zone    string `json:"zone,omitempty"`
	// State is what the operator asked for: enabled, drain or disabled.
	State string `json:"state"`
	// Health is healthy, unhealthy, unknown (not probed yet) or unchecked (no probes).
	Health string `json:"health"`
	// Reason says in words why Health and Breaker are what they are.
	Reason string `json:"reason"`
	// Breaker is closed, half-open or open.
	Breaker string `json:"breaker"`
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
	// Probes are the last probes, newest first.
	Probes []Probe `json:"probes,omitempty"`
}

// Probe is one finished health probe.
type Probe struct {
	At         time.Time `json:"at"`
	DurationMS float64   `json:"duration_ms"`
	OK         bool      `json:"ok"`
	// Reason says what was seen, for instance "status 500, want 200-299".
	Reason string `json:"reason"`
}
