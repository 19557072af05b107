package middleware

import (
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// Chain are the stages of one route, in the order in which requests pass them. It never
// changes; any goroutine may use it. A route without stages has none: nil.
type Chain struct {
	links    []link
	about    []about // of each link
	responds bool
}

// about is what people know a stage by. It stands beside the links, which requests walk.
type about struct{ name, kind string }

// link is a stage in a chain.
type link struct {
	requester stage.Requester // nil: it has nothing to say of requests
	responder stage.Responder // likewise of answers
	gates     []gate          // its own, and those of the chains it stands in
	stats     *observe.MiddlewareStats
}

// gate says for which requests a stage is.
type gate struct{ when, unless match.Condition }

// opens reports that the stage is for this request.
func (g *gate) opens(q *match.Request) bool {
	return (g.when.IsEmpty() || g.when.Holds(q)) && (g.unless.IsEmpty() || !g.unless.Holds(q))
}

func (l *link) runs(c *stage.Call) bool {
	if len(l.gates) == 0 {
		return true
	}
	q := match.Request{
		Host: c.Head.Host, Method: c.Head.Method, Path: c.Path, RawQuery: c.Head.Query, Facts: c, Scratch: c.Scratch,
	}
	runs := true
	for i := 0; runs && i < len(l.gates); i++ {
		runs = l.gates[i].opens(&q)
	}
	c.Scratch = q.Scratch
	return runs
}

// Len is the number of stages.
func (ch *Chain) Len() int { return len(ch.links) }

// Responds reports that a stage has something to say of answers.
func (ch *Chain) Responds() bool { return ch.responds }

// Request lets the stages see a request, from the one at c.At on. Whatever it returns
// but Next was said by the stage that c.At names then.
func (ch *Chain) Request(c *stage.Call) stage.Verdict {
	for i := c.At(); i < len(ch.links); i++ {
		l := &ch.links[i]
		c.SetAt(i)
		if !l.runs(c) {
			continue
		}
		if l.requester != nil {
			switch v := l.requester.Request(c); v {
			case stage.Next:
			case stage.Wait, stage.Carried:
				return v
			case stage.Answered, stage.Broken, stage.Left, stage.Handed:
				l.stats.Add(c.Shard(), outcomeOf(v))
				return v
			}
		}
		l.stats.Add(c.Shard(), observe.MiddlewarePassed)
		c.Pass(i)
	}
	c.SetAt(len(ch.links))
	return stage.Next
}

// Proceed is Request for the stages behind the one that c.At names: that one calls it, and
// has the request pass.
func (ch *Chain) Proceed(c *stage.Call) stage.Verdict {
	i := c.At()
	ch.links[i].stats.Add(c.Shard(), observe.MiddlewarePassed)
	c.Pass(i)
	c.SetAt(i + 1)
	return ch.Request(c)
}

func outcomeOf(v stage.Verdict) observe.MiddlewareOutcome {
	switch v { //nolint:exhaustive // the others are none
	case stage.Answered:
		return observe.MiddlewareAnswered
	case stage.Left:
		return observe.MiddlewareLeft
	}
	return observe.MiddlewareBroken
}

// Response lets the stages that the request has passed see the answer, the last one
// first. Next: all have. Wait: it goes on with the same one. Answered: c.Reply stands in
// place of the answer, and the stages that are left see that one.
func (ch *Chain) Response(c *stage.Call) stage.Verdict {
	for c.At() > 0 {
		i := c.At() - 1
		l := &ch.links[i]
		if l.responder == nil || !c.Passed(i) {
			c.SetAt(i)
			continue
		}
		c.SetAt(i)
		v := l.responder.Response(c)
		if v == stage.Wait {
			c.SetAt(i + 1)
			return v
		}
		if v != stage.Next {
			return v
		}
	}
	return stage.Next
}
