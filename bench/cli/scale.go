package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/bench/proxies"
)

const scaleLong = `Starts Isame and HAProxy, by turns, with a large configuration of the same routes and backends, and
prints how long each takes from its start to its first answer; HAProxy with a map and with a rule
for each route. Then it measures what Isame's admin API takes for it. HAProxy is left out where
it is not installed.`

func scaleCommand(env Env) *cobra.Command {
	s := proxies.Scale{Log: env.Stderr}
	c := &cobra.Command{
		Use: "scale", Short: "Measure a large configuration: start to first answer beside HAProxy, and the admin API",
		Long: scaleLong, Args: exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return runScale(c.Context(), env, &s) },
	}
	fl := c.Flags()
	fl.StringVar(&s.Isame, "isame", "bin/isame-lb", "the isame-lb program")
	fl.StringVar(&s.HAProxy, "haproxy", "haproxy", "the haproxy program")
	fl.IntVar(&s.Routes, "routes", 10000, "routes, each of a host and a prefix")
	fl.IntVar(&s.Pools, "pools", 1000, "pools")
	fl.IntVar(&s.Backends, "backends", 5, "backends of each pool")
	fl.IntVar(&s.Rounds, "rounds", 7, "how often each program starts")
	return c
}

func runScale(ctx context.Context, env Env, s *proxies.Scale) error {
	if s.Routes < 2 || s.Pools < 1 || s.Backends < 1 || s.Rounds < 1 {
		return usageError{errors.New("routes are at least 2; pools, backends and rounds at least 1")}
	}
	o, err := s.Run(ctx)
	if err != nil {
		return err
	}
	return o.Markdown(env.Stdout)
}
