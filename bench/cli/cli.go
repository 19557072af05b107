// Package cli is the command line of isame-bench.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Env is what the program gets from the operating system.
type Env struct {
	Stdout  io.Writer
	Stderr  io.Writer
	Version string
	// Terminal says that Stderr is one: progress is shown.
	Terminal bool
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errSilent ends the program with exit code 1 when the reason was printed already.
var errSilent = errors.New("failed")

// usageError is a mistake in the arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Run runs one command and returns the exit code: 0 done, 1 failed, 2 wrong usage.
func Run(ctx context.Context, env Env, args []string) int {
	root := &cobra.Command{
		Use:           "isame-bench",
		Short:         "Load generator, test origin and side-by-side runs for HTTP proxies",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       env.Version,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetArgs(args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetVersionTemplate("isame-bench {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	for _, build := range []func(Env) *cobra.Command{
		runCommand, originCommand, compareCommand, proxiesCommand, scaleCommand, simCommand, resilienceCommand, headroomCommand,
	} {
		root.AddCommand(build(env))
	}
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.As(err, &usage) || foundByCobra(err):
		fmt.Fprintf(env.Stderr, "isame-bench: %v\nTry 'isame-bench --help'.\n", err)
		return exitUsage
	}
	fmt.Fprintf(env.Stderr, "isame-bench: %v\n", err)
	return exitFailed
}

// foundByCobra reports whether the library itself refused the arguments; it has
// no types for these errors.
func foundByCobra(err error) bool {
	return strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "if any flags in the group")
}

// exactly is cobra.ExactArgs with the exit code of wrong usage.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s expected, got %d arguments", what, len(args))}
		}
		return nil
	}
}
