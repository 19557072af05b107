package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/compare"
	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

const compareLong = `Sends the same load to two URLs in turn (A B, B A, ...), as often as --rounds says, and shows
medians and the ratio B/A with its 95 % confidence interval. With --direct the origin
behind them is measured too, and what each proxy added to its latency is shown. With
--pid the CPU time a request costs is read from /proc, workers included.`

const compareExample = `  isame-bench compare http://localhost:8081/ http://localhost:8080/ --rounds 7 -d 2s -c 64
  isame-bench compare URL_A URL_B --direct http://localhost:9001/ --rate 5000
  isame-bench compare URL_A URL_B --names nginx,isame --pid A=$(cat nginx.pid) --pid B=$(pgrep -o isame-lb)`

type compareFlags struct {
	planFlags
	direct string
	names  string
	pids   []string
	rounds int
	json   bool
	quiet  bool
}

func compareCommand(env Env) *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use: "compare URL_A URL_B", Short: "Measure two targets in interleaved rounds",
		Long: compareLong, Example: compareExample, Args: exactly(2, "two URLs"),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(c, args)
			if err != nil {
				return usageError{err}
			}
			return f.compare(c.Context(), env, o)
		},
	}
	f.define(c, 2*time.Second)
	fl := c.Flags()
	fl.StringVar(&f.direct, "direct", "", "`URL` of the origin behind both")
	fl.StringVar(&f.names, "names", "A,B", "what to call the two")
	fl.StringArrayVar(&f.pids, "pid", nil, "`A=PID` or B=PID: process whose CPU time is measured (repeatable)")
	fl.IntVar(&f.rounds, "rounds", 5, "how often each target is measured")
	fl.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress on a terminal")
	return c
}

// options reads the flags.
func (f *compareFlags) options(c *cobra.Command, args []string) (o compare.Options, err error) {
	if err := f.prepare(c); err != nil {
		return o, err
	}
	nameA, nameB, found := strings.Cut(f.names, ",")
	if !found {
		return o, fmt.Errorf("--names must be two names with a comma between them, not %q", f.names)
	}
	o = compare.Options{
		A: compare.Target{Name: nameA, URL: args[0]}, B: compare.Target{Name: nameB, URL: args[1]},
		Direct: compare.Target{Name: "direct", URL: f.direct}, Plan: f.plan, Rounds: f.rounds,
	}
	if f.plan.Warmup == 0 && !c.Flags().Changed("warmup") {
		o.Plan.Warmup = f.plan.Duration / 10
	}
	for _, text := range f.pids {
		side, number, _ := strings.Cut(text, "=")
		pid, err := strconv.Atoi(number)
		switch {
		case err != nil || pid <= 0 || side != "A" && side != "B":
			return o, fmt.Errorf("--pid must be A=PID or B=PID, not %q", text)
		case side == "A":
			o.A.PID = pid
		default:
			o.B.PID = pid
		}
	}
	return o, nil
}

func (f *compareFlags) compare(ctx context.Context, env Env, o compare.Options) error {
	if env.Terminal && !f.quiet {
		o.Each = func(round int, t compare.Target, r *load.Result) {
			fmt.Fprintf(env.Stderr, "round %d  %-10s %s requests/s  p99 %s\n", round+1, t.Name, report.Number(r.Rate), report.Micros(r.Latency.P99))
		}
	}
	c, err := compare.Run(ctx, o)
	if err != nil {
		return err
	}
	if f.json {
		return report.JSON(env.Stdout, c)
	}
	return compare.Table(env.Stdout, c)
}
