package compare

import (
	"context"
	"fmt"

	"github.com/isame-lb/isame-lb/bench/load"
)

// Target is one of the things compared.
type Target struct {
	Name string
	URL  string
	// PID is the process whose CPU time is measured, with its descendants; 0: none.
	PID int
}

// Options of a comparison.
type Options struct {
	A, B Target
	// Direct is the origin behind both, measured as well when it has a URL: what
	// is above it was added by the proxy.
	Direct Target
	// Plan is the load; its URL is set for each target.
	Plan load.Plan
	// Rounds is how often each target is measured; at least 1.
	Rounds int
	// Each is called, when not nil, after every run.
	Each func(round int, t Target, r *load.Result)
}

// Side is what was measured of one target, one value a round.
type Side struct {
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	Rate      []float64 `json:"requests_per_second"`
	P50       []float64 `json:"p50_us"`
	P99       []float64 `json:"p99_us"`
	CPU       []float64 `json:"cpu_us_per_request,omitempty"`
	Errors    uint64    `json:"errors"`
	Generator int       `json:"rounds_limited_by_generator"`
}

// Comparison is the outcome.
type Comparison struct {
	A      Side  `json:"a"`
	B      Side  `json:"b"`
	Direct *Side `json:"direct,omitempty"`
	// Rate and so on are B over A.
	Rate Ratio  `json:"rate_ratio"`
	P50  Ratio  `json:"p50_ratio"`
	P99  Ratio  `json:"p99_ratio"`
	CPU  *Ratio `json:"cpu_ratio,omitempty"`
}

const roundsMax = 1000

// Run measures A, B and Direct in turn, Rounds times; every other round begins
// at the other end, so that none of them always follows the same neighbour.
func Run(ctx context.Context, o Options) (*Comparison, error) {
	if o.Rounds < 1 || o.Rounds > roundsMax {
		return nil, fmt.Errorf("cannot make %d rounds: 1 to %d", o.Rounds, roundsMax)
	}
	targets := []Target{o.A, o.B}
	if o.Direct.URL != "" {
		targets = append(targets, o.Direct)
	}
	sides := make([]Side, len(targets))
	for i, t := range targets {
		sides[i].Name, sides[i].URL = t.Name, t.URL
	}
	for round := range o.Rounds {
		for i := range targets {
			if round%2 == 1 {
				i = len(targets) - 1 - i
			}
			if err := sides[i].measure(ctx, o, targets[i], round); err != nil {
				return nil, err
			}
		}
	}
	c := &Comparison{A: sides[0], B: sides[1]}
	if len(sides) == 3 {
		c.Direct = &sides[2]
	}
	c.Rate, c.P50, c.P99 = Compare(c.A.Rate, c.B.Rate), Compare(c.A.P50, c.B.P50), Compare(c.A.P99, c.B.P99)
	if len(c.A.CPU) > 0 && len(c.B.CPU) > 0 {
		r := Compare(c.A.CPU, c.B.CPU)
		c.CPU = &r
	}
	return c, nil
}

// measure makes one run and adds its figures.
func (s *Side) measure(ctx context.Context, o Options, t Target, round int) error {
	p := o.Plan
	p.URL = t.URL
	r, err := Measure(ctx, p, t.PID)
	if err != nil {
		return fmt.Errorf("cannot measure %s: %w", t.Name, err)
	}
	if r.Interrupted {
		return fmt.Errorf("cannot measure %s: %w", t.Name, context.Cause(ctx))
	}
	if t.PID != 0 {
		s.CPU = append(s.CPU, r.TargetCPU)
	}
	s.Rate = append(s.Rate, r.Rate)
	s.P50 = append(s.P50, r.Latency.P50)
	s.P99 = append(s.P99, r.Latency.P99)
	s.Errors += r.Errors
	if r.Generator.Limit == load.LimitGenerator {
		s.Generator++
	}
	if o.Each != nil {
		o.Each(round, t, r)
	}
	return nil
}
