package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/spf13/cobra"
)

func (a *app) backendsCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "backends", Short: "Lists and changes backends", Args: a.noSuchCommand, RunE: needsSubcommand,
		Long: "Lists and changes backends. A backend is named by its address; --pool is only needed when several pools have it.\n" +
			"Changes hold over reloads and, with state.dir, over restarts, until isame-ctl overlay clears or writes them;\n" +
			"the configuration file stays as it is.",
	}
	var poolFlag string
	group.PersistentFlags().StringVar(&poolFlag, "pool", "", "only this pool")
	complete(group, "pool", a.completeArgs(a.poolNames))
	group.AddCommand(
		a.backendsList(&poolFlag),
		a.backendState(&poolFlag, "drain", api.BackendDrain, "Lets a backend finish what it has, with nothing new"),
		a.backendState(&poolFlag, "enable", api.BackendEnabled, "Gives a backend traffic again"),
		a.backendState(&poolFlag, "disable", api.BackendDisabled, "Takes a backend out, whatever its health"),
		a.backendWeight(&poolFlag),
		a.backendAdd(&poolFlag),
		a.backendRemove(&poolFlag),
	)
	return group
}

func (a *app) backendsList(poolFlag *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Lists the backends of all pools", Args: arguments(cobra.NoArgs),
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			list, err := pools(ctx, cl, *poolFlag)
			if err != nil {
				return err
			}
			return a.print(flatten(list), func(s *screen) { showBackends(s, list, *poolFlag == "") })
		}),
	}
}

// pools are all pools, or the named one.
func pools(ctx context.Context, cl *client.Client, name string) ([]pool.Status, error) {
	if name == "" {
		return cl.Pools(ctx)
	}
	p, err := cl.Pool(ctx, name)
	return []pool.Status{p}, err
}

// poolBackend is a backend with the name of its pool, as backends list prints it in JSON.
type poolBackend struct {
	Pool               string `json:"pool"`
	pool.BackendStatus        //nolint:embeddedstructfieldcheck // the pool stands first in what is printed
}

func flatten(list []pool.Status) []poolBackend {
	out := []poolBackend{}
	for i := range list {
		for _, b := range list[i].Backends {
			out = append(out, poolBackend{list[i].Name, b})
		}
	}
	return out
}

func (a *app) backendState(poolFlag *string, verb, state, short string) *cobra.Command {
	var w wish
	cmd := &cobra.Command{
		Use: verb + " ADDRESS", Short: short, Args: arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeArgs(a.backendAddresses(poolFlag)),
	}
	cmd.Flags().BoolVar(&w.everywhere, "everywhere", false, "in every pool that has the backend, and every other port of its host")
	if state != api.BackendEnabled {
		cmd.Flags().DurationVar(&w.wait, "wait", 0, "return once no request is left; exit 1 if some are after this time")
		cmd.Flags().Lookup("wait").NoOptDefVal = "30s"
		complete(cmd, "wait", cobra.NoFileCompletions)
		cmd.Flags().DurationVar(&w.lasts, "for", 0, "enable it again by itself after this time, such as 30m")
		complete(cmd, "for", cobra.NoFileCompletions)
	}
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if w.everywhere && *poolFlag != "" {
			return usage(c, errors.New("--pool and --everywhere: one of them says where"))
		}
		if w.wait < 0 {
			return usage(c, fmt.Errorf("wait %s: want more than 0", w.wait))
		}
		w.pool, w.patch = *poolFlag, api.BackendPatch{State: &state}
		if c.Flags().Changed("for") {
			text := w.lasts.String()
			w.patch.For = &text
			if err := w.patch.Check(); err != nil {
				return usage(c, err)
			}
		}
		return a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			return a.wish(ctx, cl, &w, args[0])
		})(c, args)
	}
	return cmd
}

