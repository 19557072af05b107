package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/report"
	"github.com/isame-lb/isame-lb/bench/resilience"
)

const resilienceLong = `Starts isame-lb before five origins, sends load at 70 % of what they can do, and
lets them go wrong: one turns slow, answers errors, is killed and revived; all
are restarted in turn, die, or fail together. Prints what was asked for and what
clients and origins saw. The exit code is 1 when something was not met.`

type resilienceFlags struct {
	options resilience.Options
	json    bool
}

func resilienceCommand(env Env) *cobra.Command {
	var f resilienceFlags
	c := &cobra.Command{
		Use: "resilience", Short: "Let origins go wrong behind isame-lb",
		Long: resilienceLong, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, env) },
	}
	o, fl := &f.options, c.Flags()
	fl.StringVar(&o.Isame, "isame", "bin/isame-lb", "the isame-lb program")
	fl.DurationVarP(&o.Duration, "duration", "d", 10*time.Second, "how long a fault lasts, or its period; a scenario takes one to two")
	fl.StringSliceVar(&o.Scenarios, "scenarios", nil, "of "+strings.Join(resilience.Names(), ", ")+" (default all)")
	fl.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	return c
}

func (f *resilienceFlags) run(c *cobra.Command, env Env) error {
	return judged(env, f.json, "not met", func(row func(r resilience.Row, missed bool) error) error {
		return resilience.Run(c.Context(), f.options, func(r resilience.Row) error { return row(r, !r.Met) })
	})
}

// judged runs what is held against a target, writes each row as it comes or all of them as JSON
// at the end, and fails where some were missed; what says of these that they were.
func judged[R interface{ Write(w io.Writer) error }](
	env Env, asJSON bool, what string, run func(row func(r R, missed bool) error) error,
) error {
	var rows []R
	missed := 0
	err := run(func(r R, isMissed bool) error {
		rows = append(rows, r)
		if isMissed {
			missed++
		}
		if asJSON {
			return nil
		}
		return r.Write(env.Stdout)
	})
	if err != nil {
		return err
	}
	if asJSON {
		if err := report.JSON(env.Stdout, rows); err != nil {
			return err
		}
	}
	if missed > 0 {
		fmt.Fprintf(env.Stderr, "isame-bench: %d of %d %s\n", missed, len(rows), what)
		return errSilent
	}
	return nil
}
