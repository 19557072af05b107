package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

const runLong = `Sends HTTP/1.1 requests to URL and counts what comes back.

Closed loop (no --rate): each connection sends its next request when the last one is
answered. A target that stalls is then asked less, and the percentiles hide the stall.
Open loop (--rate): requests are due at fixed times and their latency counts from
then, whether a connection was free or not.`

const runExample = `  isame-bench run http://localhost:8080/ -c 64 -d 10s
  isame-bench run http://localhost:8080/ --rate 5000 --arrival poisson --warmup 2s
  isame-bench run https://localhost:8443/ -k --no-keepalive -c 16 -n 10000
  isame-bench run http://localhost:8080/ --requests mix.txt --json
  isame-bench run http://localhost:8080/ --rate 2000 --seed 7`

// runFlags are the flags of run that are not fields of load.Plan as they are.
type runFlags struct {
	plan        load.Plan
	body        string
	requests    string
	arrival     string
	expect      string
	insecure    bool
	resume      bool
	json        bool
	quiet       bool
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
			return f.run(c.Context(), env)
		},
	}
	f.loadFlags(c)
	fl := c.Flags()
	fl.BoolVar(&f.json, "json", false, "print the outcome as JSON")
	fl.StringVar(&f.expect, "expect", "200-399", "statuses that are no failure, such as `200-299,404`")
	fl.BoolVar(&f.failOnError, "fail-on-error", false, "exit code 1 when a request failed or had an unexpected status")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress line")
	return c
}

// loadFlags are the flags that describe requests and load.
func (f *runFlags) loadFlags(c *cobra.Command) {
	p, fl := &f.plan, c.Flags()
	fl.IntVarP(&p.Connections, "connections", "c", 16, "connections open at once")
	fl.DurationVarP(&p.Duration, "duration", "d", 10*time.Second, "how long to send requests")
	fl.Int64VarP(&p.Count, "count", "n", 0, "stop after `N` requests (without -d: only then)")
	fl.IntVarP(&p.Threads, "threads", "t", 0, "worker threads; 0: one for each usable core")
	fl.Float64VarP(&p.Rate, "rate", "r", 0, "open loop: `N` requests due each second; 0: closed loop")
	fl.StringVar(&f.arrival, "arrival", "constant", "open loop: `constant` or poisson gaps")
	fl.Uint64Var(&p.Seed, "seed", 1, "of the poisson gaps")
	fl.DurationVarP(&p.Warmup, "warmup", "w", 0, "send requests this long before counting")
	fl.DurationVar(&p.Timeout, "timeout", 10*time.Second, "for one request, connecting included")
	fl.StringVarP(&p.Method, "method", "X", "", "GET, or POST with a body")
	fl.StringArrayVarP(&p.Header, "header", "H", nil, "`\"Name: value\"` sent with each request (repeatable)")
	fl.StringVarP(&f.body, "body", "b", "", "request body: `STRING|@FILE`")
	fl.StringVar(&f.requests, "requests", "", "cycle the requests of `FILE`, one a line: METHOD PATH [BODY|@FILE]")
	fl.BoolVar(&p.NoKeepAlive, "no-keepalive", false, "a new connection for each request")
	fl.StringVar(&p.Unix, "unix", "", "connect to the unix socket at `PATH`")
	fl.BoolVarP(&f.insecure, "insecure", "k", false, "accept any certificate")
	fl.BoolVar(&f.resume, "tls-resume", false, "resume TLS sessions on new connections")
}

// prepare turns the flags into a plan.
func (f *runFlags) prepare(c *cobra.Command) (err error) {
	p := &f.plan
	if p.Count > 0 && !c.Flags().Changed("duration") {
		p.Duration = 0
	}
	switch f.arrival {
	case "constant":
	case "poisson":
		p.Poisson = true
	default:
		return fmt.Errorf("--arrival must be constant or poisson, not %q", f.arrival)
	}
	if f.body != "" {
		if p.Body, err = readBody(f.body); err != nil {
			return err
		}
	}
	if f.requests != "" {
		text, err := os.ReadFile(f.requests)
		if err != nil {
			return fmt.Errorf("cannot read the requests: %w", err)
		}
		if p.Requests, err = load.ReadRequests(string(text), os.ReadFile); err != nil {
			return fmt.Errorf("cannot read the requests in %q: %w", f.requests, err)
		}
	}
	p.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: f.insecure} //nolint:gosec // asked for by -k
	if f.resume {
		p.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if f.expect == "" {
		f.expect = "200-399"
	}
	f.accept, err = parseStatuses(f.expect)
	return err
}

// run makes one run and shows it.
func (f *runFlags) run(ctx context.Context, env Env) error {
	line := newProgress(env, f.quiet)
	f.plan.Progress = line.update
	r, err := load.Run(ctx, f.plan)
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
	if f.json {
		return report.JSON(env.Stdout, r)
	}
	return report.Table(env.Stdout, r, f.accept)
}

// readBody reads STRING or @FILE.
func readBody(text string) ([]byte, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the body: %w", err)
	}
	return b, nil
}

// parseStatuses reads "200-299,404".
func parseStatuses(text string) (func(int) bool, error) {
	type span struct{ low, high int }
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		a, errA := strconv.Atoi(low)
		b, errB := a, error(nil)
		if isRange {
			b, errB = strconv.Atoi(high)
		}
		if err := errors.Join(errA, errB); err != nil || a < 100 || b > 599 || a > b {
			return nil, fmt.Errorf("cannot read the statuses %q: write 200-299,404", text)
		}
		spans = append(spans, span{a, b})
	}
	return func(status int) bool {
		for _, s := range spans {
			if status >= s.low && status <= s.high {
				return true
			}
		}
		return false
	}, nil
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
