// Command isame-ctl looks at and changes a running isame-lb; see ctl/README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/ctl/cli"
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
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(), Now: time.Now, Version: version, Commit: commit,
	}, os.Args[1:])
}
