package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// blameRows is how many rows each table has unless --limit says otherwise.
const blameRows = 5

// Titles of the tables of blame.
const (
	titleBlamed = "BACKEND"
	titleShare  = "SHARE"
	titleFailed = "FAILED"
)

const blameLong = `Says whose the time of the slowest requests is: in which phase it goes by (waiting for the client, for a place, for a
connection, for the first byte of a backend, for the rest of its answer), which backends have it, and how these stand to
others of their pool. The slowest are 1 % of those that ended lately; where there are fewer than 1,000, 10 %; below 100
nothing is concluded. It knows what the recorder keeps (section recorder of the configuration).

MEAN is how long a phase is in one of the slowest, and ELSE in one of the others.
MEDIAN is what a backend takes for a request as a rule, SLOWER how many times as long as that of its siblings this is;
IN TAIL is which part of its requests is among the slowest, and OF SIBLINGS which part of theirs.`

func (a *app) blameCommand() *cobra.Command {
	var since string
	limit := blameRows
	cmd := &cobra.Command{
		Use: "blame [ROUTE]", Short: "Says whose the time of the slowest requests is", Long: blameLong,
		Example: "  isame-ctl blame\n  isame-ctl blame api --since 10m",
		Args:    arguments(cobra.MaximumNArgs(1)), ValidArgsFunction: a.completeArgs(a.routeNames),
	}
	cmd.RunE = func(c *cobra.Command, args []string) error {
		if limit < 1 || limit > 1000 {
			return usage(c, fmt.Errorf("limit %d: want 1 to 1000", limit))
		}
		return a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			b, err := cl.Blame(ctx, strings.Join(args, ""), since, limit)
			if err != nil {
				return err
			}
			return a.print(b, func(s *screen) { showBlame(s, &b) })
		})(c, args)
	}
	cmd.Flags().StringVar(&since, "since", "", "what ended since this `TIME`: 10m is ten minutes ago, or 2026-01-31T12:00:00Z")
	cmd.Flags().IntVar(&limit, "limit", blameRows, "rows of each table, 1 to 1000")
	complete(cmd, "since", cobra.NoFileCompletions)
	complete(cmd, "limit", cobra.NoFileCompletions)
	return cmd
}

// routeNames are those that run.
func (a *app) routeNames(ctx context.Context, cl *client.Client) ([]string, error) {
	list, err := cl.Routes(ctx)
	out := make([]string, 0, len(list))
	for i := range list {
		out = append(out, list[i].Name)
	}
	return out, err
}

func showBlame(s *screen, b *api.Blame) {
	s.paragraph("", b.Summary)
	s.blank()
	s.paragraph("Rests on", restsOn(s, b))
	s.paragraph("Times", timesText(b))
	if t := b.Tail; t != nil {
		s.paragraph("Slowest", tailText(s, t))
		s.blank()
		showPhases(s, t)
		showBlamed(s, t)
		showBlamedNames(s, t)
	}
	showFailures(s, b)
}

// restsOn says how many exchanges it is about, and how far back they go.
func restsOn(s *screen, b *api.Blame) string {
	return plural(b.Exchanges, "request") + ", all that ended since " + b.From.UTC().Format("15:04:05 UTC") + ", " + s.ago(b.From) +
		". Earlier ones are kept in part, slow ones and failures first: they would make the times longer, and do not count for them."
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(n) + " " + what + "s"
}

func timesText(b *api.Blame) string {
	var known []string
	for _, q := range []struct {
		name string
		ms   *float64
	}{{"half", b.P50MS}, {"90 %", b.P90MS}, {"99 %", b.P99MS}} {
		if q.ms != nil {
			known = append(known, q.name+" within "+inMS(*q.ms))
		}
	}
	if len(known) == 0 {
		return "the slowest took " + inMS(b.SlowestMS) + "; too few for more"
	}
	return strings.Join(known, ", ") + ", the slowest " + inMS(b.SlowestMS)
}

func tailText(s *screen, t *api.BlameTail) string {
	text := "the slowest " + strconv.Itoa(t.Percent) + " %: " + plural(t.Exchanges, "request") + " from " + inMS(t.AboveMS) + " on"
	if t.KeptLonger > 0 && t.KeptFrom != nil {
		text += ", and " + count(t.KeptLonger) + " from before, each the slowest of its second, the oldest " + s.ago(*t.KeptFrom)
	}
	return text
}

