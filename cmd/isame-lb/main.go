// Command isame-lb is the proxy. main.go holds the command line, proxy.go the
// process from its start to the end of its drain, reload.go what changes the
// configuration meanwhile, sources.go what the admin endpoint shows, demo.go
// the backends of the embedded default.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/route"
)

// version and commit are set by the linker: -ldflags "-X main.version=v1.2.3".
var version, commit string

func main() {
	os.Exit(execute(os.Args[1:]))
}

// errReported is a failure whose text was printed where it happened.
var errReported = errors.New("reported")

func execute(args []string) int {
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetOut(os.Stdout)
	err := cmd.Execute()
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errReported):
		fmt.Fprintln(os.Stderr, "isame-lb:", err)
	}
	return 1
}

// flags are what every command that reads a configuration takes.
type flags struct {
	file string
	set  []string
}

func (f *flags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE` (.yaml, .json or .toml)")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "`key=value` over file and environment; repeatable")
}

func newCommand() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "isame-lb",
		Short: "Load balancer and edge proxy for HTTP",
		Long: "isame-lb serves the configuration of --config, $ISAME_CONFIG, ./isame.yaml or /etc/isame/isame.yaml,\n" +
			"or, without any of them, an embedded one with three demo backends on :8080.",
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error { return serve(&f) },
	}
	f.add(root)
	root.AddCommand(runCommand(), checkCommand(), configCommand(), versionCommand())
	return root
}

func runCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "run", Short: "Serve (the default command)", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return serve(&f) },
	}
	f.add(cmd)
	return cmd
}

func checkCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "check", Short: "Check a configuration and print every problem", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := load(&f, (*demo)(nil).addresses()); err != nil {
				printProblems(cmd, err)
				return errReported
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// printProblems prints each problem on a line of its own.
func printProblems(cmd *cobra.Command, err error) {
	cmd.Println(strings.TrimRight(err.Error(), "\n"))
}

func configCommand() *cobra.Command {
	var f flags
	var format string
	var origins bool
	cmd := &cobra.Command{
		Use: "config", Short: "Print the effective configuration, secrets masked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := load(&f, (*demo)(nil).addresses())
			if err != nil {
				printProblems(cmd, err)
				return errReported
			}
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

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version, commit and Go version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := api.ReadBuild(version, commit)
			cmd.Printf("isame-lb %s (commit %s, %s)\n", b.Version, b.Commit, b.GoVersion)
			return nil
		},
	}
}

// load reads the configuration the flags ask for.
func load(f *flags, demo config.Demo) (*config.Loaded, error) {
	o := config.Options{Environ: os.Environ(), Set: f.set}
	file, found := config.FindFile(f.file, o.Environ)
	o.File = file
	if !found {
		o.File, o.Data = config.DefaultName, config.Default(demo)
	}
	loaded, err := config.Load(o)
	if err != nil {
		return nil, err
	}
	return loaded, checkRoutes(loaded.Config, o.File)
}

// checkRoutes finds what only the route index knows: two routes that take
// exactly the same requests, and templates that cannot be a location.
func checkRoutes(cfg *config.Config, file string) error {
	var problems []string
	if _, err := route.Build(cfg.Routes, slices.Sorted(maps.Keys(cfg.Listeners))); err != nil {
		problems = strings.Split(err.Error(), "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		if r := cfg.Routes[name].Redirect; r != nil {
			if _, err := route.Compile(r.To); err != nil {
				problems = append(problems, fmt.Sprintf("routes.%s.redirect.to: %s", name, err))
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return errors.New(file + ": " + strings.Join(problems, "\n"+file+": "))
}
