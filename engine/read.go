package engine

import (
	"errors"
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/match"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// read reads the head of the request and checks it: atHead, in the loop.
func (x *exchange) read() phase {
	c := x.c
	if x.startNanos == 0 && !x.begin() {
		return atOver // nobody is there to answer
	}
	if err := c.refused; err != nil {
		return x.refuseHead(answer.ForError(err))
	}
	for {
		n, err := x.head.Parse(c.in.Bytes(), &x.policy.limits)
		if err != nil {
			return x.refuseHead(answer.ForError(err))
		}
		if n > 0 {
			c.in.Discard(n)
			c.in.Pin() // the head lies there, until count
			x.bytesIn = int64(n)
			break
		}
		if c.in.Full() {
			return x.refuseHead(answer.ForError(wire.ErrHeaderTooLarge))
		}
		x.slowHead = true
		switch _, err := c.in.ReadFrom(c.Conn, roomMax); {
		case err == nil:
		case errors.Is(err, socket.ErrWouldBlock):
			if c.in.Len() > 0 { // it may hold the rest back until it knows that this is here
				c.Acknowledge()
			}
			return stay
		case isLate(err):
			return x.refuseHead(answer.SlowHeader)
		default:
			return atOver // it has left before it had sent one
		}
	}
	if x.slowHead {
		x.trail.Read = records.ShortOf(time.Duration(socket.Nanos() - x.startNanos))
	}
	x.isHEAD = string(x.head.Method) == "HEAD"
	x.keep = x.head.KeepAlive && c.stream == nil
	x.body.Begin(x.head.Framing, x.head.ContentLength)
	return atRoute
}

// refuseHead answers a head that is none.
func (x *exchange) refuseHead(r *answer.Reject) phase {
	x.forget()
	return x.reject(r)
}

// begin loads the generation; false when it does not have this listener.
func (x *exchange) begin() bool {
	x.forget()
	x.startNanos, x.reached = socket.Nanos(), end.PhaseRead
	slot := x.c.shard.ln.slot
	x.table, x.policy = x.c.shard.engine.generation(slot)
	if x.policy == nil {
		return false
	}
	if x.c.acceptedNanos != 0 {
		x.c.firstByte(x.startNanos)
	}
	x.bodyBytesMax = x.policy.bodyBytesMax
	x.c.SetReadBy(deadline(x.startNanos, x.policy.header))
	x.c.SetWritePace(x.policy.write, x.policy.bytesPerSecond)
	return true
}

// decide finds out what is to become of the request: atRoute.
func (x *exchange) decide() phase {
	if x.table.traced {
		x.beginSpan()
	}
	if r := x.match(); r != nil {
		return x.reject(r)
	}
	if x.route == nil {
		return x.options()
	}
	if x.route.chain != nil {
		x.beginStages()
		return atWrap
	}
	return x.act()
}

// beginSpan takes the exchange into the trace of its caller, or begins one.
func (x *exchange) beginSpan() {
	x.traced = true
	x.traceSpan.Begin(x.table.sampler, x.traceparent(), [3]uint64{random(), random(), random()})
}

// traceparent is what the client says of its trace; who says two says none.
func (x *exchange) traceparent() (said []byte) {
	for i := range x.head.Fields {
		f := &x.head.Fields[i]
		if f.ID != wire.FieldTraceparent {
			continue
		}
		if said != nil {
			return nil
		}
		said = x.head.FieldValue(f)
	}
	return said
}

// traceID is that of the trace that the exchange is in, with ours or without; nil is none.
func (x *exchange) traceID() []byte {
	if x.traced {
		return x.traceSpan.Trace()
	}
	return trace.ID(x.traceparent())
}

// match finds the route, or says why the request cannot go on.
func (x *exchange) match() *answer.Reject {
	if x.head.Form == wire.FormAsterisk {
		return nil // about the proxy itself
	}
	if r := x.normalise(); r != nil {
		return r
	}
	if x.misdirected() {
		return answer.Misdirected
	}
	if x.isChallenge() {
		x.route = x.policy.challenge
		return nil
	}
	if !x.c.Secure() && x.policy.redirects(x.head.Host, x.path) {
		x.route = x.policy.toHTTPS
		return nil
	}
	var q route.Query
	x.ask(&q)
	i := x.table.index.Lookup(&q)
	x.out = q.Scratch[:0]
	if i < 0 {
		return answer.NoRoute
	}
	x.route = x.table.routes[i]
	if string(x.head.Method) == "TRACE" {
		return answer.MethodNotAllowed
	}
	return nil
}

// ask makes q the question of this request to the routes.
func (x *exchange) ask(q *route.Query) {
	q.Listener = x.policy.number
	q.Request = match.Request{
		Host: x.head.Host, Method: x.head.Method, Path: x.path, RawQuery: x.head.Query, Facts: (*callFacts)(x), Scratch: x.out[:0],
	}
}

// normalise sets the path that routes match on and the one that is forwarded.
func (x *exchange) normalise() *answer.Reject {
	path, forward, err := wire.NormalizePath(x.pathRoom[:0], x.head.Path)
	if err != nil {
		return answer.ForError(err)
	}
	x.path, x.target = path, forward
	return nil
}
