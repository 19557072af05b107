package resilience

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

// Row is one line of the table: what was asked for and what came.
type Row struct {
	Scenario string `json:"scenario"`
	Asked    string `json:"asked"`
	Measured string `json:"measured"`
	// Met is whether it holds. Lines that are there to compare with always hold.
	Met bool `json:"met"`
	// Log is what isame-lb printed: errors, cut after a while.
	Log string `json:"log"`
}

const (
	probeInterval = time.Second
	healthCheck   = "health_check: {type: http, path: /health, interval: 1s, timeout: 500ms, healthy_after: 1, unhealthy_after: 2}\n"
	retryAll      = "retry: {attempts: 3, on: [connect_failure, reset, timeout, \"502\", \"503\", \"504\"]}\n"
)

// scenario is one thing that goes wrong.
type scenario struct {
	name  string
	pool  string // lines of the pool's configuration
	retry string // of the route's
	run   func(context.Context, *site, time.Duration) (Row, error)
}

func scenarios() []scenario {
	list := []scenario{
		{"errors", healthCheck + "circuit_breaker: {error_percent: 20, min_requests: 20}\n", "", errorsOfOne},
		{"killed", healthCheck, retryAll, killedAndRevived},
		{"outage", healthCheck + "panic_threshold: 0\n", "", outage},
		{"restart", healthCheck, retryAll, rollingRestart},
		{"storm", "", retryAll, retryStorm},
	}
	for _, algorithm := range []string{"round_robin", "peak_ewma", "p2c"} {
		list = slices.Insert(list, 0, scenario{"slow-" + algorithm, "algorithm: " + algorithm + "\n", "", slowOne(algorithm != "round_robin")})
	}
	return list
}

// Names are those of all scenarios.
func Names() []string {
	all := scenarios()
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, s.name)
	}
	return out
}

// slowOne compares the tail before and after one origin turned 100 times slower.
func slowOne(judged bool) func(context.Context, *site, time.Duration) (Row, error) {
	return func(ctx context.Context, s *site, d time.Duration) (Row, error) {
		before, err := s.during(ctx, d, calm)
		if err != nil {
			return Row{}, err
		}
		s.warmup = 0
		s.origins[0].slower.Store(100)
		after, err := s.during(ctx, d, calm)
		if err != nil {
			return Row{}, err
		}
		was, is := before.Latency.P99, after.Latency.P99
		r := Row{Asked: "p99 at most 2 x of before, one origin 100 x slower", Met: is <= 2*was && failed(after) == 0}
		if !judged {
			r.Asked, r.Met = "(to compare with)", true
		}
		r.Measured = fmt.Sprintf("p99 %s before, %s after (%.1f x), %d failed", report.Micros(was), report.Micros(is),
			is/max(was, 1), failed(after))
		return r, nil
	}
}

// errorsOfOne lets one origin answer 30 % errors.
func errorsOfOne(ctx context.Context, s *site, d time.Duration) (Row, error) {
	s.origins[0].failing.Store(300)
	s.warmup = 0
	r, err := s.during(ctx, 2*d, calm)
	if err != nil {
		return Row{}, err
	}
	return Row{
		Asked: "one origin fails 30 %: under 0.5 % seen by clients", Met: share(r) < 0.005,
		Measured: fmt.Sprintf("%.3f %%: %s", share(r)*100, counts(r)),
	}, nil
}

// killedAndRevived kills one origin twice, each time for half of d.
func killedAndRevived(ctx context.Context, s *site, d time.Duration) (Row, error) {
	r, err := s.during(ctx, 2*d, func(ctx context.Context) error {
		o := s.origins[0]
		for range 2 {
			if err := wait(ctx, d/4); err != nil {
				return err
			}
			o.kill()
			if err := wait(ctx, d/2); err != nil {
				return err
			}
			if err := o.up(ctx); err != nil {
				return err
			}
			if err := wait(ctx, d/4); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Row{}, err
	}
	return Row{
		Asked: fmt.Sprintf("one origin killed and revived each %s: no GET fails", d), Met: failed(r) == 0,
		Measured: fmt.Sprintf("%d failed: %s", failed(r), counts(r)),
	}, nil
}

// outage kills all origins for d/2.
func outage(ctx context.Context, s *site, d time.Duration) (Row, error) {
	s.warmup = 0
	for _, o := range s.origins {
		o.kill()
	}
	r, err := s.during(ctx, d/2, calm)
	if err != nil {
		return Row{}, err
	}
	status, cause, err := s.ask(ctx)
	if err != nil {
		return Row{}, err
	}
	for _, o := range s.origins {
		if err := o.up(ctx); err != nil {
			return Row{}, err
		}
	}
	back, err := s.recovered(ctx, 20*probeInterval)
	if err != nil {
		return Row{}, err
	}
	return Row{
		Asked: fmt.Sprintf("all dead for %s: 503 with cause when probes know, back within %s", d/2, probeInterval),
		// The answer of the probe and of the request that asks takes its time as well.
		Met:      status == http.StatusServiceUnavailable && cause != "" && r.Errors == 0 && back <= probeInterval+100*time.Millisecond,
		Measured: fmt.Sprintf("%d %s, back after %s: %s", status, cause, back.Round(time.Millisecond), counts(r)),
	}, nil
}

// rollingRestart drains one origin after the other and starts it again.
func rollingRestart(ctx context.Context, s *site, d time.Duration) (Row, error) {
	step := 2 * d / (2 * originCount)
	r, err := s.during(ctx, 2*d, func(ctx context.Context) error {
		for _, o := range s.origins {
			if err := o.drain(ctx); err != nil {
				return err
			}
			if err := wait(ctx, step); err != nil {
				return err
			}
			if err := o.up(ctx); err != nil {
				return err
			}
			if err := wait(ctx, step); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Row{}, err
	}
	return Row{
		Asked: "all origins restarted in turn: no request fails", Met: failed(r) == 0,
		Measured: fmt.Sprintf("%d failed: %s", failed(r), counts(r)),
	}, nil
}

// retryStorm lets all origins fail everything for d.
func retryStorm(ctx context.Context, s *site, d time.Duration) (Row, error) {
	s.warmup = 0
	for _, o := range s.origins {
		o.failing.Store(1000)
	}
	before := s.seen()
	r, err := s.during(ctx, d, calm)
	if err != nil {
		return Row{}, err
	}
	ratio := float64(s.seen()-before) / float64(max(r.Requests+r.Errors, 1))
	return Row{
		Asked: "all fail: origins see at most 1.25 x the rate of the clients", Met: ratio <= 1.25 && r.Requests > 0,
		Measured: fmt.Sprintf("%.3f x: %s", ratio, counts(r)),
	}, nil
}

func (s *site) seen() int64 {
	n := int64(0)
	for _, o := range s.origins {
		n += o.seen.Load()
	}
	return n
}

// counts lists answers by status and errors by cause.
func counts(r *load.Result) string {
	var parts []string
	for _, m := range []map[string]uint64{r.Answers, r.Causes} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if m[k] > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", report.Number(float64(m[k])), k))
			}
		}
	}
	if r.Unsent > 0 {
		parts = append(parts, fmt.Sprintf("%d unsent", r.Unsent))
	}
	return strings.Join(parts, ", ")
}
