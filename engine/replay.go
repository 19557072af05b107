package engine

import (
	"bytes"
	"cmp"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// replayTurn is how many requests are replayed before others have a turn.
const replayTurn = 32

// closedText is the answer where nobody listens.
const closedText = "nobody listens there any more"

// replay says what becomes of the requests of the sample in both tables.
func (e *Engine) replay(now, next *table) explain.Replay {
	heads := e.sampler.Heads()
	slices.SortFunc(heads, func(a, b *sample.Head) int { return cmp.Compare(a.AtNanos, b.AtNanos) })
	out := explain.Replay{Kept: sample.Max(e.shardCount), Blind: blind(now.cfg, next.cfg)}
	r := replaying{out: &out, changed: redefined(now.cfg, next.cfg)}
	before, after := now.byKey(), next.byKey()
	nowNanos := socket.Nanos()
	for i, h := range heads {
		if i%replayTurn == replayTurn-1 {
			runtime.Gosched() // who carries requests comes first
		}
		name, stays := before[h.Listener]
		if !stays {
			out.Stale++
			continue
		}
		out.Requests++
		out.Window = max(out.Window, time.Duration(nowNanos-h.AtNanos))
		was, is := e.fate(now, name, h), explain.Fate{Answer: closedText}
		if to, stays := after[h.Listener]; stays {
			is = e.fate(next, to, h)
		}
		r.compare(&was, &is, func() explain.Difference { return exampleOf(h, name) })
	}
	out.Routes, out.Pools, out.Stages, out.Answers = r.routes.done(), r.pools.done(), r.stages.done(), r.answers.done()
	return out
}

// replaying is a replay under way.
type replaying struct {
	out                            *explain.Replay
	changed                        map[string]bool // stages that are defined otherwise
	routes, pools, stages, answers groups
}

// groups are the differences of one kind by before and after.
type groups struct {
	requests int
	all      map[[2]string]*explain.Difference
}

func (r *replaying) compare(was, is *explain.Fate, example func() explain.Difference) {
	changes := false
	note := func(g *groups, before, after string) {
		changes = true
		g.add(before, after, example)
	}
	if was.Route != is.Route {
		note(&r.routes, cmp.Or(was.Route, "none"), cmp.Or(is.Route, "none"))
	}
	if was.Pool != is.Pool {
		note(&r.pools, cmp.Or(was.Pool, "none"), cmp.Or(is.Pool, "none"))
	}
	if before, after := stagesText(was.Stages, nil), stagesText(is.Stages, r.changed); before != after {
		note(&r.stages, before, after)
	}
	switch {
	case was.Answer != is.Answer:
		note(&r.answers, was.Answer, is.Answer)
	case was.Location != is.Location:
		note(&r.answers, was.Answer+" to another location", is.Answer)
	}
	if changes {
		r.out.Changed++
	}
}

func (g *groups) add(before, after string, example func() explain.Difference) {
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
		one := example()
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
	d := explain.Difference{Method: string(method), Path: string(path), Listener: listener, Peer: addrText(h.Peer)}
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
