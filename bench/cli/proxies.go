package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/proxies"
)

const proxiesLong = `Starts Isame, HAProxy, nginx and Caddy with equal configurations, sends each the same load in
interleaved rounds, and prints one table in Markdown: CPU microseconds a request,
rates and latencies, memory of connections that wait, and the ratio of Isame to each of the
others. The proxy has a core of its own, load and origin share another. Proxies that are not
installed are left out, and so is HTTP/2 without h2load (Debian: nghttp2-client).`

type proxiesFlags struct {
	options proxies.Options
	write   string
}

func proxiesCommand(env Env) *cobra.Command {
	var f proxiesFlags
	c := &cobra.Command{
		Use: "proxies", Short: "Put Isame beside HAProxy, nginx and Caddy on this machine",
		Long: proxiesLong, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), env) },
	}
	o, fl := &f.options, c.Flags()
	fl.StringVar(&o.Isame, "isame", "bin/isame-lb", "the isame-lb program")
	fl.StringVar(&o.Before, "before", "", "another build of `PROGRAM` isame-lb, which takes part as before")
	fl.StringSliceVar(&o.Proxies, "proxies", nil,
		"the first is compared with the others; of isame, haproxy, nginx, caddy, before (default: all)")
	fl.StringSliceVar(&o.Scenarios, "scenarios", nil, "of "+strings.Join(proxies.ScenarioNames(), ", ")+" (default all)")
	fl.IntVar(&o.Rounds, "rounds", 5, "how often each is measured in each scenario")
	fl.DurationVarP(&o.Duration, "duration", "d", time.Second, "how long each time")
	fl.StringVar(&f.write, "write", "", "also put the table between the markers in `FILE`")
	return c
}

func (f *proxiesFlags) run(ctx context.Context, env Env) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	f.options.Bench, f.options.Log = program, env.Stderr
	o, err := proxies.Run(ctx, f.options)
	if err != nil {
		return err
	}
	if err := o.Markdown(env.Stdout); err != nil {
		return err
	}
	if f.write != "" {
		return o.WriteInto(f.write)
	}
	return nil
}
