package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// completeWait bounds the wait of somebody who has pressed the tab key.
const completeWait = 2 * time.Second

// names asks the running process for what may stand at the cursor.
type names func(ctx context.Context, cl *client.Client) ([]string, error)

// completeArgs completes the first argument, or a flag, from the live API; a
// process that does not answer completes to nothing.
func (a *app) completeArgs(list names) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cl, err := a.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer cl.Close()
		parent := c.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, completeWait)
		defer cancel()
		found, err := list(ctx, cl)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) poolNames(ctx context.Context, cl *client.Client) ([]string, error) {
	list, err := cl.Pools(ctx)
	out := make([]string, 0, len(list))
	for i := range list {
		out = append(out, list[i].Name+"\t"+list[i].Algorithm)
	}
	return out, err
}

func (a *app) backendAddresses(poolFlag *string) names {
	return func(ctx context.Context, cl *client.Client) ([]string, error) {
		list, err := pools(ctx, cl, *poolFlag)
		var out []string
		for i := range list {
			for _, b := range list[i].Backends {
				out = append(out, b.Address+"\t"+list[i].Name)
			}
		}
		return out, err
	}
}

func (a *app) overriddenAddresses(inPool *string) names {
	return func(ctx context.Context, cl *client.Client) ([]string, error) {
		all, err := cl.Overlay(ctx)
		var out []string
		for i := range all {
			if *inPool == "" || *inPool == all[i].Pool {
				out = append(out, all[i].Address+"\t"+all[i].Pool)
			}
		}
		return out, err
	}
}

func (a *app) completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Annotations: asksNobody, Short: "Prints the completion script of a shell",
		Long: "Prints the completion script of a shell. It completes the names of pools and backends from the running process.\n\n" +
			"  bash        source <(isame-ctl completion bash)\n" +
			"  zsh         source <(isame-ctl completion zsh)\n" +
			"  fish        isame-ctl completion fish | source\n" +
			"  powershell  isame-ctl completion powershell | Out-String | Invoke-Expression",
		Args: arguments(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)), ValidArgs: shells,
		RunE: func(_ *cobra.Command, args []string) error {
			var err error
			switch args[0] {
			case "bash":
				err = bashCompletion(root, a.env.Stdout)
			case "zsh":
				err = root.GenZshCompletion(a.env.Stdout)
			case "fish":
				err = root.GenFishCompletion(a.env.Stdout, true)
			default:
				err = root.GenPowerShellCompletionWithDesc(a.env.Stdout)
			}
			if err != nil {
				return fmt.Errorf("cannot write the completion script: %w", err)
			}
			return nil
		},
	}
}
