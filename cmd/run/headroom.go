package run

import (
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/headroom"
	"github.com/isame-lb/isame-lb/engine/headroom/look"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// headroomLook is how often the meter looks.
const headroomLook = time.Second

// headroomWatch looks at the process once a second, and says how much more load it takes.
type headroomWatch struct {
	proxy *proxy
	meter headroom.Meter
}

// start looks from now on, in a goroutine of its own, until the process drains. Who asks before
// is told that it is too early.
func (w *headroomWatch) start() {
	p := w.proxy
	p.registry.SetHeadroom(w.measure)
	process, ports := look.New(), look.Ports()
	take := func() {
		loads, sockets := p.engine.Loads(ports)
		s := process.Look(sockets)
		s.Loads = append(s.Loads, loads...)
		t := p.registry.Traffic()
		s.Requests, s.Shards, s.Durations = t.Requests, t.Shards, t.Durations
		w.meter.Add(s)
	}
	safely.Go("headroom", func() {
		tick := time.NewTicker(headroomLook)
		defer tick.Stop()
		safely.Do("headroom", func() {
			w.meter.Wake(look.Wake())
			take()
		}, nil)
		for {
			select {
			case <-tick.C:
				safely.Do("headroom", take, nil)
			case <-p.draining:
				return
			}
		}
	})
}

func (w *headroomWatch) estimate() headroom.Estimate {
	return w.meter.Estimate(w.proxy.loaded.Load().Config.Headroom.TargetP99)
}

// measure is what a scrape gets.
func (w *headroomWatch) measure() observe.Headroom {
	e := w.estimate()
	m := observe.Headroom{Known: e.Why == headroom.Told, Times: e.Times, Limits: map[string]float64{}}
	for i := range e.Limits {
		l := &e.Limits[i]
		word := l.Kind.String()
		if _, less := m.Limits[word]; l.Told && !less { // the least comes first
			m.Limits[word] = l.Times
		}
	}
	return m
}

// tell is what the admin endpoint shows, without the summary.
func (w *headroomWatch) tell() *api.Headroom {
	e := w.estimate()
	h := &api.Headroom{
		Concluded: e.Why == headroom.Told, Missing: headroomMissing(&e),
		RequestsPerSecond: e.Rate, Requests: e.Requests, Seconds: e.Seconds,
		TargetConfigured: e.Given, TargetBeyond: e.Beyond,
		Processors: api.HeadroomProcessors{
			Available: e.Processors, Used: e.Used, OthersUsed: e.Others, Idle: e.Constant,
			RequestUS: float64(e.Request) / float64(time.Microsecond), GarbageShare: e.GC, DelayMS: milliseconds(e.Delay),
		},
	}
	h.P99MS = maybeMilliseconds(e.P99)
	if e.P99 > 0 || e.Given {
		h.TargetMS = maybeMilliseconds(e.Target)
	}
	if h.Concluded {
		h.Times, h.Low, h.High = &e.Times, &e.Low, &e.High
	}
	for i := range e.Limits {
		h.Limits = append(h.Limits, apiLimit(&e.Limits[i]))
	}
	return h
}

func apiLimit(l *headroom.Limit) api.HeadroomLimit {
	out := api.HeadroomLimit{Limit: l.Kind.String(), Name: l.Name, Use: l.Use, Most: l.Most, Concluded: l.Told, Low: &l.Low}
	if l.Told {
		out.Times, out.High = &l.Times, &l.High
	}
	return out
}

// headroomMissing is what there is, and what it takes.
func headroomMissing(e *headroom.Estimate) string {
	switch e.Why {
	case headroom.Young:
		return fmt.Sprintf("it has looked for %.0f s, and takes %d", e.Seconds, headroom.SecondsLeast)
	case headroom.Quiet:
		return fmt.Sprintf("requests in the last %.0f s: %d, which used %.2f %% of the processors; "+
			"it takes %d and %.0f %%, or %.0f %% of another limit", e.Seconds, e.Requests, 100*e.Used/max(e.Processors, 1e-9),
			headroom.RequestsLeast, 100*headroom.UsedLeast, 100*headroom.HeldLeast)
	case headroom.Told:
	}
	return ""
}
