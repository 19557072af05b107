package replay

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/sample"
)

// Comparison counts where the fates of requests differ. New makes one.
type Comparison struct {
	requests, differ               int
	redefined                      map[string]bool // stages that are defined otherwise
	routes, pools, stages, answers groups
}

// New compares the tables of two configurations.
func New(now, next *config.Config) *Comparison { return &Comparison{redefined: redefined(now, next)} }

// Into writes what was counted.
func (c *Comparison) Into(r *explain.Replay) {
	r.Requests, r.Changed = c.requests, c.differ
	r.Routes, r.Pools, r.Stages, r.Answers = c.routes.done(), c.pools.done(), c.stages.done(), c.answers.done()
}

// groups are the differences of one kind by before and after.
type groups struct {
	requests int
	all      map[[2]string]*explain.Difference
}

// Add compares the fates of one request, which came by the listener of that name.
func (c *Comparison) Add(was, is *Fate, h *sample.Head, listener string) {
	c.requests++
	changes := false
	note := func(g *groups, before, after string) {
		changes = true
		g.add(before, after, h, listener)
	}
	if was.Route != is.Route {
		note(&c.routes, cmp.Or(was.Route, "none"), cmp.Or(is.Route, "none"))
	}
	if was.Pool != is.Pool {
		note(&c.pools, cmp.Or(was.Pool, "none"), cmp.Or(is.Pool, "none"))
	}
	if before, after := stagesText(was.Stages, nil), stagesText(is.Stages, c.redefined); before != after {
		note(&c.stages, before, after)
	}
	switch {
	case was.Answer != is.Answer:
		note(&c.answers, was.Answer, is.Answer)
	case was.Location != is.Location:
		note(&c.answers, was.Answer+" to another location", is.Answer)
	}
	if changes {
		c.differ++
	}
}

func (g *groups) add(before, after string, h *sample.Head, listener string) {
	g.requests++
	pair := [2]string{before, after}
	d := g.all[pair]
	if d == nil {
		if len(g.all) == explain.DifferencesMax {
			return
		}
		if g.all == nil {
			g.all = map[[2]string]*explain.Difference{}
		}
		one := exampleOf(h, listener)
		one.Before, one.After = before, after
		d = &one
		g.all[pair] = d
	}
	d.Requests++
}

// done are the most frequent pairs, and how many there are.
func (g *groups) done() explain.Differences {
	out := explain.Differences{Requests: g.requests, Kinds: len(g.all)}
	for _, d := range g.all {
		out.Examples = append(out.Examples, *d)
	}
	slices.SortFunc(out.Examples, func(a, b explain.Difference) int {
		return cmp.Or(b.Requests-a.Requests, strings.Compare(a.Before, b.Before), strings.Compare(a.After, b.After))
	})
	out.Examples = out.Examples[:min(len(out.Examples), explain.ExamplesMax)]
	return out
}

// exampleOf is a request for people: its line and its host, without the query.
func exampleOf(h *sample.Head, listener string) explain.Difference {
	line, rest, _ := bytes.Cut(h.Text(), []byte("\r\n"))
	method, target, _ := bytes.Cut(line, []byte{' '})
	target, _, _ = bytes.Cut(target, []byte{' '})
	path, _, _ := bytes.Cut(target, []byte{'?'})
	d := explain.Difference{Method: string(method), Path: string(path), Listener: listener}
	if h.Peer.IsValid() {
		d.Peer = h.Peer.String()
	}
	if host, found := bytes.CutPrefix(rest, []byte("Host: ")); found {
		host, _, _ = bytes.Cut(host, []byte("\r\n"))
		d.Host = string(host)
	}
	d.Protocol = [...]string{sample.HTTP1: "http1", sample.HTTP2: "h2", sample.HTTP3: "h3"}[h.Version]
	return d
}

// redefined are the stages that both configurations have, and define otherwise.
func redefined(now, next *config.Config) map[string]bool {
	changed := map[string]bool{}
	for name, m := range now.Middleware {
		if other, stays := next.Middleware[name]; stays && !reflect.DeepEqual(m, other) {
			changed[name] = true
		}
	}
	return changed
}
