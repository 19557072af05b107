package health

import "time"

// Probe is one finished health probe.
type Probe struct {
	At         time.Time `json:"at"`
	DurationMS float64   `json:"duration_ms"`
	OK         bool      `json:"ok"`
	// Reason says what was seen, for instance "status 500, want 200-299".
	Reason string `json:"reason"`
	// Live entries are of live traffic: a circuit breaker wanted to open.
	Live bool `json:"live,omitempty"`
}
