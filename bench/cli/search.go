package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

// search makes the runs of --ramp or --knee and shows each as it ends.
func (f *runFlags) search(ctx context.Context, env Env) error {
	line := newProgress(env, f.quiet)
	f.plan.Progress = line.update
	each := func(s load.Step) {
		line.clear()
		if !f.json {
			report.Step(env.Stdout, s)
		}
	}
	if !f.json {
		report.StepsHead(env.Stdout)
	}
	if !f.knee {
		steps, err := load.Ramp(ctx, f.plan, f.rampFrom, f.rampTo, f.steps, each)
		line.clear()
		if err != nil {
			return err
		}
		return f.showSteps(env, steps, nil)
	}
	found, err := load.Knee(ctx, f.plan, load.Goal{P99: f.target, Start: f.plan.Rate}, each)
	line.clear()
	if err != nil {
		return err
	}
	if !f.json {
		report.Knee(env.Stdout, found)
	}
	if err := f.showSteps(env, found.Steps, found); err != nil {
		return err
	}
	if found.Rate == 0 && f.failOnError {
		return errSilent
	}
	return nil
}

// showSteps writes what was asked for: the page, and all as JSON.
// found is nil for a ramp.
func (f *runFlags) showSteps(env Env, steps []load.Step, found *load.Found) error {
	err := writeFile(f.report, func(w io.Writer) error { return report.StepsPage(w, f.plan.URL, steps, found) })
	if err != nil {
		return err
	}
	if f.json {
		if found != nil {
			return report.JSON(env.Stdout, found)
		}
		return report.JSON(env.Stdout, steps)
	}
	failed := uint64(0)
	for _, s := range steps {
		failed += s.Result.Errors + s.Result.Unexpected(f.accept)
	}
	if f.failOnError && !f.knee && failed > 0 {
		fmt.Fprintf(env.Stderr, "isame-bench: %d requests failed\n", failed)
		return errSilent
	}
	return nil
}
