package engine

import (
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// beginStages makes the exchange ready for the stages of its route. What a peer must not
// say for its client is gone before they look.
func (x *exchange) beginStages() {
	c := &x.call
	c.Begin(&x.head)
	x.staged = true
	x.dropFields(x.policy.trusted.Trusts(x.c.ip), 0)
	c.Path, c.Target, c.Query = x.path, x.target, x.head.Query
	c.NowNanos, c.Random = x.startNanos, random()
}

// wrap lets the stages of the route have their say: atWrap.
func (x *exchange) wrap() phase {
	c := &x.call
	if c.MayWait = x.waits; x.waits {
		c.NowNanos = socket.Nanos()
	}
	switch x.route.chain.Request(c) {
	case stage.Wait:
		return aside
	case stage.Answered:
		return x.reply()
	case stage.Broken:
		return x.sever()
	case stage.Left:
		return x.leave()
	case stage.Next:
	}
	if c.BodyMax >= 0 {
		x.bodyBytesMax = c.BodyMax
	}
	return x.act()
}

// act does what the route says.
func (x *exchange) act() phase {
	if x.bodyBytesMax > 0 && x.head.Framing == wire.Length && x.head.ContentLength > x.bodyBytesMax {
		return x.reject(answer.BodyTooLarge)
	}
	switch x.route.action {
	case actionForward:
		return atPrepare
	case actionRedirect:
		return x.redirect()
	case actionChallenge:
		return x.challenge()
	case actionRespond:
	}
	return x.respond()
}

// sever ends the exchange without an answer.
func (x *exchange) sever() phase {
	x.keep, x.broken, x.end = false, true, x.call.Reply.End
	x.c.ResetOnClose()
	return atFinish
}

// deadline is that of the whole exchange; 0 is none.
func (x *exchange) deadline() int64 {
	if x.staged && x.call.Timeout >= 0 {
		return deadline(x.startNanos, x.call.Timeout)
	}
	return deadline(x.startNanos, x.route.timeout)
}

// place chooses the backend that a stage has named, where it may take anything.
func (x *exchange) place() {
	if x.call.Place == "" {
		return
	}
	for _, p := range x.route.pools {
		if m := p.Member(x.call.Place); m != nil && p.Keeps(m) {
			x.fwd.pool, x.fwd.again = p, m
			return
		}
	}
}

// meetAnswer begins the response phase with an answer of a backend.
func (x *exchange) meetAnswer(h *wire.ResponseHead) {
	c := &x.call
	c.Own, c.End, c.Status, c.Reason = false, end.OK, h.Status, h.Reason
	c.Length, c.Empty = h.ContentLength, h.Framing == wire.NoBody
	x.route.chain.Meet(c, &h.Head)
}

// respondStages lets the stages see the answer.
func (x *exchange) respondStages() stage.Verdict {
	c := &x.call
	if c.MayWait = x.waits; x.waits {
		c.NowNanos = socket.Nanos()
	}
	return x.route.chain.Response(c)
}
