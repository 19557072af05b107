package cli

import (
	"context"
	"time"

	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// upgradeWait is longer than a new process may take until it serves.
const upgradeWait = 90 * time.Second

func (a *app) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "upgrade", Short: "Starts the program anew, without a refused connection", Args: arguments(cobra.NoArgs),
		Long: "Starts the program of the process anew, from the file that it was started from, and hands the listening sockets\n" +
			"over. When the new process serves, the old one drains and ends. Where it does not become ready in time, it is\n" +
			"ended, and the old one stays. kill -USR2 does the same.",
		Example: "  install -m 0755 isame-lb /usr/local/bin/isame-lb && isame-ctl upgrade",
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			ctx, cancel := context.WithTimeout(ctx, upgradeWait)
			defer cancel()
			r, err := cl.Upgrade(ctx)
			if err != nil {
				return err
			}
			return a.print(r, func(s *screen) { s.linef("process %d serves, process %d drains and ends", r.PID, r.OldPID) })
		}),
	}
}
