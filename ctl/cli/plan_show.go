package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// planLabel is the width of the labels of a plan, planIndent what stands below one.
const (
	planLabel  = 13
	planIndent = 4
)

// showEffects shows what a plan would do to what lives now. Nothing is cut: what does not
// fit goes on in the next line.
func showEffects(s *screen, e *api.Effects) {
	if len(e.Connections)+len(e.Keys)+len(e.Limiters)+len(e.Sockets) == 0 {
		return
	}
	s.blank()
	label := "connections"
	for i := range e.Connections {
		c := &e.Connections[i]
		s.wrap(label, planLabel, fmt.Sprintf("%s %s (%s) has %s: %s", c.Kind, c.Name, c.Change, connectionsText(c), c.Then))
		label = ""
	}
	label = "keys"
	for i := range e.Keys {
		k := &e.Keys[i]
		s.wrap(label, planLabel, fmt.Sprintf("%s %s, %s: %s move (%s)", k.Kind, k.Name, k.By, shareText(k.Share), k.Says))
		label = ""
	}
	label = "limits"
	for i := range e.Limiters {
		l := &e.Limiters[i]
		s.wrap(label, planLabel, fmt.Sprintf("stage %s (%s) forgets %s: %s", l.Stage, l.Type, quantity(l.Keys, "key"), l.Says))
		label = ""
	}
	label = "sockets"
	for i := range e.Sockets {
		k := &e.Sockets[i]
		s.wrap(label, planLabel, fmt.Sprintf("%s %s of listener %s is %s", k.Network, k.Address, k.Listener, k.Action))
		label = ""
	}
}

// connectionsText counts what there is.
func connectionsText(c *api.PlannedConnections) string {
	var parts []string
	for _, one := range []struct {
		n    int64
		what string
	}{
		{c.Tunnels, "tunnel"},
		{c.Streams, "stream"},
		{c.Active, "active connection"},
		{c.Idle, "idle connection"},
		{c.InProgress, "attempt in progress"},
	} {
		if one.n > 0 {
			parts = append(parts, quantity(one.n, one.what))
		}
	}
	return strings.Join(parts, ", ")
}

// quantity is a number with its noun, of which the first word is in the plural where it has to be.
func quantity[T int | int64](n T, noun string) string {
	if n != 1 {
		first, rest, more := strings.Cut(noun, " ")
		switch {
		case more && first == "attempt":
			noun = first + "s " + rest
		default:
			noun += "s"
		}
	}
	return count(n) + " " + noun
}

// showReplay shows what would become of requests as they came.
func showReplay(s *screen, r *api.Replay) {
	s.blank()
	if r.Requests == 0 {
		s.wrap("replay", planLabel, "no request was served yet that could be tried")
		return
	}
	window := time.Duration(r.WindowSeconds * float64(time.Second)).Round(time.Second)
	s.wrap("replay", planLabel, fmt.Sprintf("%s of the last %s were tried: %s for %s", quantity(r.Requests, "request"), window,
		map[bool]string{true: "something changes", false: "nothing changes"}[r.Changed > 0], ofAll(r.Changed, r.Requests)))
	for _, kind := range []struct {
		what    string
		changes *api.ReplayedChanges
	}{
		{"another answer", &r.Answers},
		{"another route", &r.Routes},
		{"another pool", &r.Pools},
		{"other stages", &r.Stages},
	} {
		showChanged(s, kind.what, kind.changes, r.Requests)
	}
	for _, path := range r.Blind {
		s.wrap("", planLabel, "not told: "+path+" looks at a value that is not kept of requests")
	}
	if r.Stale > 0 {
		s.wrap("", planLabel, quantity(r.Stale, "request")+" had come by a listener that is gone")
	}
}

// ofAll is a part of the requests.
func ofAll(n, all int) string {
	if n == 0 {
		return "any of them"
	}
	return fmt.Sprintf("%s of them (%.1f%%)", count(n), 100*float64(n)/float64(all))
}

func showChanged(s *screen, what string, c *api.ReplayedChanges, all int) {
	if c.Requests == 0 {
		return
	}
	s.wrap("", planIndent-2, fmt.Sprintf("%s: %s", what, ofAll(c.Requests, all)))
	for i := range c.Examples {
		e := &c.Examples[i]
		s.wrap("", planIndent, fmt.Sprintf("%s: %s -> %s", count(e.Requests), e.Before, e.After))
		from := ""
		if e.Peer != "" {
			from = " from " + e.Peer
		}
		s.wrap("", 2*planIndent, fmt.Sprintf("as %s %s%s by %s of listener %s%s", e.Method, e.Host, e.Path, e.Protocol, e.Listener, from))
	}
	if more := c.Kinds - len(c.Examples); more > 0 {
		s.wrap("", planIndent, fmt.Sprintf("and %s more kinds", count(more)))
	}
}
