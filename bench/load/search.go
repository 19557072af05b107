package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Step is one run of a ramp or a knee search.
type Step struct {
	Result *Result `json:"result"`
	// Held says that the target kept up: the rate was reached, no request failed
	// and, in a knee search, p99 stayed within the goal.
	Held bool   `json:"held"`
	Why  string `json:"why,omitempty"` // when it did not
}

// Goal is what a knee search looks for.
type Goal struct {
	// P99 is the latency that 99 % of the requests must not exceed.
	P99 time.Duration
	// Start is the rate of the first step; 0: 1,000 a second.
	Start float64
}

// Found is the outcome of a knee search.
type Found struct {
	// Rate is the highest rate that held; 0: none did.
	Rate float64 `json:"rate"`
	// P99Target is the goal.
	P99Target float64 `json:"p99_target_us"`
	// Limit says what stood in the way of more: target or generator.
	Limit string `json:"limit"`
	Steps []Step `json:"steps"`
}

const (
	rampStepsMax   = 1000
	doublingsMax   = 20
	bisectionsMax  = 8
	kneePrecision  = 1.05 // the last rate that failed over the highest that held
	kneeStart      = 1000
	warmupShare    = 10 // of a step, when no warm-up is given
	failedShareMax = 0.0001
)

// Ramp makes steps runs of p at rates from one to another, evenly spaced, and
// calls each, when not nil, after every one of them.
func Ramp(ctx context.Context, p Plan, from, to float64, steps int, each func(Step)) ([]Step, error) {
	if steps < 1 || steps > rampStepsMax || from <= 0 || to <= 0 {
		return nil, fmt.Errorf("cannot ramp from %g to %g in %d steps: rates must be above 0, steps 1 to %d", from, to, steps, rampStepsMax)
	}
	var out []Step
	for i := range steps {
		rate := to
		if steps > 1 {
			rate = from + (to-from)*float64(i)/float64(steps-1)
		}
		s, err := step(ctx, p, rate, 0)
		if err != nil {
			return out, err
		}
		out = append(out, s)
		if each != nil {
			each(s)
		}
		if s.Result.Interrupted {
			return out, nil
		}
	}
	return out, nil
}

// Knee searches for the highest rate at which the goal holds: it doubles the
// rate until it fails, then halves the interval. A step that fails is repeated
// once, so that one hiccup does not decide.
func Knee(ctx context.Context, p Plan, g Goal, each func(Step)) (*Found, error) {
	if g.P99 <= 0 {
		return nil, errors.New("cannot search for a knee without a target for p99")
	}
	if g.Start <= 0 {
		g.Start = kneeStart
	}
	f := &Found{P99Target: float64(g.P99) / 1e3, Limit: LimitTarget}
	search := &kneeSearch{plan: p, goal: g.P99, each: each, found: f}
	low, high, err := search.bracket(ctx, g.Start)
	for range bisectionsMax {
		if err != nil || low == 0 || high == 0 || high/low < kneePrecision {
			break
		}
		middle := math.Sqrt(low * high)
		var held bool
		if held, err = search.try(ctx, middle); held {
			low = middle
		} else {
			high = middle
		}
	}
	f.Rate = low
	if errors.Is(err, errInterrupted) {
		err = nil
	}
	return f, err
}

var errInterrupted = errors.New("interrupted")

type kneeSearch struct {
	plan  Plan
	goal  time.Duration
	each  func(Step)
	found *Found
}

// bracket finds a rate that holds and one above it that does not. One of them
// is 0 when it found none.
func (k *kneeSearch) bracket(ctx context.Context, start float64) (low, high float64, err error) {
	held, err := k.try(ctx, start)
	for rate, i := start, 0; i < doublingsMax && err == nil; i++ {
		if held {
			low = rate
			rate *= 2
		} else {
			high = rate
			rate /= 2
		}
		if low > 0 && high > 0 || rate > rateMax || rate < 1 {
			break
		}
		held, err = k.try(ctx, rate)
	}
	return low, high, err
}

// try makes a step, and another one when it fails.
func (k *kneeSearch) try(ctx context.Context, rate float64) (held bool, err error) {
	for range 2 {
		s, err := step(ctx, k.plan, rate, k.goal)
		if err != nil {
			return false, err
		}
		k.found.Steps = append(k.found.Steps, s)
		if k.each != nil {
			k.each(s)
		}
		if s.Result.Interrupted {
			return false, errInterrupted
		}
		if s.Held {
			return true, nil
		}
		k.found.Limit = LimitTarget
		if s.Result.Generator.Limit == LimitGenerator {
			k.found.Limit = LimitGenerator
		}
	}
	return false, nil
}

// step makes one open-loop run and judges it. goal 0: any latency will do.
func step(ctx context.Context, p Plan, rate float64, goal time.Duration) (Step, error) {
	p.Rate = rate
	if p.Warmup == 0 {
		p.Warmup = p.Duration / warmupShare
	}
	r, err := Run(ctx, p)
	if err != nil {
		return Step{}, err
	}
	s := Step{Result: r, Held: true}
	asked := max(float64(r.Requests+r.Errors+r.Unsent), 1)
	switch {
	case float64(r.Errors)/asked > failedShareMax:
		s.Why = fmt.Sprintf("%d errors", r.Errors)
	case !r.reached():
		s.Why = fmt.Sprintf("rate not reached (limit: %s)", r.Generator.Limit)
	case goal > 0 && r.Latency.P99 > float64(goal)/1e3:
		s.Why = "p99 above the target"
	}
	s.Held = s.Why == ""
	return s, nil
}
