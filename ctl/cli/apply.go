package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// readStdin is a configuration from stdin.
func (a *app) readStdin() ([]byte, error) {
	return readAll(a.env.Stdin, "stdin")
}

func readAll(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, stdinBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if len(data) > stdinBytesMax {
		return nil, fmt.Errorf("cannot read %s: it is larger than %d MiB", name, stdinBytesMax>>20)
	}
	return data, nil
}

// readConfig reads a configuration that is to be sent, and its media type; - is stdin.
func (a *app) readConfig(file, format string) (data []byte, mediaType string, err error) {
	if file == "-" {
		data, err = a.readStdin()
	} else {
		var f *os.File
		if f, err = os.Open(file); err != nil {
			return nil, "", fmt.Errorf("cannot read the configuration: %w", err)
		}
		data, err = readAll(f, file)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, "", err
	}
	if format == "" {
		format = formatOf(file)
	}
	return data, "application/" + format, nil
}

// formatOf is the format by the ending of a file; the server says what is wrong with others.
func formatOf(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json":
		return ctl.FormatJSON
	case ".toml":
		return ctl.FormatTOML
	}
	return ctl.FormatYAML
}

// formatFlag is --format of what is sent.
func formatFlag(cmd *cobra.Command, format *string) {
	formats := []string{ctl.FormatYAML, ctl.FormatJSON, ctl.FormatTOML}
	cmd.Flags().StringVar(format, "format", "", "yaml, json or toml (default: by the ending of FILE, yaml for stdin)")
	complete(cmd, "format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml", "json", "toml"}, cobra.ShellCompDirectiveFilterFileExt
	}
	run := cmd.RunE
	cmd.RunE = func(c *cobra.Command, args []string) error {
		switch *format {
		case "", ctl.FormatYAML, ctl.FormatJSON, ctl.FormatTOML:
			return run(c, args)
		}
		return usage(c, fmt.Errorf("format %q is not one of yaml, json, toml", *format))
	}
}

func (a *app) configDiff() *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use: "diff FILE", Short: "Prints what a file says otherwise than what runs; exit 1 where there is something",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			p, err := a.plan(ctx, cl, args[0], format)
			if err != nil {
				return err
			}
			if err := a.print(p, func(s *screen) { showChanges(s, p.Changes, p.ChangesBeyond) }); err != nil {
				return err
			}
			if !p.Unchanged {
				return errSilent
			}
			return nil
		}),
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) configPlan() *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use: "plan FILE", Short: "Says what a file would change, and what that would do; exit 1 where there is something",
		Long: "Says what a file would change, what needs a restart, and what the change would do to what lives now: connections on\n" +
			"what changes or goes, keys of hashes, splits and sticky sessions that move, limits that begin anew, sockets that come and\n" +
			"go. A sample of the requests that were served is tried on both: how many get another route, pool, answer or other\n" +
			"stages, with examples. Nothing is done. FILE - is stdin. Exit 1 where something would change.\n\n" +
			"  isame-ctl config plan isame.yaml\n" +
			"  isame-ctl config plan -o json isame.yaml | jq .replay.answers\n" +
			"  sed s/old.example.com/new.example.com/ isame.yaml | isame-ctl config plan -",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			p, err := a.plan(ctx, cl, args[0], format)
			if err != nil {
				return err
			}
			if err := a.print(p, func(s *screen) { showPlan(s, &p) }); err != nil {
				return err
			}
			if !p.Unchanged {
				return errSilent
			}
			return nil
		}),
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) plan(ctx context.Context, cl *client.Client, file, format string) (api.Plan, error) {
	data, mediaType, err := a.readConfig(file, format)
	if err != nil {
		return api.Plan{}, err
	}
	return cl.Plan(ctx, data, mediaType)
}

