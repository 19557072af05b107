package resilience

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Options of a run.
type Options struct {
	// Isame is the isame-lb program.
	Isame string
	// Duration is how long a fault lasts, or its period: a scenario takes one to
	// two of them. At least 100 ms.
	Duration time.Duration
	// Scenarios are names; empty means all that there are.
	Scenarios []string
}

// Run makes the scenarios one after the other and calls each with the outcome.
func Run(ctx context.Context, o Options, each func(Row) error) error {
	all := scenarios()
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("cannot find the scenario %q, only %s", name, strings.Join(Names(), ", "))
		}
	}
	if o.Duration < 100*time.Millisecond {
		return fmt.Errorf("cannot run scenarios of %s: at least 100ms", o.Duration)
	}
	for _, s := range all {
		if len(o.Scenarios) > 0 && !slices.Contains(o.Scenarios, s.name) {
			continue
		}
		r, err := s.play(ctx, o)
		if err != nil {
			return fmt.Errorf("cannot run the scenario %q: %w", s.name, err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) play(ctx context.Context, o Options) (Row, error) {
	place, err := open(ctx, o.Isame, s.pool, s.retry)
	if err != nil {
		return Row{}, err
	}
	defer place.close()
	r, err := s.run(ctx, place, o.Duration)
	r.Log = place.proxy.Output()
	r.Scenario = s.name
	return r, err
}

// Write writes the row as lines of a table for people.
func (r Row) Write(w io.Writer) error {
	met := "yes"
	if !r.Met {
		met = "NO"
	}
	_, err := fmt.Fprintf(w, "%-17s %-3s  asked     %s\n%22s  measured  %s\n", r.Scenario, met, r.Asked, "", r.Measured)
	if err != nil {
		return fmt.Errorf("cannot write the table: %w", err)
	}
	return nil
}
