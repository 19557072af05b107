package origin

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Delay is a distribution of waiting times, safe for concurrent use. The zero
// value never waits.
type Delay struct {
	draw func() time.Duration
	text string
}

// delayMax bounds a drawn delay; a long tail must not hang a test.
const delayMax = time.Minute

// None reports whether there is never a delay.
func (d Delay) None() bool { return d.draw == nil }

// Draw returns the next delay, between 0 and one minute.
func (d Delay) Draw() time.Duration {
	if d.draw == nil {
		return 0
	}
	return min(max(d.draw(), 0), delayMax)
}

// String is the text the delay was read from.
func (d Delay) String() string { return d.text }

// ParseDelay reads a distribution:
//
//	5ms                 always the same
//	uniform:1ms,9ms     evenly between two
//	exp:5ms             exponential with this mean
//	normal:5ms,1ms      normal with this mean and standard deviation
//	p50=5ms,p99=40ms    through these quantiles (any pNN, two at least), log-linear between
//	                    them, the last one's slope going on
func ParseDelay(text string) (Delay, error) {
	kind, rest, found := strings.Cut(text, ":")
	if !found {
		kind, rest = "fixed", text
		if strings.Contains(text, "=") {
			kind = "quantiles"
		}
	}
	if text == "" || text == "0" {
		return Delay{}, nil
	}
	draw, err := parseDraw(kind, rest)
	if err != nil {
		return Delay{}, fmt.Errorf("cannot read the delay %q: %w", text, err)
	}
	return Delay{draw: draw, text: text}, nil
}

func parseDraw(kind, rest string) (func() time.Duration, error) {
	if kind == "quantiles" {
		return parseQuantiles(rest)
	}
	want := map[string]int{"fixed": 1, "exp": 1, "uniform": 2, "normal": 2}[kind]
	if want == 0 {
		return nil, fmt.Errorf("unknown distribution %q (exp, normal, uniform or p50=..,p99=..)", kind)
	}
	var d []float64
	for part := range strings.SplitSeq(rest, ",") {
		v, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%q is no duration", part)
		}
		if v < 0 {
			return nil, fmt.Errorf("%q is negative", part)
		}
		d = append(d, float64(v))
	}
	if len(d) != want {
		return nil, fmt.Errorf("%s takes %d durations, not %d", kind, want, len(d))
	}
	switch kind {
	case "exp":
		return func() time.Duration { return time.Duration(d[0] * rand.ExpFloat64()) }, nil
	case "normal":
		return func() time.Duration { return time.Duration(d[0] + d[1]*rand.NormFloat64()) }, nil
	case "uniform":
		return func() time.Duration { return time.Duration(d[0] + (d[1]-d[0])*rand.Float64()) }, nil
	}
	return func() time.Duration { return time.Duration(d[0]) }, nil
}

// quantile is one point of a distribution: tail is the share above it.
type quantile struct {
	tail float64
	log  float64 // natural logarithm of the delay in nanoseconds
}

// parseQuantiles builds a distribution whose logarithm is a straight line in
// the logarithm of the tail between the given points. Such lines have the long
// tails real services have.
func parseQuantiles(text string) (func() time.Duration, error) {
	var points []quantile
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		percent, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
		if err != nil || !strings.HasPrefix(name, "p") || percent <= 0 || percent >= 100 {
			return nil, fmt.Errorf("%q is no quantile such as p99", name)
		}
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q is no positive duration", value)
		}
		q := quantile{tail: 1 - percent/100, log: math.Log(float64(d))}
		if n := len(points); n > 0 && (q.tail >= points[n-1].tail || q.log < points[n-1].log) {
			return nil, fmt.Errorf("%q must be above the quantile before it", part)
		}
		points = append(points, q)
	}
	if len(points) < 2 {
		return nil, fmt.Errorf("%q has one quantile, two are needed", text)
	}
	return func() time.Duration { return interpolate(points, 1-rand.Float64()) }, nil
}

// interpolate returns the delay above which the share tail (0 to 1] lies.
func interpolate(points []quantile, tail float64) time.Duration {
	i := 1
	for i < len(points)-1 && points[i].tail > tail {
		i++
	}
	a, b := points[i-1], points[i]
	x := (math.Log(tail) - math.Log(a.tail)) / (math.Log(b.tail) - math.Log(a.tail))
	ns := math.Exp(a.log + x*(b.log-a.log))
	return time.Duration(min(ns, float64(delayMax)))
}