func (a *app) configApply() *cobra.Command {
	var dryRun, force bool
	var change client.Change
	format := ""
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Makes a file the running configuration",
		Long: "Makes a file the running configuration; the configuration file of isame-lb stays as it is, unless admin.persist is file.\n" +
			"A change by somebody else between the look at what runs and this one is refused. FILE - is stdin.\n" +
			"With --confirm it is rolled back by itself, unless isame-ctl config confirm comes in time.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			var err error
			if change.Body, change.MediaType, err = a.readConfig(args[0], format); err != nil {
				return err
			}
			if dryRun {
				return a.dryRun(ctx, cl, &change)
			}
			return a.apply(ctx, cl, &change, force)
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&dryRun, "dry-run", false, "check only, and say what would change")
	flags.BoolVar(&force, "force", false, "whatever runs, also where somebody else changes it now")
	flags.BoolVar(&change.Strict, "strict", false, "refuse what has warnings")
	flags.BoolVar(&change.Replace, "replace", false, "take the place of a change that waits for its confirmation")
	flags.DurationVar(&change.Confirm, "confirm", 0, "roll back after this time, 5s to 1h, unless it is confirmed")
	flags.StringVarP(&change.Message, "message", "m", "", "what the history says about it")
	for _, name := range []string{"confirm", "message"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) dryRun(ctx context.Context, cl *client.Client, ch *client.Change) error {
	r, err := cl.CheckConfig(ctx, ch.Body, ch.MediaType)
	if err != nil {
		return err
	}
	return a.print(r, func(s *screen) {
		showChanges(s, r.Changes, r.ChangesBeyond)
		showNotes(s, r.RestartNeeded, r.Overridden, r.Warnings)
	})
}

// apply is made for what runs when it begins.
func (a *app) apply(ctx context.Context, cl *client.Client, ch *client.Change, force bool) error {
	ch.Match = "*"
	if !force {
		var err error
		if _, ch.Match, err = cl.Document(ctx, formatJSON); err != nil {
			return err
		}
	}
	r, err := cl.Apply(ctx, ch)
	if err != nil {
		return err
	}
	return a.print(r, func(s *screen) { showApplied(s, &r) })
}

func (a *app) configConfirm() *cobra.Command {
	return &cobra.Command{
		Use: "confirm [GENERATION]", Short: "Keeps the change that waits for its confirmation",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: a.callNumber(func(ctx context.Context, cl *client.Client, generation uint64) error {
			if generation == 0 {
				st, err := cl.Status(ctx)
				if err != nil {
					return err
				}
				if st.Config == nil || st.Config.Pending == nil {
					return errors.New("no change waits for a confirmation")
				}
				generation = st.Config.Pending.Generation
			}
			r, err := cl.Confirm(ctx, generation)
			if err != nil {
				return err
			}
			return a.print(r, func(s *screen) { s.linef("confirmed: generation %d", r.Generation) })
		}),
	}
}

func (a *app) configRollback() *cobra.Command {
	message, confirm := "", time.Duration(0)
	cmd := &cobra.Command{
		Use: "rollback [GENERATION]", Short: "Brings the configuration of a generation back; without one, the one before",
		Long: "Brings the configuration of a generation back, as a new one; without one, that of the one before. Where a change waits for\n" +
			"its confirmation, it ends that. With --confirm what ran comes back by itself, unless isame-ctl config confirm comes in time;\n" +
			"one that takes away the token it comes with is done that way only.",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: a.callNumber(func(ctx context.Context, cl *client.Client, generation uint64) error {
			r, err := cl.Rollback(ctx, generation, message, confirm)
			if err != nil {
				return err
			}
			return a.print(r, func(s *screen) { showApplied(s, &r) })
		}),
	}
	cmd.Flags().DurationVar(&confirm, "confirm", 0, "what ran comes back after this time, 5s to 1h, unless it is confirmed")
	cmd.Flags().StringVarP(&message, "message", "m", "", "what the history says about it")
	for _, name := range []string{"confirm", "message"} {
		complete(cmd, name, cobra.NoFileCompletions)
	}
	return cmd
}

// callNumber is call for a command whose argument is a generation; 0 is none.
func (a *app) callNumber(do func(ctx context.Context, cl *client.Client, generation uint64) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		number := uint64(0)
		if len(args) > 0 {
			var err error
			if number, err = strconv.ParseUint(args[0], 10, 64); err != nil || number == 0 {
				return usage(c, fmt.Errorf("generation %q is no number from 1 on", args[0]))
			}
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error { return do(ctx, cl, number) })(c, args)
	}
}
