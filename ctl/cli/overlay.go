package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
)

func (a *app) overlayCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "overlay", Short: "Shows, clears or writes down what was changed of backends at run time",
		Args: a.noSuchCommand, RunE: needsSubcommand,
		Long: "What backends drain, disable, weight, add and remove have changed lies above every configuration: a reload leaves it,\n" +
			"and with state.dir a restart as well, until it is cleared or its time (--for) is over.",
		Example: "  isame-ctl overlay list\n" +
			"  isame-ctl overlay clear 10.0.0.3:8080\n" +
			"  isame-ctl overlay clear --everything\n" +
			"  isame-ctl overlay write --message 'c is gone for good'",
	}
	group.AddCommand(a.overlayList(), a.overlayClear(), a.overlayWrite())
	return group
}

func (a *app) overlayList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Lists it", Args: arguments(cobra.NoArgs),
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			all, err := cl.Overlay(ctx)
			if err != nil {
				return err
			}
			return a.print(all, func(s *screen) { showOverlay(s, all) })
		}),
	}
}

func (a *app) overlayClear() *cobra.Command {
	var inPool string
	var everything bool
	cmd := &cobra.Command{
		Use: "clear [ADDRESS]", Short: "Takes it back for one backend, or with --everything for all: the configuration alone says how they are",
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().StringVar(&inPool, "pool", "", "of this pool; needed when several pools have the backend")
	cmd.Flags().BoolVar(&everything, "everything", false, "for all backends of all pools")
	complete(cmd, "pool", a.completeArgs(a.poolNames))
	cmd.ValidArgsFunction = a.completeArgs(a.overriddenAddresses(&inPool))
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if everything == (len(args) == 1) || everything && inPool != "" {
			return usage(c, errors.New("ADDRESS or --everything: one of them says what to clear"))
		}
		return a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			cleared, err := a.clear(ctx, cl, inPool, args)
			if err != nil {
				return err
			}
			return a.print(cleared, func(s *screen) {
				for i := range cleared {
					s.wholef("cleared %s of pool %s: %s", cleared[i].Address, cleared[i].Pool, changeOf(&cleared[i]))
				}
				if len(cleared) == 0 {
					s.linef("there was nothing to clear")
				}
			})
		})(c, args)
	}
	return cmd
}

// clear takes back what was changed of the backend that args name, or of all without one.
func (a *app) clear(ctx context.Context, cl *client.Client, inPool string, args []string) ([]pool.Override, error) {
	if len(args) == 0 {
		return cl.ClearOverlay(ctx)
	}
	all, err := cl.Overlay(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range all {
		if pool.SameAddress(all[i].Address, args[0]) && (inPool == "" || inPool == all[i].Pool) {
			names = append(names, all[i].Pool)
		}
	}
	if len(names) > 1 {
		return nil, fmt.Errorf("backend %q was changed in the pools %s: choose one with --pool", args[0], strings.Join(names, ", "))
	}
	if len(names) == 1 {
		inPool = names[0]
	} else if inPool == "" {
		return nil, fmt.Errorf("nothing was changed of backend %q: isame-ctl overlay list shows what was", args[0])
	}
	one, err := cl.ClearOverride(ctx, inPool, args[0])
	return []pool.Override{one}, err
}

func (a *app) overlayWrite() *cobra.Command {
	var message string
	cmd := &cobra.Command{
		Use: "write", Short: "Writes it into the configuration file, as far as a file can say it, and takes that back",
		Args: arguments(cobra.NoArgs),
		Long: "Writes additions, removals and weights into the configuration file of isame-lb, whose comments stay, and takes them back here.\n" +
			"What a file cannot say (drained, disabled, backends that a discovery has found) is named and stays as it is.",
	}
	cmd.Flags().StringVar(&message, "message", "", "what the history is to say about it")
	cmd.RunE = a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
		done, err := cl.WriteOverlay(ctx, message)
		if err != nil {
			return err
		}
		return a.print(done, func(s *screen) { showWrittenDown(s, &done) })
	})
	return cmd
}

func showWrittenDown(s *screen, done *api.OverlayWritten) {
	for i := range done.Written {
		s.wholef("written %s of pool %s: %s", done.Written[i].Address, done.Written[i].Pool, changeOf(&done.Written[i]))
	}
	for _, v := range done.Left {
		s.wholef("left    %s of pool %s: %s", v.Address, v.Pool, v.Why)
	}
	s.linef("generation %d serves", done.Generation)
}

func showOverlay(s *screen, all []pool.Override) {
	t := table{columns: []column{
		{title: titlePool, min: 8},
		{title: titleBackend, min: 16},
		{title: "CHANGE", min: 12},
		{title: "ENDS", right: true},
		{title: "AGO", right: true},
		{title: "AUTHOR", min: 6, drop: 1},
		{title: "MISSING", right: true},
	}}
	for i := range all {
		v := &all[i]
		missing := ""
		if v.MissingSince != nil {
			missing = s.age(*v.MissingSince)
		}
		t.row(c(v.Pool), c(v.Address), c(changeOf(v)), c(s.until(v.Until)), c(s.age(v.Since)), c(v.Author), c(missing))
	}
	t.draw(s, "nothing was changed at run time")
}

// changeOf says in words what was changed of a backend.
func changeOf(v *pool.Override) string {
	var words []string
	if v.Added != nil {
		words = append(words, "added")
	}
	if v.Removed {
		words = append(words, "removed")
	}
	if v.State != "" {
		words = append(words, string(v.State))
	}
	if v.Weight != nil {
		words = append(words, "weight "+strconv.Itoa(*v.Weight))
	}
	return strings.Join(words, ", ")
}
