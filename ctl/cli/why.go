package cli

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/spf13/cobra"
)

const (
	// recordsListed is how many records a list has unless --limit says otherwise.
	recordsListed = 20
	// recordsExplained is how many exchanges with one request id are explained.
	recordsExplained = 5
)

// whyFilter is a flag that narrows what is looked at: a parameter of the API.
type whyFilter struct{ name, meaning string }

var whyFilters = []whyFilter{
	{"route", "requests of the route `NAME`"},
	{labelPool, "requests of the pool `NAME`"},
	{"backend", "requests that the backend `ADDRESS` was asked for"},
	{labelCause, "requests whose end is this `WORD` of --list"},
	{"status", "requests with this `STATUS`: 502, 5xx or 500-599"},
	{"method", "requests with this `METHOD`"},
	{"client", "requests of this client `ADDRESS`, or of a network such as 10.0.0.0/8"},
	{"host", "requests for this `HOST`"},
	{"since", "what ended since this `TIME`: 10m is ten minutes ago, or 2026-01-31T12:00:00Z"},
	{"until", "what ended until this `TIME`"},
	{"slower", "what took at least this `DURATION`: 250ms"},
}

// why is the command's own flags.
type why struct {
	list, lastError, slowest bool
	limit                    int
	filters                  map[string]*string
}

const whyLong = `Explains how requests ended: what came, which route took it, each attempt with its times, whose doing the end was, and
what to do. It knows what the recorder keeps (section recorder of the configuration): query strings are not kept.

  isame-ctl why 4f2a9c01b7d3e8554f2a9c01b7d3e855    the request with this X-Request-Id; its first 16 characters will do
  isame-ctl why --last-error                        what ended badly last
  isame-ctl why --slowest --route api               the slowest request of a route
  isame-ctl why --status 5xx --since 10m            a list
  isame-ctl why --list                              every way in which a request may end`

func (a *app) whyCommand() *cobra.Command {
	w := why{filters: map[string]*string{}}
	c := &cobra.Command{
		Use: "why [REQUEST-ID]", Short: "Explains how requests ended, whose doing it was, and what to do", Long: whyLong,
		Args: arguments(cobra.MaximumNArgs(1)), ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := w.check(c, args); err != nil {
			return usage(c, err)
		}
		if w.list {
			return a.listEnds()
		}
		return a.call(func(ctx context.Context, cl *client.Client, args []string) error { return a.why(ctx, cl, &w, args) })(c, args)
	}
	flags := c.Flags()
	flags.BoolVar(&w.list, "list", false, "every way in which a request may end, and what to do about it")
	flags.BoolVar(&w.lastError, "last-error", false, "what ended badly last, or with a status of 500 and above")
	flags.BoolVar(&w.slowest, "slowest", false, "the slowest of what is kept")
	flags.IntVar(&w.limit, "limit", 0, "how many, 1 to 1000 (default 1 with --last-error and --slowest, else "+strconv.Itoa(recordsListed)+")")
	complete(c, "limit", cobra.NoFileCompletions)
	for _, f := range whyFilters {
		w.filters[f.name] = flags.String(f.name, "", f.meaning)
		switch f.name {
		case labelPool:
			complete(c, f.name, a.completeArgs(a.poolNames))
		case labelCause:
			complete(c, f.name, cobra.FixedCompletions(endWords(), cobra.ShellCompDirectiveNoFileComp))
		default:
			complete(c, f.name, cobra.NoFileCompletions)
		}
	}
	return c
}

func endWords() []string {
	words := make([]string, 0, end.Ends)
	for e := range end.Ends {
		words = append(words, e.Word())
	}
	return words
}

// check refuses command lines that ask for several things, or for nothing.
func (w *why) check(c *cobra.Command, args []string) error {
	limited := c.Flags().Changed("limit")
	searches := w.lastError || w.slowest || limited
	for name := range w.filters {
		searches = searches || c.Flags().Changed(name)
	}
	switch {
	case w.list && (len(args) > 0 || searches):
		return errors.New("--list stands alone")
	case len(args) > 0 && searches:
		return errors.New("a request id stands alone: it says which request is meant")
	case w.lastError && w.slowest:
		return errors.New("--last-error and --slowest exclude each other")
	case limited && w.limit < 1:
		return errors.New("limit " + strconv.Itoa(w.limit) + ": want 1 to 1000")
	case len(args) == 0 && !w.list && !searches:
		return errors.New("why needs a request id, --last-error, --slowest, --list, or a filter such as --status 5xx")
	}
	return nil
}

// query is what the API is asked.
func (w *why) query() url.Values {
	q := url.Values{}
	for name, value := range w.filters {
		if *value != "" {
			q.Set(name, *value)
		}
	}
	if w.lastError {
		q.Set("errors", "1")
	}
	if w.slowest {
		q.Set("order", "slowest")
	}
	q.Set("limit", strconv.Itoa(w.count()))
	return q
}

// count is how many records are wanted.
func (w *why) count() int {
	switch {
	case w.limit > 0:
		return w.limit
	case w.lastError, w.slowest:
		return 1
	}
	return recordsListed
}

// why looks up and shows records.
func (a *app) why(ctx context.Context, cl *client.Client, w *why, args []string) error {
	var list []api.Record
	var err error
	if len(args) > 0 {
		list, err = cl.RecordsOf(ctx, strings.TrimSuffix(args[0], "…"))
	} else {
		list, err = cl.Records(ctx, w.query())
	}
	if err != nil {
		return err
	}
	return a.print(list, func(s *screen) {
		switch {
		case len(list) == 0:
			s.linef("no request that is kept is so")
		case len(args) > 0 || w.count() == 1:
			explainRecords(s, list)
		default:
			showRecords(s, list)
		}
	})
}

// explainRecords explains the first ones.
func explainRecords(s *screen, list []api.Record) {
	for i := range list[:min(len(list), recordsExplained)] {
		if i > 0 {
			s.blank()
		}
		explainRecord(s, &list[i])
	}
	if more := len(list) - recordsExplained; more > 0 {
		s.blank()
		s.paragraph("", count(more)+" more have the same request id: -o json shows all.")
	}
}

// showRecords is a list of records, whose ids can be asked for.
func showRecords(s *screen, list []api.Record) {
	t := table{columns: []column{
		{title: "AGO", right: true},
		{title: "TOOK", right: true},
		{title: "CODE", right: true},
		{title: "CAUSE"},
		{title: "ID"},
		{title: titleRoute, min: 6, drop: 2},
		{title: titleBackend, min: 9, drop: 3},
		{title: "CLIENT", min: 9, drop: 4},
		{title: "REQUEST", min: 12},
	}}
	for i := range list {
		r := &list[i]
		cause := cell{r.Cause, plain}
		if r.Cause != end.OK.Word() {
			cause.style = red
		}
		t.row(c(s.age(endOf(r))), c(inMS(r.TookMS)), c(strconv.Itoa(r.Status)), cause, c(r.RequestID),
			c(r.Route), c(r.Backend), c(r.Client), c(requestLine(r)))
	}
	t.draw(s, "")
}
