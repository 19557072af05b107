// Command isame-lb is the proxy. main.go, usage.go and check.go hold the command line,
// init.go the file to begin with, proxy.go the process from its start to the
// end of its drain, reload.go and watch.go what changes the configuration
// meanwhile, sources.go what the admin endpoint shows, demo.go the backends of
// the embedded default.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/api"
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
		Args: noSuchCommand, SilenceUsage: true, SilenceErrors: true, Version: versionText(),
		RunE: func(*cobra.Command, []string) error { return serve(&f) },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(noSuchFlag)
	f.add(root)
	root.AddCommand(runCommand(), checkCommand(), configCommand(), initCommand(), versionCommand())
	return root
}

func runCommand() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "run [FILE]", Short: "Serve (the default command)", Args: f.orFile,
		RunE: func(*cobra.Command, []string) error { return serve(&f) },
	}
	f.add(cmd)
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version, commit and Go version", Args: noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return nil
		},
	}
}

// versionText is what version and --version print.
func versionText() string { return api.ReadBuild(version, commit).Text("isame-lb") }
