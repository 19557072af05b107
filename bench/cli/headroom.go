package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/headroom"
)

const headroomLong = `Starts isame-lb on one core, asks it at about 25 %, 50 % and 70 % of what it can do how much more it
takes, and then searches for the knee: the highest rate at which p99 holds the same target. The exit
code is 1 where an estimate is off by more than 20 %, or another limit was named first. Load and
origin are this process: run it on another core, as make headroom does.`

type headroomFlags struct {
	options headroom.Options
	json    bool
}

func headroomCommand(env Env) *cobra.Command {
	var f headroomFlags
	c := &cobra.Command{
		Use: "headroom", Short: "Hold isame-lb's own estimate of its headroom against a search for the knee",
		Long: headroomLong, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, env) },
	}
	o, fl := &f.options, c.Flags()
	fl.StringVar(&o.Isame, "isame", "bin/isame-lb", "the isame-lb program")
	fl.IntVar(&o.Core, "core", 0, "core that it runs on; below 0: any")
	fl.DurationVar(&o.Hold, "hold", 30*time.Second, "how long a load stands before the proxy is asked, at least 6s")
	fl.DurationVar(&o.Step, "step", 5*time.Second, "length of each step of the search")
	fl.StringSliceVar(&o.Cases, "cases", nil, "of "+strings.Join(headroom.Names(), ", ")+" (default all)")
	fl.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	return c
}

func (f *headroomFlags) run(c *cobra.Command, env Env) error {
	if f.options.Hold < 6*time.Second || f.options.Step < 100*time.Millisecond {
		return usageError{errors.New("a load stands for 6s at least, a step of the search for 100ms")}
	}
	if !f.json {
		if err := headroom.Head(env.Stdout); err != nil {
			return err
		}
	}
	return judged(env, f.json, "not within 20 %", func(row func(r *headroom.Row, missed bool) error) error {
		return headroom.Run(c.Context(), f.options, func(r headroom.Row) error { return row(&r, !r.Met && !r.Limited) })
	})
}
