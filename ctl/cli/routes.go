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
	return &cobra.Command{
		Use: "routes", Short: "Lists the routes: what they take and what they do", Args: arguments(cobra.NoArgs),
		Long: "Lists the routes. In PATH, = /x is exactly that path, /x is a prefix of whole segments,\n" +
			"~ x is a regular expression, and * is every path.",
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			list, err := cl.Routes(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showRoutes(s, list) })
		}),
	}
}

func showRoutes(s *screen, list []api.RouteStatus) {
	t := table{columns: []column{
		{title: "ROUTE", min: 8},
		{title: "LISTENERS", min: 9, drop: 5, silent: "*"},
		{title: "HOSTS", min: 8, silent: "*"},
		{title: "PATH", min: 8},
		{title: "METHODS", min: 7, drop: 3, silent: "*"},
		{title: "IF", min: 8, drop: 2},
		{title: "PRIO", right: true, drop: 6, silent: "0"},
		{title: "MIDDLEWARE", min: 10, drop: 4},
		{title: "ACTION", min: 12},
		{title: titleRequests, right: true, drop: 1},
	}}
	for i := range list {
		r := &list[i]
		t.row(c(r.Name), c(orAny(r.Listeners)), c(orAny(r.Hosts)), c(pathText(r.Path)), c(orAny(r.Methods)), c(conditions(r)),
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

// conditions are the headers (Name: value) and query parameters (?name=value) a request must have.
func conditions(r *api.RouteStatus) string {
	parts := make([]string, 0, len(r.Headers)+len(r.Query))
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		parts = append(parts, name+": "+r.Headers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Query)) {
		parts = append(parts, "?"+name+"="+r.Query[name])
	}
	return strings.Join(parts, ", ")
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