func (a *app) backendWeight(poolFlag *string) *cobra.Command {
	return &cobra.Command{
		Use: "weight ADDRESS WEIGHT", Short: "Changes a backend's share of the traffic; 0 takes nothing new",
		ValidArgsFunction: a.completeArgs(a.backendAddresses(poolFlag)),
		Args: arguments(func(c *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(2)(c, args); err != nil {
				return err
			}
			_, err := parseWeight(args[1])
			return err
		}),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			weight, err := parseWeight(args[1])
			if err != nil {
				return err
			}
			return a.patch(ctx, cl, *poolFlag, args[0], api.BackendPatch{Weight: &weight})
		}),
	}
}

func parseWeight(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > api.WeightMax {
		return 0, fmt.Errorf("weight %q: want a whole number from 0 to %d", text, api.WeightMax)
	}
	return n, nil
}

// patch changes one backend and shows it as it is then.
func (a *app) patch(ctx context.Context, cl *client.Client, inPool, address string, p api.BackendPatch) error {
	inPool, err := poolOf(ctx, cl, inPool, address)
	if err != nil {
		return err
	}
	b, err := cl.PatchBackend(ctx, inPool, address, p)
	if err != nil {
		return err
	}
	return a.print(poolBackend{inPool, b}, func(s *screen) {
		showBackends(s, []pool.Status{{Name: inPool, Backends: []pool.BackendStatus{b}}}, true)
	})
}

// poolOf finds the one pool that has the address when none is named.
func poolOf(ctx context.Context, cl *client.Client, inPool, address string) (string, error) {
	if inPool != "" {
		return inPool, nil
	}
	list, err := cl.Pools(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for i := range list {
		if slices.ContainsFunc(list[i].Backends, func(b pool.BackendStatus) bool { return b.Address == address }) {
			names = append(names, list[i].Name)
		}
	}
	switch len(names) {
	case 0:
		return "", api.NewProblem(http.StatusNotFound,
			fmt.Sprintf("no pool has a backend %q: isame-ctl backends list shows those there are", address))
	case 1:
		return names[0], nil
	default:
		return "", api.NewProblem(http.StatusConflict,
			fmt.Sprintf("backend %q is in the pools %s: choose one with --pool", address, strings.Join(names, ", ")))
	}
}

func (a *app) backendAdd(poolFlag *string) *cobra.Command {
	var b api.NewBackend
	var weight int
	cmd := &cobra.Command{
		Use: "add ADDRESS --pool NAME", Short: "Adds a backend to a pool",
		Args: arguments(cobra.ExactArgs(1)), ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().IntVar(&weight, "weight", 1, "share of the traffic relative to the others")
	cmd.Flags().BoolVar(&b.Backup, "backup", false, "serves only when no other one can")
	cmd.Flags().StringVar(&b.Zone, "zone", "", "where it stands")
	cmd.Flags().IntVar(&b.MaxRequests, "max-requests", 0, "the most attempts in flight; 0 is no limit")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if *poolFlag == "" {
			return usage(c, fmt.Errorf("--pool is needed: %s", c.UseLine()))
		}
		b.Address, b.Weight = args[0], &weight
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			added, err := cl.AddBackend(ctx, *poolFlag, b)
			if err != nil {
				return err
			}
			return a.print(poolBackend{*poolFlag, added}, func(s *screen) { s.linef("added %s to pool %s", added.Address, *poolFlag) })
		})(c, args)
	}
	return cmd
}

func (a *app) backendRemove(poolFlag *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove ADDRESS", Short: "Removes a backend from a pool", Args: arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeArgs(a.backendAddresses(poolFlag)),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			name, err := poolOf(ctx, cl, *poolFlag, args[0])
			if err != nil {
				return err
			}
			if err := cl.RemoveBackend(ctx, name, args[0]); err != nil {
				return err
			}
			removed := struct {
				Pool    string `json:"pool"`
				Removed string `json:"removed"`
			}{name, args[0]}
			return a.print(removed, func(s *screen) { s.linef("removed %s from pool %s", args[0], name) })
		}),
	}
}
