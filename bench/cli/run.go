package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/compare"
	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

const runLong = `Sends HTTP/1.1 requests to URL and counts what comes back.

Closed loop (no --rate): each connection sends its next request when the last one is
answered. A target that stalls is then asked less, and the percentiles hide the stall.
Open loop (--rate): requests are due at fixed times and their latency counts from
then, whether a connection was free or not.

--ramp and --knee make several open-loop runs; -d is the length of each of them.
Exit code 1: nothing was answered, or --fail-on-error and something failed.`

const runExample = `  isame-bench run http://localhost:8080/ -c 64 -d 10s
  isame-bench run http://localhost:8080/ --rate 5000 --arrival poisson --warmup 2s
  isame-bench run https://localhost:8443/ -k --no-keepalive -c 16 -n 10000
  isame-bench run https://localhost:8443/ -k --no-keepalive --tls-resume --tls-curves X25519
  isame-bench run http://localhost:8080/ws --websocket --body hello -c 64
  isame-bench run http://localhost:8080/ --requests mix.txt --json
  isame-bench run http://localhost:8080/ --ramp 1000:20000 --steps 10 -d 3s
  isame-bench run http://localhost:8080/ --knee --target 5ms -d 3s
  isame-bench run http://localhost:8080/ --rate 2000 --report report.html --hdr run.hgrm`

// runFlags are the flags of run.
type runFlags struct {
	planFlags
	expect      string
	hdr         string
	report      string
	ramp        string
	steps       int
	knee        bool
	target      time.Duration
	rampFrom    float64
	rampTo      float64
	json        bool
	quiet       bool
	pid         int
	failOnError bool
	accept      func(int) bool
}

func runCommand(env Env) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run URL", Short: "Send load to a URL and measure the answers",
		Long: runLong, Example: runExample, Args: exactly(1, "one URL"),
		RunE: func(c *cobra.Command, args []string) error {
			f.plan.URL = args[0]
			if err := f.prepare(c); err != nil {
				return usageError{err}
			}
			if f.knee || f.ramp != "" {
				return f.search(c.Context(), env)
			}
			return f.run(c.Context(), env)
		},
	}
	f.define(c, 10*time.Second)
	fl := c.Flags()
	fl.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	fl.StringVar(&f.hdr, "hdr", "", "write an HdrHistogram log to `FILE`; ending in .hgrm: the percentile distribution")
	fl.StringVar(&f.report, "report", "", "write an HTML page with charts to `FILE`")
	fl.StringVar(&f.ramp, "ramp", "", "runs at rates rising from `FROM:TO`, in --steps")
	fl.IntVar(&f.steps, "steps", 10, "number of runs of --ramp")
	fl.BoolVar(&f.knee, "knee", false, "search for the highest rate at which p99 stays within --target")
	fl.DurationVar(&f.target, "target", 10*time.Millisecond, "p99 allowed by --knee")
	c.MarkFlagsMutuallyExclusive("ramp", "knee")
	c.MarkFlagsMutuallyExclusive("ramp", "hdr")
	c.MarkFlagsMutuallyExclusive("knee", "hdr")
	fl.StringVar(&f.expect, "expect", "200-399", "statuses that are no failure, such as `200-299,404`; with --websocket 101")
	fl.BoolVar(&f.failOnError, "fail-on-error", false, "exit code 1 when a request failed or had an unexpected status")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress line")
	fl.IntVar(&f.pid, "pid", 0, "also measure the CPU time of this process and its descendants")
	return c
}

// prepare reads the flags.
func (f *runFlags) prepare(c *cobra.Command) (err error) {
	if f.ramp != "" {
		if _, err := fmt.Sscanf(f.ramp, "%g:%g", &f.rampFrom, &f.rampTo); err != nil {
			return fmt.Errorf("--ramp must be FROM:TO, not %q", f.ramp)
		}
	}
	if f.plan.WebSocket && !c.Flags().Changed("expect") {
		f.expect = "101"
	}
	if f.accept, err = parseStatuses(f.expect); err != nil {
		return err
	}
	return f.planFlags.prepare(c)
}

// run makes one run and shows it.
func (f *runFlags) run(ctx context.Context, env Env) error {
	line := newProgress(env, f.quiet)
	f.plan.Progress = line.update
	r, err := compare.Measure(ctx, f.plan, f.pid)
	line.clear()
	if err != nil {
		return err
	}
	if err := f.show(env, r); err != nil {
		return err
	}
	if r.Requests == 0 && r.Errors > 0 {
		fmt.Fprintln(env.Stderr, "isame-bench: no request was answered")
		return errSilent
	}
	if bad := r.Errors + r.Unexpected(f.accept); f.failOnError && bad > 0 {
		fmt.Fprintf(env.Stderr, "isame-bench: %d requests failed\n", bad)
		return errSilent
	}
	return nil
}

func (f *runFlags) show(env Env, r *load.Result) error {
	err := errors.Join(
		writeFile(f.hdr, func(w io.Writer) error { return report.HDR(w, f.hdr, r) }),
		writeFile(f.report, func(w io.Writer) error { return report.Page(w, r, f.accept) }))
	if err != nil {
		return err
	}
	if f.json {
		return report.JSON(env.Stdout, r)
	}
	return report.Table(env.Stdout, r, f.accept)
}

// progress rewrites one line of a terminal.
type progress struct {
	env  Env
	off  bool
	used bool
}

func newProgress(env Env, quiet bool) *progress {
	return &progress{env: env, off: quiet || !env.Terminal}
}

func (p *progress) update(at load.Progress) {
	if p.off {
		return
	}
	p.used = true
	fmt.Fprintf(p.env.Stderr, "\r\x1b[K%s", report.Line(at))
}

func (p *progress) clear() {
	if p.used {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
	}
}
