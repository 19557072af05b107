// Package run is the whole of isame-lb as a function: its command line, and the process
// that serves. main.go, usage.go and check.go hold the command line, init.go the file to
// begin with, proxy.go the process from its start to the end of its drain, reload.go and
// watch.go what changes the configuration meanwhile (package ctl/ledger decides), logger.go
// and accesslog.go where lines go, sources.go what the admin endpoint
// shows, demo.go the backends of the embedded default.
//
// A program of a user's own adds what isame-lb does not have, and calls Main:
//
//	func main() {
//		algo.Register("primary_first", newPrimaryFirst)
//		run.Main("v1.2.3", "")
//	}
//
// What it registered is then valid in the configurations it reads, in pools.*.algorithm;
// to isame-lb as it is released, check included, these names are unknown.
// testdata/extended beside this file is such a program.
package run

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// Main runs the command line of the process and ends the process with its exit code.
// version and commit say which binary this is; where they are empty, what the Go tool has
// stamped into it does. Nothing can be registered any more from here on.
func Main(version, commit string) {
	algo.Seal()
	os.Exit(execute(api.ReadBuild(version, commit), os.Args[1:]))
}

// errReported is a failure whose text was printed where it happened.
var errReported = errors.New("reported")

func execute(build api.Build, args []string) int {
	cmd := newCommand(build)
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

func newCommand(build api.Build) *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "isame-lb",
		Short: "Load balancer and edge proxy for HTTP",
		Long: "isame-lb serves the configuration of --config, $ISAME_CONFIG, ./isame.yaml or /etc/isame/isame.yaml,\n" +
			"or, without any of them, an embedded one with three demo backends on :8080.",
		Args: noSuchCommand, SilenceUsage: true, SilenceErrors: true, Version: build.Text("isame-lb"),
		RunE: func(*cobra.Command, []string) error { return serve(&f, build) },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(noSuchFlag)
	f.add(root)
	root.AddCommand(runCommand(build), checkCommand(), configCommand(), initCommand(), versionCommand(build))
	return root
}

func runCommand(build api.Build) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "run [FILE]", Short: "Serve (the default command)", Args: f.orFile,
		RunE: func(*cobra.Command, []string) error { return serve(&f, build) },
	}
	f.add(cmd)
	return cmd
}

func versionCommand(build api.Build) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version, commit and Go version", Args: noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), build.Text("isame-lb"))
			return nil
		},
	}
}
