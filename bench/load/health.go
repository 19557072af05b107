package load

import (
	"fmt"

	"github.com/isame-lb/isame-lb/bench/hist"
)

// Generator is what the load generator knows about itself.
type Generator struct {
	// CPUPercent is the time on a core of the busiest worker, of 100.
	CPUPercent float64 `json:"cpu_percent"`
	// CPUPerRequest is the CPU time all workers spent for one request.
	CPUPerRequest float64 `json:"cpu_us_per_request"`
	// WaitPercent is how long the worker that waited longest was ready to run
	// while something else had its core.
	WaitPercent float64 `json:"core_wait_percent"`
	// LagP99 is how late requests were sent although a connection was free
	// (open loop).
	LagP99 float64 `json:"lag_p99_us"`
	// LagMax is the worst of these.
	LagMax float64 `json:"lag_max_us"`
	// Limit says what kept the rate from being higher: target, generator,
	// connections, or none when an open loop had the rate it was asked for.
	Limit string `json:"limit"`
	// Note is the same in a sentence.
	Note string `json:"note"`
}

// Values of Generator.Limit.
const (
	LimitTarget      = "target"
	LimitGenerator   = "generator"
	LimitConnections = "connections"
	LimitNone        = "none"
)

const (
	fullPercent  = 92   // a worker this busy has no reserve left
	lagHighMicro = 1000 // requests this late spoil the figures of an open loop
	unsentMax    = 0.01 // share of the due requests that a target which keeps up may leave unsent
)

// judge says whether the generator or the target was the limit.
func judge(r *Result, workers []*worker, lag *hist.H) Generator {
	g := Generator{LagP99: float64(lag.Quantile(0.99)) / 1e3, LagMax: float64(lag.Max()) / 1e3}
	cpu, busiest := int64(0), 0.0
	for _, w := range workers {
		m := w.meter
		cpu += m.cpu
		if m.wall == 0 {
			continue
		}
		used, waited := 100*float64(m.cpu)/float64(m.wall), 100*float64(m.waited)/float64(m.wall)
		g.CPUPercent, g.WaitPercent = max(g.CPUPercent, used), max(g.WaitPercent, waited)
		busiest = max(busiest, used+waited)
	}
	if done := r.Requests + r.Errors; done > 0 {
		g.CPUPerRequest = float64(cpu) / 1e3 / float64(done)
	}
	g.Limit, g.Note = verdict(r, g, busiest >= fullPercent)
	return g
}

func verdict(r *Result, g Generator, full bool) (limit, note string) {
	why := fmt.Sprintf("its busiest worker used %.0f %% of a core and waited %.0f %% for it", g.CPUPercent, g.WaitPercent)
	if r.Mode == "closed" {
		if full {
			return LimitGenerator, "the generator was the limit, the target may be faster: " + why
		}
		return LimitTarget, "the target was the limit: " + why
	}
	reached := r.reached()
	late := g.LagP99 > lagHighMicro
	switch {
	case late || !reached && full:
		return LimitGenerator, fmt.Sprintf("the generator could not keep the schedule, do not trust the latencies: "+
			"1 %% of the requests were sent more than %.0f us late; %s", g.LagP99, why)
	case !reached:
		return LimitConnections, fmt.Sprintf("all %d connections were busy when requests were due: "+
			"the target is too slow for this rate, or there are too few connections", r.Connections)
	}
	return LimitNone, fmt.Sprintf("the rate was reached; requests were sent at most %.0f us late (99 %%)", g.LagP99)
}

// reached reports whether an open loop sent what was due.
func (r *Result) reached() bool {
	return float64(r.Unsent) <= unsentMax*float64(r.Requests+r.Errors+r.Unsent)
}
