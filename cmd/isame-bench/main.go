// Command isame-bench measures HTTP proxies and servers; see bench/README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/isame-lb/isame-lb/bench/cli"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// version and commit are set by the linker: -ldflags "-X main.version=v1.2.3".
var version, commit string

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, cli.Env{
		Stdout: os.Stdout, Stderr: os.Stderr, Version: api.ReadBuild(version, commit).String(),
		Terminal: term.IsTerminal(int(os.Stderr.Fd())),
	}, os.Args[1:])
}
