package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/bench/report"
	"github.com/isame-lb/isame-lb/bench/sim"
)

const simExample = `  isame-bench sim                                            # each scenario, each algorithm
  isame-bench sim --scenarios slow --backends 1000 --proxies 4
  isame-bench sim --algorithms p2c,peak_ewma --utilisation 0.9 --seed 2
  isame-bench sim --svg chart.svg --json > figures.json`

const simLong = `Simulates the balancing algorithms in virtual time: no request is sent, and the
same flags give the same figures. Requests arrive at random (Poisson), each
backend is a queue before some workers. The first half of the requests warms up;
what goes wrong does so half-way, and figures are those of the second half.

  load max  most requests one backend got for its weight, over the mean
  cv        how far those numbers scatter: standard deviation over mean
  peak      most requests at one backend at a time
  lost      errors and timeouts, of all requests; there are no retries
  to it     share of the requests that went to the slow or failing backend

Scenarios:
`

type simFlags struct {
	plan       sim.Plan
	scenarios  []string
	algorithms []string
	json       bool
	svg        string
}

func simCommand(env Env) *cobra.Command {
	f := simFlags{plan: sim.Standard()}
	var long strings.Builder
	long.WriteString(simLong)
	for _, s := range sim.Scenarios() {
		fmt.Fprintf(&long, "  %-9s %s\n", s.Name, s.Title)
	}
	c := &cobra.Command{
		Use: "sim", Short: "Simulate the balancing algorithms: imbalance, latency, losses",
		Long: long.String(), Example: simExample, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, env) },
	}
	p, fl := &f.plan, c.Flags()
	fl.IntVar(&p.Backends, "backends", p.Backends, "how many there are")
	fl.IntVar(&p.Workers, "workers", p.Workers, "requests a backend works on at a time")
	fl.IntVar(&p.Proxies, "proxies", p.Proxies, "proxies that balance without knowing of each other")
	fl.IntVarP(&p.Requests, "requests", "n", p.Requests, "requests that arrive, warm-up included")
	fl.Float64Var(&p.Utilisation, "utilisation", p.Utilisation, "work that arrives, as a `SHARE` of what the backends can do")
	fl.DurationVar(&p.Service, "service", p.Service, "mean time a worker needs for a request")
	fl.DurationVar(&p.Timeout, "timeout", p.Timeout, "how long clients wait")
	fl.IntVar(&p.Keys, "keys", p.Keys, "clients, for algorithms that hash")
	fl.Uint64Var(&p.Seed, "seed", p.Seed, "of all that is random")
	fl.StringSliceVar(&f.scenarios, "scenarios", nil, "some of the scenarios (default all)")
	fl.StringSliceVar(&f.algorithms, "algorithms", nil, "some of the algorithms (default all)")
	fl.BoolVar(&f.json, "json", false, "print JSON instead of a table")
	fl.StringVar(&f.svg, "svg", "", "write a chart into `FILE`")
	return c
}

// run simulates one scenario after the other and shows each as it ends.
func (f *simFlags) run(c *cobra.Command, env Env) error {
	scenarios, err := sim.FindScenarios(f.scenarios)
	if err != nil {
		return usageError{err}
	}
	kinds, err := parseKinds(f.algorithms)
	if err != nil {
		return usageError{err}
	}
	if err := f.plan.Check(); err != nil {
		return usageError{err}
	}
	if !f.json {
		if err := f.plan.Head(env.Stdout); err != nil {
			return err
		}
	}
	outcomes := make([]*sim.Outcome, 0, len(scenarios))
	for _, s := range scenarios {
		o, err := sim.Run(c.Context(), f.plan, s, kinds)
		if err != nil {
			return err
		}
		outcomes = append(outcomes, o)
		if f.json {
			continue
		}
		if err := o.Table(env.Stdout); err != nil {
			return err
		}
	}
	if f.json {
		err = report.JSON(env.Stdout, map[string]any{"plan": f.plan, "outcomes": outcomes})
		if err != nil {
			return err
		}
	}
	return writeFile(f.svg, func(w io.Writer) error { return sim.Chart(w, outcomes) })
}

func parseKinds(names []string) ([]algo.Kind, error) {
	kinds := make([]algo.Kind, 0, len(names))
	for _, name := range names {
		k, ok := algo.ParseKind(name)
		if !ok {
			return nil, fmt.Errorf("cannot find the algorithm %q", name)
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}
