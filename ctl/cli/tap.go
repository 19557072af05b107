package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool/end"
)

// labelCause is the name of what ends a request.
const labelCause = "cause"

// tapFlags are those that the API has as parameters.
var tapFlags = []whyFilter{
	{"route", "exchanges of the route `NAME`"},
	{labelPool, "exchanges of the pool `NAME`"},
	{"backend", "exchanges that the backend `ADDRESS` was asked for"},
	{"status", "exchanges with this `STATUS`: 404, 5xx or 500-599"},
	{labelCause, "exchanges whose end is this `WORD` of isame-ctl why --list"},
	{"client", "exchanges of this client `ADDRESS`, or of a network such as 10.0.0.0/8"},
	{"slower", "what took at least this `DURATION`: 200ms"},
	{"sample", "this `SHARE` of them, 0 to 1, drawn for each"},
}

const tapLong = `Shows exchanges as they end, a line for each, until Ctrl-C (exit 0) or the end of the process (exit 1). Query strings are
not shown. What comes faster than it is read is left out, and stderr says how much. At most 8 may look on at the same time.
With -o json each line is a JSON object, a record of the API.`

// errEnough ends a stream after as many events as are wanted.
var errEnough = errors.New("enough")

// tapSight is what is wanted to be seen.
type tapSight struct {
	count   int
	filters map[string]*string
}

func (a *app) tapCommand() *cobra.Command {
	t := tapSight{filters: map[string]*string{}}
	c := &cobra.Command{
		Use: "tap", Short: "Shows exchanges as they end", Long: tapLong, Args: arguments(cobra.NoArgs),
		Example: "  isame-ctl tap --status 5xx\n" +
			"  isame-ctl tap --route api --slower 200ms\n" +
			"  isame-ctl tap --client 192.0.2.7 --count 10\n" +
			"  isame-ctl tap --sample 0.01 -o json | jq -r .path",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := a.checkFollow(c, t.count); err != nil {
			return err
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error { return a.tap(ctx, cl, &t) })(c, args)
	}
	flags := c.Flags()
	flags.IntVar(&t.count, "count", 0, "end after this `NUMBER` of exchanges")
	complete(c, "count", cobra.NoFileCompletions)
	for _, f := range tapFlags {
		t.filters[f.name] = flags.String(f.name, "", f.meaning)
		switch f.name {
		case "route":
			complete(c, f.name, a.completeArgs(routeNames))
		case labelPool:
			complete(c, f.name, a.completeArgs(a.poolNames))
		case "backend":
			complete(c, f.name, a.completeArgs(a.backendAddresses(t.filters[labelPool])))
		case labelCause:
			complete(c, f.name, cobra.FixedCompletions(endWords(), cobra.ShellCompDirectiveNoFileComp))
		default:
			complete(c, f.name, cobra.NoFileCompletions)
		}
	}
	return c
}

func routeNames(ctx context.Context, cl *client.Client) ([]string, error) {
	list, err := cl.Routes(ctx)
	out := make([]string, 0, len(list))
	for i := range list {
		out = append(out, list[i].Name)
	}
	return out, err
}

// checkFollow refuses what a command that goes on cannot do.
func (a *app) checkFollow(c *cobra.Command, count int) error {
	switch {
	case a.all:
		return usage(c, fmt.Errorf("%s follows one instance: choose it with --context", c.Name()))
	case c.Flags().Changed("count") && count < 1:
		return usage(c, fmt.Errorf("count %d: want 1 or more", count))
	}
	return nil
}

// tap shows exchanges until there are enough.
func (a *app) tap(ctx context.Context, cl *client.Client, t *tapSight) error {
	query := url.Values{}
	for name, value := range t.filters {
		if *value != "" {
			query.Set(name, *value)
		}
	}
	rows := followed{app: a, columns: tapColumns(), left: t.count}
	return followEnd(ctx, cl.Tap(ctx, query, func(e *client.Event) error {
		if e.Type != api.EventExchange {
			return a.sayLost(e)
		}
		var r api.Record
		if err := json.Unmarshal(e.Data, &r); err != nil {
			return fmt.Errorf("cannot read an exchange: %w", err)
		}
		return rows.show(e, func() []cell { return a.tapRow(&r) })
	}))
}

