package run

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/engine/stage"
)

func checkCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Check a configuration and print every problem", Args: f.orFile,
		Long: "Checks a configuration and prints every problem on a line of its own: exit 1, or 0 when there are only warnings or nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := looked(load(&f, (*demo)(nil).addresses()))
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), strings.TrimRight(err.Error(), "\n"))
				return errReported
			}
			for _, w := range loaded.Warnings {
				fmt.Fprintln(cmd.OutOrStdout(), w)
			}
			sayAlone(cmd, loaded)
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

func configCommand() *cobra.Command {
	var f flags
	var format string
	var origins bool
	cmd := &cobra.Command{
		Use: "config [FILE]", Short: "Print the effective configuration, secrets masked", Args: f.orFile,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := looked(load(&f, (*demo)(nil).addresses()))
			if err != nil {
				// Not to stdout, which may become somebody's file.
				fmt.Fprintln(cmd.ErrOrStderr(), strings.TrimRight(err.Error(), "\n"))
				return errReported
			}
			sayAlone(cmd, loaded)
			if origins {
				return config.WriteOrigins(cmd.OutOrStdout(), loaded)
			}
			return config.Write(cmd.OutOrStdout(), loaded, format)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", "yaml", "yaml or json")
	cmd.Flags().BoolVar(&origins, "origins", false, "print each value with where it comes from: default, file:line, variable or flag")
	return cmd
}

// sayAlone says what was not looked at, to people: what is printed may become somebody's file.
func sayAlone(cmd *cobra.Command, loaded *config.Loaded) {
	if e := loaded.Config.Source.Etcd; e != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "only this file was looked at: the rest of the configuration is the document at key %s of etcd\n", e.Key)
	}
}

// load reads the configuration the flags ask for. The error is of type
// config.Problems.
func load(f *flags, demo config.Demo) (*config.Loaded, error) {
	o := config.Options{Environ: os.Environ(), Set: f.set}
	file, found := config.FindFile(f.file, o.Environ)
	o.File = file
	if !found {
		o.File, o.Data = config.DefaultName, config.Default(demo)
	}
	return loadFrom(o)
}

// loadFrom loads a configuration, with the names that the program has registered, and looks
// at what package config does not know.
func loadFrom(o config.Options) (*config.Loaded, error) {
	o.Extensions = config.Extensions{Stages: middleware.Handlers(), Algorithms: algo.Registered(), Variables: stage.Registered()}
	loaded, err := config.Load(o)
	if err != nil {
		return nil, err
	}
	if problems := checkRoutes(loaded); len(problems) > 0 {
		return nil, problems
	}
	return loaded, nil
}

// looked is loaded, err for a configuration that is only looked at: its stages are made, as
// Engine.Apply makes those of one that is used.
func looked(loaded *config.Loaded, err error) (*config.Loaded, error) {
	if err != nil {
		return nil, err
	}
	if problems := stageProblems(loaded, middleware.Check(loaded.Config)); len(problems) > 0 {
		return nil, problems
	}
	return loaded, nil
}

// placed is an error of Engine.Apply with the places of the stages that it is about.
func placed(loaded *config.Loaded, err error) error {
	if problems := stageProblems(loaded, middleware.StageErrors(err)); len(problems) > 0 {
		return problems
	}
	return err
}

func stageProblems(loaded *config.Loaded, errs []*middleware.StageError) (problems config.Problems) {
	for _, e := range errs {
		problems = append(problems, loaded.Problem(config.JoinPath("middleware", e.Name), "%s", e.Err))
	}
	return problems
}

// checkRoutes finds what only the route index knows: two routes that take
// exactly the same requests, templates that cannot be a location, and, as a
// warning, routes that no request reaches.
func checkRoutes(loaded *config.Loaded) config.Problems {
	var problems config.Problems
	cfg := loaded.Config
	index, err := route.Build(cfg.Routes, slices.Sorted(maps.Keys(cfg.Listeners)))
	if err != nil {
		for text := range strings.SplitSeq(err.Error(), "\n") {
			path, message, _ := strings.Cut(text, ": ")
			problems = append(problems, loaded.Problem(path, "%s", cmp.Or(message, path)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		if r := cfg.Routes[name].Redirect; r != nil {
			if _, err := middleware.NewDestination(r.To, nil); err != nil {
				problems = append(problems, loaded.Problem(config.JoinPath("routes", name)+".redirect.to", "%s", err))
			}
		}
	}
	if err == nil {
		warnOfHidden(loaded, index)
	}
	return problems
}

// warnOfHidden names the routes that no request reaches, because another one takes all of
// theirs or there are none, and those that another one is tried before by its name alone.
func warnOfHidden(loaded *config.Loaded, index *route.Index) {
	for i := range index.Len() {
		d := index.Description(i)
		path := config.JoinPath("routes", d.Name)
		switch {
		case d.Dead != "":
			loaded.Warnf(path, "no request reaches it: %s", d.Dead)
		case d.HiddenBy != "":
			loaded.Warnf(path, "no request reaches it: route %q takes all of them; a higher priority puts it first", d.HiddenBy)
		case d.TiedWith != "":
			loaded.Warnf(path, "route %q takes some of its requests only because of its name: priority says which one is meant", d.TiedWith)
		}
	}
}
