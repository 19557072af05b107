package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/pool"
)

// fate is what t makes of a request that was served on the listener that it calls name. It
// is found by the exchange that explains, in short: what health, limits and chance say at
// this moment is left out, so that two tables differ by what they say alone.
func (e *Engine) fate(t *table, name string, h *sample.Head) explain.Fate {
	s := setting{name: name, listener: t.bound[name], config: t.cfg.Listeners[name], serverName: h.ServerName, peer: h.Peer}
	protocol := [...]string{sample.HTTP1: explain.HTTP1, sample.HTTP2: explain.HTTP2, sample.HTTP3: explain.HTTP3}[h.Version]
	switch {
	case s.config.TLS != nil && !h.Secure:
		return explain.Fate{Answer: "the listener speaks TLS, and the client does not"}
	case s.config.TLS == nil && h.Secure:
		return explain.Fate{Answer: "the listener does not speak TLS, and the client does"}
	}
	if why := unspoken(&s.config, protocol); why != "" {
		return explain.Fate{Answer: "the listener does not speak " + protocol + ": " + why}
	}
	x := e.imagine(t, &s, protocol, h.Text())
	defer x.forgetImagined()
	next := x.read()
	w := &explaining{x: x, out: &explain.Explanation{}, replays: true}
	w.certificate(&s)
	switch {
	case w.out.Certificate != nil && w.out.Certificate.Refused:
		return explain.Fate{Answer: "the TLS handshake ends with an alert"}
	case next != atRoute:
		w.reply("the parser of requests")
	default:
		w.route()
	}
	return fateOf(w.out)
}

// taken notes the route that has taken the request.
func (w *explaining) taken() {
	if r := w.x.route; r != nil {
		w.out.Route = &explain.Route{Name: r.name}
	}
}

// lots notes the pools that the request may go to, by their weights alone.
func (w *explaining) lots() {
	x, r := w.x, w.x.route
	f := &explain.Forward{}
	w.out.Forward = f
	key, keyed := x.splitKey()
	if keyed && r.splitOn.Kind == pool.HashHeader && string(affinity.Part(r.splitOn, &x.head, x.path)) == sample.Hidden {
		keyed = false
	}
	total := 0
	for i := range r.pools {
		if r.split != nil {
			total += r.split.Weight(i)
		}
	}
	for i, p := range r.pools {
		share := 1.
		switch {
		case r.split == nil:
		case keyed:
			if r.split.Of(key, nil) != i {
				continue
			}
		default:
			share = float64(r.split.Weight(i)) / float64(total)
		}
		if share > 0 {
			f.Pools = append(f.Pools, explain.Pool{Name: p.Name(), Share: share})
		}
	}
}

// fateOf is an explanation in short.
func fateOf(e *explain.Explanation) explain.Fate {
	f := explain.Fate{Answer: "forwarded"}
	if e.Route != nil {
		f.Route = e.Route.Name
	}
	for _, s := range e.Stages {
		f.Stages = append(f.Stages, explain.FateOf{Name: s.Name, Outcome: s.Outcome})
	}
	if e.Forward != nil {
		pools := make([]string, 0, len(e.Forward.Pools))
		for i := range e.Forward.Pools {
			p := &e.Forward.Pools[i]
			text := p.Name
			if p.Share < 1 {
				text = fmt.Sprintf("%s %.4g%%", p.Name, 100*p.Share)
			}
			pools = append(pools, text)
		}
		f.Pool = strings.Join(pools, ", ")
	}
	if r := e.Reply; r != nil {
		f.Answer, f.Location = replyText(r), r.Location
	}
	if c := e.Certificate; c != nil && c.ClientAuth == "require" {
		f.Answer += ", for clients with a certificate"
	}
	return f
}

// replyText is an answer of the proxy in short.
func replyText(r *explain.Reply) string {
	switch {
	case r.Status == 0 && r.Cause == "":
		return "a file"
	case r.Status == 0:
		return "no answer: " + r.Cause
	case r.Cause != "":
		return strconv.Itoa(r.Status) + " " + r.Cause
	}
	return strconv.Itoa(r.Status)
}

// stagesText are the stages of a request that run, in their order. changed are those that
// are defined otherwise in the other table.
func stagesText(all []explain.FateOf, changed map[string]bool) string {
	texts := make([]string, 0, len(all))
	for _, s := range all {
		text := s.Name
		switch s.Outcome {
		case string(middleware.Skipped), string(middleware.Unreached):
			continue
		case string(middleware.Answers), string(middleware.Resets):
			text += " " + s.Outcome
		}
		if changed[s.Name] {
			text += " (changed)"
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
