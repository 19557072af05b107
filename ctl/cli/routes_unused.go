package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

var errAge = errors.New("want a time above 0, such as 90m, 24h or 30d")

// parseAge reads a duration, or a number of days.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); is {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		age = time.Duration(n * float64(24*time.Hour))
	}
	if err != nil || age <= 0 {
		return 0, fmt.Errorf("unused %q: %w", text, errAge)
	}
	return age, nil
}

// unusedRoutes lists the routes that had no request for a while. What came before the
// process began is not known: it says so where that matters.
func (a *app) unusedRoutes(c *cobra.Command, text string) error {
	age, err := parseAge(text)
	if err != nil {
		return usage(c, err)
	}
	return a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
		st, err := cl.Status(ctx)
		if err != nil {
			return err
		}
		list, err := cl.Routes(ctx)
		if err != nil {
			return err
		}
		list = unusedOf(list, a.env.Now().Add(-age))
		if up := time.Duration(st.UptimeSeconds * float64(time.Second)); up < age {
			// Nothing is left to do when even this cannot be written.
			_, _ = fmt.Fprintf(a.env.Stderr, "isame-ctl: the process has been up for %s: requests before that are not known\n", short(up))
		}
		return a.print(list, func(s *screen) { showUnused(s, list) })
	})(c, nil)
}

// unusedOf are the routes without a request since a moment.
func unusedOf(list []api.RouteStatus, since time.Time) []api.RouteStatus {
	out := []api.RouteStatus{}
	for i := range list {
		if at := list[i].LastUsed; at == nil || at.Before(since) {
			out = append(out, list[i])
		}
	}
	return out
}

func showUnused(s *screen, list []api.RouteStatus) {
	t := table{columns: []column{
		{title: titleRoute, min: 8},
		{title: "HOSTS", min: 8, silent: "*"},
		{title: "PATH", min: 8},
		{title: "ACTION", min: 12, drop: 1},
		{title: titleRequests, right: true, drop: 2},
		{title: "LAST USED", right: true},
	}}
	for i := range list {
		r := &list[i]
		last := time.Time{}
		if r.LastUsed != nil {
			last = *r.LastUsed
		}
		t.row(c(r.Name), c(hostsText(&r.RoutePredicates)), c(pathText(r.Path)), c(actionText(&r.Action)), c(count(r.Requests)), c(s.ago(last)))
	}
	t.draw(s, "every route had a request in that time")
}
