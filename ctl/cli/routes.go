package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

func (a *app) routesCommand() *cobra.Command {
	var unused string
	cmd := &cobra.Command{
		Use: "routes [--unused AGE]", Short: "Lists the routes: what they take and what they do", Args: arguments(cobra.NoArgs),
		Long: "Lists the routes. In PATH, = /x is exactly that path, /x is a prefix of whole segments,\n" +
			"~ x is a regular expression, and * is every path.\n" +
			"--unused lists those that had no request for that long, such as 24h or 30d, or none since the process began.",
	}
	cmd.Flags().StringVar(&unused, "unused", "", "only routes without a request for so long: 90m, 24h, 30d")
	complete(cmd, "unused", cobra.NoFileCompletions)
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("unused") {
			return a.unusedRoutes(c, unused)
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			list, err := cl.Routes(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showRoutes(s, list) })
		})(c, args)
	}
	return cmd
}

func showRoutes(s *screen, list []api.RouteStatus) {
	t := table{columns: []column{
		{title: titleRoute, min: 8},
		{title: "LISTENERS", min: 9, drop: 5, silent: "*"},
		{title: "HOSTS", min: 8, silent: "*"},
		{title: "PATH", min: 8},
		{title: "METHODS", prose: true, min: 7, drop: 3, silent: "*"},
		{title: "IF", prose: true, min: 8, drop: 2},
		{title: "PRIO", right: true, drop: 6, silent: "0"},
		{title: "MIDDLEWARE", min: 10, drop: 4},
		{title: "ACTION", min: 12},
		{title: titleRequests, right: true, drop: 1},
	}}
	for i := range list {
		r := &list[i]
		t.row(c(r.Name), c(orAny(r.Listeners)), c(hostsText(&r.RoutePredicates)), c(pathText(r.Path)), c(orAny(r.Methods)), c(conditions(r)),
			c(strconv.Itoa(r.Priority)), c(strings.Join(r.Middleware, ",")), c(actionText(&r.Action)), c(count(r.Requests)))
	}
	t.draw(s, "no routes")
}

// orAny lists names; none is every one.
func orAny(names []string) string {
	if len(names) == 0 {
		return "*"
	}
	return strings.Join(names, ",")
}

func pathText(p api.PathMatch) string {
	switch p.Kind {
	case api.PathExact:
		return "= " + p.Value
	case api.PathRegex:
		return "~ " + p.Value
	case api.PathAny:
		return "*"
	default:
		return p.Value
	}
}

// conditions are what a route asks beside host, path and method: headers (Name: value), query parameters (?name=value),
// where the client comes from, and what is not taken.
func conditions(r *api.RouteStatus) string {
	parts := further(&r.RoutePredicates)
	for i := range r.Not {
		if text := excluded(&r.Not[i]); text != "" {
			parts = append(parts, "not ("+text+")")
		}
	}
	return strings.Join(parts, ", ")
}

func further(p *api.RoutePredicates) []string {
	parts := make([]string, 0, len(p.Headers)+len(p.Query))
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		parts = append(parts, valueText(name, ": ", p.Headers[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Query)) {
		parts = append(parts, valueText("?"+name, "=", p.Query[name]))
	}
	for _, list := range []struct {
		title string
		texts []string
	}{{"client", p.ClientIPs}, {"sni", p.SNI}, {"protocol", p.Protocol}} {
		if len(list.texts) > 0 {
			parts = append(parts, list.title+" "+strings.Join(list.texts, "|"))
		}
	}
	return parts
}

// excluded is a section of not.
func excluded(p *api.RoutePredicates) string {
	var parts []string
	if hosts := hostsText(p); hosts != "*" {
		parts = append(parts, hosts)
	}
	if path := pathText(p.Path); path != "*" {
		parts = append(parts, path)
	}
	if len(p.Methods) > 0 {
		parts = append(parts, strings.Join(p.Methods, "|"))
	}
	return strings.Join(append(parts, further(p)...), ", ")
}

func valueText(name, is string, m api.ValueMatch) string {
	switch {
	case m.Absent:
		return "no " + name
	case m.Regex != "":
		return name + " ~ " + m.Regex
	default:
		return name + is + m.Is
	}
}

// hostsText lists hosts, with "~ " in front of regular expressions.
func hostsText(p *api.RoutePredicates) string {
	all := slices.Clone(p.Hosts)
	for _, text := range p.HostsRegex {
		all = append(all, "~ "+text)
	}
	return orAny(all)
}

func actionText(a *api.Action) string {
	switch {
	case a.Redirect != nil:
		return fmt.Sprintf("redirect %d %s", a.Redirect.Status, a.Redirect.To)
	case a.Respond != nil:
		return fmt.Sprintf("respond %d", a.Respond.Status)
	case a.Files != nil:
		return "files " + a.Files.Root
	case len(a.Split) > 0:
		parts := make([]string, 0, len(a.Split))
		for _, name := range slices.Sorted(maps.Keys(a.Split)) {
			parts = append(parts, fmt.Sprintf("%s %d", name, a.Split[name]))
		}
		return "split " + strings.Join(parts, ", ")
	default:
		return "pool " + a.Pool
	}
}