func showPhases(s *screen, t *api.BlameTail) {
	tab := table{columns: []column{
		{title: titleShare, right: true},
		{title: "WHOSE"},
		{title: "PHASE"},
		{title: "MEAN", right: true, drop: 1},
		{title: "ELSE", right: true, drop: 2},
		{title: "MOST OF IT", min: 9},
		{title: "WHAT", prose: true, min: 12, drop: 3},
	}}
	for i := range t.Phases {
		p := &t.Phases[i]
		tab.row(c(inPercent(p.Share)), c(p.Side), c(p.Phase), c(inMS(p.MeanMS)), c(inMS(p.UsualMS)), c(p.Backend), c(p.Meaning))
	}
	tab.draw(s, "it took no time")
}

func showBlamed(s *screen, t *api.BlameTail) {
	if len(t.Backends) == 0 {
		return
	}
	s.blank()
	tab := table{columns: []column{
		{title: titleBlamed, min: 9},
		{title: titlePool, min: 6, drop: 2},
		{title: titleShare, right: true},
		{title: titleRequests, right: true, drop: 3},
		{title: "IN TAIL", right: true},
		{title: "OF SIBLINGS", right: true, drop: 1},
		{title: "MEDIAN", right: true, drop: 4},
		{title: "SLOWER", right: true},
	}}
	for i := range t.Backends {
		b := &t.Backends[i]
		rate := inPercent(b.SiblingsTailRate)
		if b.Siblings == 0 {
			rate = "-"
		}
		tab.row(c(b.Backend), c(b.Pool), c(inPercent(b.Share)), c(count(b.Exchanges)), c(inPercent(b.TailRate)), c(rate),
			c(maybeMS(b.MedianMS)), slowerCell(b))
	}
	tab.draw(s, "")
}

// showBlamedNames lists routes and clients, where these say something.
func showBlamedNames(s *screen, t *api.BlameTail) {
	if len(t.Routes) > 1 {
		tab := shareTable(titleRoute)
		for _, r := range t.Routes {
			tab.row(c(nameOrDash(r.Route)), c(inPercent(r.Share)), c(count(r.TailExchanges)))
		}
		s.blank()
		tab.draw(s, "")
	}
	if len(t.Clients) > 0 {
		tab := shareTable("WAITED FOR CLIENT")
		for _, r := range t.Clients {
			tab.row(c(nameOrDash(r.Client)), c(inPercent(r.Share)), c(count(r.TailExchanges)))
		}
		s.blank()
		tab.draw(s, "")
	}
}

// shareTable is a table of who has which share.
func shareTable(of string) *table {
	return &table{columns: []column{
		{title: of, min: 8},
		{title: titleShare, right: true},
		{title: titleRequests, right: true, drop: 1},
	}}
}

func nameOrDash(name string) string {
	if name == "" {
		return "-"
	}
	return name
}

func showFailures(s *screen, b *api.Blame) {
	if len(b.Failures) == 0 {
		return
	}
	s.blank()
	tab := table{columns: []column{
		{title: titleFailed, right: true},
		{title: titleShare, right: true},
		{title: "BEFORE", right: true, drop: 2},
		{title: "CAUSE", min: 8},
		{title: "WHOSE", drop: 3},
		{title: "WHAT", prose: true, min: 12, drop: 1},
	}}
	for i := range b.Failures {
		f := &b.Failures[i]
		cause := f.Cause
		if f.Status != 0 {
			cause = "status " + strconv.Itoa(f.Status)
		}
		tab.row(c(count(f.Exchanges)), c(inPercent(f.Share)), c(count(f.KeptLonger)), c(cause), c(f.Side), c(f.Meaning))
	}
	tab.draw(s, "")
}

// slowerCell is red where a backend is much slower than its siblings.
func slowerCell(b *api.BlameBackend) cell {
	if b.Slower == nil {
		return c("-")
	}
	st := plain
	if *b.Slower >= 2 {
		st = red
	}
	return cell{strconv.FormatFloat(*b.Slower, 'f', 1, 64) + "x", st}
}

func maybeMS(ms *float64) string {
	if ms == nil {
		return "-"
	}
	return inMS(*ms)
}

// inPercent is a share in percent; what is there and little is not nothing.
func inPercent(share float64) string {
	if share > 0 && share < 0.0005 {
		return "<0.1%"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}