// followEnd is the end of a command that goes on: that of the user is none.
func followEnd(ctx context.Context, err error) error {
	if errors.Is(err, errEnough) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// sayLost says on stderr what a stream has left out.
func (a *app) sayLost(e *client.Event) error {
	if e.Type != api.EventDropped {
		return nil // a type of a later version
	}
	var d api.DroppedEvent
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return fmt.Errorf("cannot read an event: %w", err)
	}
	if _, err := fmt.Fprintf(a.env.Stderr, "isame-ctl: %s left out: they came faster than they were read\n", count(d.Dropped)); err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	return nil
}

func tapColumns() []column {
	return []column{
		{title: "TIME"},
		{title: "TOOK", right: true},
		{title: "CODE", right: true},
		{title: "CAUSE"},
		{title: titleRoute, min: 6, drop: 2},
		{title: titleBackend, drop: 1},
		{title: "CLIENT", drop: 3},
		{title: "REQUEST"},
	}
}

// tapRow is the line of an exchange. Its cause stands there where it is not ok.
func (a *app) tapRow(r *api.Record) []cell {
	cause, code := cell{}, cell{text: strconv.Itoa(r.Status)}
	if r.Cause != end.OK.Word() {
		cause = cell{r.Cause, red}
	}
	if r.Status >= 500 {
		code.style = red
	}
	return []cell{c(a.clock(endOf(r))), c(inMS(r.TookMS)), code, cause, c(r.Route), c(r.Backend), c(r.Client), c(requestLine(r))}
}

// clock is the time of a day here.
func (a *app) clock(t time.Time) string { return t.In(a.env.Now().Location()).Format(time.TimeOnly) }

// followed is a table that grows at its end. Its columns are as wide as what was shown so
// far has asked for; where that changes, the head is shown anew. The last column is never
// cut: what does not fit stands below.
type followed struct {
	app     *app
	columns []column
	left    int // lines until the end; 0 has none

	widest []cell // but for the last column
	widths []int
}

// show writes one event as --output says, row in a table. It returns errEnough after the
// last one.
func (f *followed) show(e *client.Event, row func() []cell) error {
	text, err := f.text(e, row)
	if err != nil {
		return err
	}
	if err := f.app.write(text); err != nil {
		return err
	}
	f.left--
	if f.left == 0 {
		return errEnough
	}
	return nil
}

func (f *followed) text(e *client.Event, row func() []cell) ([]byte, error) {
	switch f.app.output {
	case formatJSON:
		return append(bytes.Clone(e.Data), '\n'), nil
	case formatYAML:
		text, err := encodeYAML(json.RawMessage(e.Data))
		return append([]byte("---\n"), text...), err
	}
	s := newScreen(&f.app.env)
	f.draw(s, row())
	return s.buf.Bytes(), nil
}

// draw adds a line, and a head where the columns are others than before.
func (f *followed) draw(s *screen, cells []cell) {
	last := len(f.columns) - 1
	t := table{columns: f.columns}
	t.row(cells...)
	cells = t.rows[0]
	if f.widest == nil {
		f.widest = make([]cell, last)
	}
	for i := range f.widest {
		if utf8.RuneCountInString(cells[i].text) > utf8.RuneCountInString(f.widest[i].text) {
			f.widest[i] = cell{text: cells[i].text}
		}
	}
	front := table{columns: f.columns[:last], rows: [][]cell{f.widest}}
	widths := front.fit(s.width)
	if !slices.Equal(widths, f.widths) {
		f.widths = widths
		head := make([]cell, len(f.columns))
		for i, col := range f.columns {
			head[i] = cell{text: col.title, style: bold}
		}
		f.drawRow(s, &t, head)
	}
	f.drawRow(s, &t, cells)
}

// drawRow writes a row, its last cell below where there is no room behind the others.
func (f *followed) drawRow(s *screen, t *table, cells []cell) {
	last := len(cells) - 1
	text := []rune(cells[last].text)
	if total(f.widths)+gap+len(text) <= s.width {
		t.drawRow(s, append(slices.Clone(f.widths), len(text)), cells)
		return
	}
	t.drawRow(s, append(slices.Clone(f.widths), 0), cells)
	for part := range slices.Chunk(text, max(s.width-gap, 1)) {
		s.linef("%*s%s", min(gap, s.width-1), "", string(part))
	}
}
