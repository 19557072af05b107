package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
)

const eventsLong = `Shows what happens to the process, a line for each event, until Ctrl-C (exit 0) or the end of the process (exit 1):
configurations, reloads, backends, breakers, certificates, changes at run time. With -o json each line is a JSON object,
with type and id beside the fields of the API: --after takes an id, and goes on behind it where that is among the last 1,000.`

func (a *app) eventsCommand() *cobra.Command {
	var after string
	var most int
	c := &cobra.Command{
		Use: "events", Short: "Shows what happens to the process", Long: eventsLong, Args: arguments(cobra.NoArgs),
		Example: "  isame-ctl events\n  isame-ctl events -o json --count 1",
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := a.checkFollow(c, most); err != nil {
			return err
		}
		return a.call(func(ctx context.Context, cl *client.Client, _ []string) error { return a.events(ctx, cl, after, most) })(c, args)
	}
	c.Flags().StringVar(&after, "after", "", "begin behind the event with this `ID`")
	c.Flags().IntVar(&most, "count", 0, "end after this `NUMBER` of events")
	complete(c, "after", cobra.NoFileCompletions)
	complete(c, "count", cobra.NoFileCompletions)
	return c
}

func (a *app) events(ctx context.Context, cl *client.Client, after string, most int) error {
	rows := followed{app: a, columns: eventColumns(), left: most}
	return followEnd(ctx, cl.Events(ctx, after, func(e *client.Event) error {
		if e.Type == api.EventDropped {
			return a.sayLost(e)
		}
		var fields map[string]any
		numbers := json.NewDecoder(bytes.NewReader(e.Data))
		numbers.UseNumber()
		if err := numbers.Decode(&fields); err != nil || fields == nil {
			return fmt.Errorf("cannot read an event: %w", err)
		}
		fields["type"], fields["id"] = e.Type, e.ID
		data, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("cannot encode an event: %w", err)
		}
		return rows.show(&client.Event{ID: e.ID, Type: e.Type, Data: data}, func() []cell { return a.eventRow(e.Type, fields) })
	}))
}

func eventColumns() []column {
	return []column{{title: "TIME"}, {title: "EVENT"}, {title: "CHANGE"}, {title: "OF", min: 12}, {title: "MORE"}}
}

// eventRow is the line of an event of any type, later ones too.
func (a *app) eventRow(kind string, fields map[string]any) []cell {
	text := func(name string) string {
		if fields[name] == nil {
			return ""
		}
		return fmt.Sprint(fields[name])
	}
	at, _ := time.Parse(time.RFC3339, text("at"))
	change, of := text("change"), spaced(text("pool"), text("backend"), text("listener"), text("name"))
	more := []string{text("reason"), text("failure"), text("last"), text("message")}
	switch kind {
	case api.EventGeneration:
		change, of = text("generation"), spaced(text("trigger"), text("author"))
	case api.EventReload:
		change, of = text("result"), spaced(text("trigger"), text("author"))
		if text("unchanged") == "true" {
			more = append(more, "unchanged")
		}
	case api.EventBackend:
		switch text("change") {
		case "state":
			more = append(more, text("state"))
		case "weight":
			more = append(more, text("weight"))
		}
	case api.EventOverlay:
		more = append(more, text("state"), text("weight"))
	case api.EventReset:
		more = append(more, "events are missing behind "+text("last_event_id"))
	}
	when := ""
	if !at.IsZero() {
		when = a.clock(at)
	}
	return []cell{c(when), c(kind), c(change), c(of), c(spaced(more...))}
}

// spaced are the texts that there are.
func spaced(texts ...string) string {
	return strings.Join(strings.Fields(strings.Join(texts, " ")), " ")
}
