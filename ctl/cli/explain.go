package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// explainFlags are what isame-ctl explain is told beside the URL.
type explainFlags struct {
	headers                       []string
	from, listener, sni, protocol string
	config                        string // a file that it is explained with
}

var (
	errHeaderForm   = errors.New(`want -H "Name: value"`)
	errPeerForm     = errors.New("want an address, without a port")
	errProtocolForm = errors.New("want http1, h2, h3, grpc or websocket")
)

// explainProtocols are the words of --protocol.
var explainProtocols = []string{"http1", "h2", "h3", "grpc", "websocket"}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use: "explain [METHOD] URL", Short: "Says what would become of a request, and why", Args: arguments(cobra.RangeArgs(1, 2)),
		Long: "Says what would become of a request: listener, client, routes that were tried, stages, pool and backend, each with its reason.\n" +
			"Nothing is sent, no token of a limit is taken, and nobody is asked.\n\n" +
			"  isame-ctl explain https://api.example.com/v1/users -H 'X-Env: canary' --from 203.0.113.7\n" +
			"  isame-ctl explain POST /login -H 'Host: example.com'\n" +
			"  isame-ctl explain --config next.yaml https://api.example.com/v1/users",
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = func(c *cobra.Command, args []string) error {
		q, err := f.question(args, c.Flags().Changed("sni"))
		if err != nil {
			return usage(c, err)
		}
		if err := a.candidate(&f, q); err != nil {
			return err
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			e, err := cl.Explain(ctx, q)
			if err != nil {
				return err
			}
			return a.print(e, func(s *screen) { showExplanation(s, q, &e) })
		})(c, args)
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.headers, "header", "H", nil, `a field line, "Name: value"; may be given again`)
	flags.StringVar(&f.from, "from", "", "address of the peer of the socket (default 127.0.0.1)")
	flags.StringVar(&f.listener, "listener", "", "name or address of the listener (default: the first one that fits the URL)")
	flags.StringVar(&f.sni, "sni", "", "name of the TLS handshake, empty for none (default: the host of the URL)")
	flags.StringVar(&f.protocol, "protocol", "", strings.Join(explainProtocols, ", ")+" (default http1)")
	flags.StringVar(&f.config, "config", "", "explain with this file in place of what runs; - is stdin (needs role write)")
	complete(cmd, "config", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml", "json", "toml"}, cobra.ShellCompDirectiveFilterFileExt
	})
	complete(cmd, "header", cobra.NoFileCompletions)
	complete(cmd, "from", cobra.NoFileCompletions)
	complete(cmd, "listener", a.completeFlag(a.listenerNames))
	complete(cmd, "sni", cobra.NoFileCompletions)
	complete(cmd, "protocol", cobra.FixedCompletions(explainProtocols, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// candidate reads the file that it is to be explained with, where there is one.
func (a *app) candidate(f *explainFlags, q *api.ExplainRequest) error {
	if f.config == "" {
		return nil
	}
	data, mediaType, err := a.readConfig(f.config, "")
	if err != nil {
		return err
	}
	q.Config, q.ConfigFormat = &api.ConfigText{Body: data}, strings.TrimPrefix(mediaType, "application/")
	return nil
}

// question is what the command line asks.
func (f *explainFlags) question(args []string, named bool) (*api.ExplainRequest, error) {
	q := &api.ExplainRequest{URL: args[len(args)-1], PeerIP: f.from, Listener: f.listener, Protocol: f.protocol}
	if len(args) > 1 {
		q.Method = args[0]
	}
	if named {
		q.SNI = &f.sni
	}
	if f.from != "" {
		if _, err := netip.ParseAddr(f.from); err != nil {
			return nil, fmt.Errorf("from %q: %w", f.from, errPeerForm)
		}
	}
	if f.protocol != "" && !strings.Contains(" "+strings.Join(explainProtocols, " ")+" ", " "+f.protocol+" ") {
		return nil, fmt.Errorf("protocol %q: %w", f.protocol, errProtocolForm)
	}
	for _, line := range f.headers {
		name, value, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("header %q: %w", line, errHeaderForm)
		}
		if q.Headers == nil {
			q.Headers = map[string]api.HeaderValues{}
		}
		q.Headers[name] = append(q.Headers[name], strings.TrimSpace(value))
	}
	return q, nil
}

// completeFlag is completeArgs for the value of a flag, whatever arguments there are.
func (a *app) completeFlag(list names) cobra.CompletionFunc {
	complete := a.completeArgs(list)
	return func(c *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return complete(c, nil, toComplete)
	}
}

func (a *app) listenerNames(ctx context.Context, cl *client.Client) ([]string, error) {
	list, err := cl.Listeners(ctx)
	out := make([]string, 0, len(list))
	for i := range list {
		out = append(out, list[i].Name+"\t"+list[i].Address)
	}
	return out, err
}
