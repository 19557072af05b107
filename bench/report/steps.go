package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/isame-lb/isame-lb/bench/load"
)

// StepsHead writes the head of the table whose lines Step writes.
func StepsHead(w io.Writer) {
	fmt.Fprintf(w, "%12s %12s %10s %10s %10s %10s %8s  %s\n", "rate asked", "reached", "p50", "p90", "p99", "p99.9", "errors", "held")
}

// Step writes one step of a ramp or a knee search.
func Step(w io.Writer, s load.Step) {
	r, held := s.Result, "yes"
	if !s.Held {
		held = "no: " + s.Why
	}
	fmt.Fprintf(w, "%12s %12s %10s %10s %10s %10s %8d  %s\n", Number(r.RateAsked), Number(r.Rate), Micros(r.Latency.P50),
		Micros(r.Latency.P90), Micros(r.Latency.P99), Micros(r.Latency.P999), r.Errors, held)
}

// Knee writes the outcome of a knee search.
func Knee(w io.Writer, f *load.Found) {
	if f.Rate == 0 {
		fmt.Fprintf(w, "\nno rate kept p99 within %s\n", Micros(f.P99Target))
		return
	}
	fmt.Fprintf(w, "\nknee: %s requests/s with p99 within %s", Number(f.Rate), Micros(f.P99Target))
	if f.Limit == load.LimitGenerator {
		fmt.Fprint(w, " (the generator was the limit, the target may do more)")
	}
	fmt.Fprintln(w)
}

func sortedByRate(steps []load.Step) []load.Step {
	out := slices.Clone(steps)
	slices.SortStableFunc(out, func(a, b load.Step) int { return cmp.Compare(a.Result.RateAsked, b.Result.RateAsked) })
	return out
}
