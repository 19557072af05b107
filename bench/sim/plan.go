package sim

import (
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/algo"
)

// Plan is what all runs have in common. Each field must be set; see Standard.
type Plan struct {
	// Backends is how many there are, Workers how many requests each of them
	// works on at a time.
	Backends int `json:"backends"`
	Workers  int `json:"workers"`
	// Proxies balance without knowing of each other.
	Proxies int `json:"proxies"`
	// Requests is how many arrive, warm-up included.
	Requests int `json:"requests"`
	// Utilisation is the work that arrives, as a share of what all backends can
	// do while they are well.
	Utilisation float64 `json:"utilisation"`
	// Service is the mean work of a request on a backend of speed 1.
	Service time.Duration `json:"service_nanos"`
	// Timeout is how long a client waits.
	Timeout time.Duration `json:"timeout_nanos"`
	// Keys is how many clients there are, for algorithms that hash.
	Keys int `json:"keys"`
	// Seed of all that is random.
	Seed uint64 `json:"seed"`
}

// Standard is the plan of the documentation.
func Standard() Plan {
	return Plan{
		Backends: 100, Workers: 4, Proxies: 1, Requests: 1_000_000, Utilisation: 0.7,
		Service: 20 * time.Millisecond, Timeout: 10 * time.Second, Keys: 100_000, Seed: 1,
	}
}

// Bounds of a plan: memory and the width of indices.
const (
	workersMax  = 1 << 16
	proxiesMax  = 1 << 10
	requestsMax = 1 << 31
	keysMax     = 1 << 24
	loadsMax    = 1 << 22 // backends times proxies
)

// Check refuses what cannot be simulated.
func (p *Plan) Check() error {
	for _, n := range []struct {
		name            string
		value, low, top int
	}{
		{"backends", p.Backends, 1, algo.MaxMembers},
		{"workers", p.Workers, 1, workersMax},
		{"proxies", p.Proxies, 1, proxiesMax},
		{"requests", p.Requests, 2, requestsMax},
		{"keys", p.Keys, 1, keysMax},
		{"backends x proxies", p.Backends * p.Proxies, 1, loadsMax},
	} {
		if n.value < n.low || n.value > n.top {
			return fmt.Errorf("cannot simulate %d %s: it must be %d to %d", n.value, n.name, n.low, n.top)
		}
	}
	switch {
	case !(p.Utilisation > 0 && p.Utilisation <= 10): // NaN as well
		return fmt.Errorf("cannot simulate a utilisation of %g: it must be above 0, at most 10", p.Utilisation)
	case p.Service < time.Microsecond || p.Service > time.Hour:
		return fmt.Errorf("cannot simulate a service time of %s: it must be 1us to 1h", p.Service)
	case p.Timeout < p.Service || p.Timeout > 24*time.Hour:
		return fmt.Errorf("cannot simulate a timeout of %s: it must be %s (the service time) to 24h", p.Timeout, p.Service)
	}
	return nil
}
