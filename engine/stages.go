package engine

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/inquiry"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// beginStages makes the exchange ready for the stages of its route.
func (x *exchange) beginStages() {
	x.beginCall()
	x.staged = true
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
		return x.supplant()
	case stage.Broken:
		return x.sever()
	case stage.Left:
		return x.leave()
	case stage.Carried:
		return x.arrive()
	case stage.Next, stage.Handed:
	}
	return x.act()
}

// act does what the route says.
func (x *exchange) act() phase {
	if !x.bound() {
		return x.reject(answer.BodyTooLarge)
	}
	switch x.route.action {
	case actionForward:
		return atPrepare
	case actionRedirect:
		return x.redirect()
	case actionFiles:
		return atFile
	case actionChallenge:
		return x.challenge()
	case actionRespond:
	}
	return x.respond()
}

// bound sets how long the content of the request may be; false: it says that it is longer.
func (x *exchange) bound() bool {
	if x.staged && x.call.BodyMax >= 0 {
		x.bodyBytesMax = x.call.BodyMax
	}
	return x.bodyBytesMax <= 0 || x.head.Framing != wire.Length || x.head.ContentLength <= x.bodyBytesMax
}

var hstsName = stage.NewName("Strict-Transport-Security")

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
	x.received = h.Status
	c.Own, c.Worded, c.End, c.Status, c.Reason = false, false, end.OK, h.Status, h.Reason
	c.Length, c.Empty = h.ContentLength, h.Framing == wire.NoBody
	c.Answer.Meet(&h.Head)
	if x.compares() {
		x.copied.Answered(h.Status)
	}
}

// forgetAnswer takes back what the stages have made of an answer of which nothing was
// written: they see another one in its place.
func (x *exchange) forgetAnswer() {
	if x.staged {
		x.call.Answer.Forget()
		x.call.SetAt(x.route.chain.Len())
		x.dropCoder()
	}
}

// hold reads the rest of the request's content, for a stage that wants all of it before
// anything is sent; atPrepare when it is there.
func (x *exchange) hold() phase {
	most := x.call.Hold
	if x.bodyBytesMax > 0 {
		most = min(most, x.bodyBytesMax)
	}
	if x.head.Framing == wire.Length && x.head.ContentLength > most {
		return x.reject(answer.BodyTooLarge)
	}
	if !x.holds {
		x.holds, x.held = true, x.held[:0]
	}
	for {
		in := &x.c.in // what has come with the head
		if in.Len() == 0 {
			in = &x.upload.in
		}
		data, err := x.body.Take(in)
		switch {
		case err != nil:
			x.keep = false
			return x.reject(answer.ForOutcome(attempt.ClientBadBody))
		case int64(len(x.held)+len(data)) > most:
			x.keep = x.keep && !x.upload.in.Held() // what was read there is nobody's
			return x.reject(answer.BodyTooLarge)
		}
		x.held = append(x.held, data...)
		switch {
		case x.body.Done():
			x.bytesIn += int64(len(x.held))
			return atPrepare
		case in.Len() > 0:
		case !x.waits:
			return aside
		default:
			if out := x.readHeld(); out != attempt.OK {
				x.keep = false
				return x.heldEnds(out)
			}
		}
	}
}

// heldEnds is what follows where the client does not send what it has announced.
func (x *exchange) heldEnds(out attempt.Outcome) phase {
	if x.nobodyWaits() || out == attempt.ClientGone && x.c.Broken() {
		return x.leave()
	}
	return x.reject(answer.ForOutcome(out))
}

// readHeld reads more of that content, waiting. A client that waits to be asked for it
// is.
func (x *exchange) readHeld() attempt.Outcome {
	u, nowNanos := &x.upload, socket.Nanos()
	if !u.in.Held() {
		u.in.Sized(int(min(x.body.Limit(), uploadRoom)))
		u.pace.Begin(x.policy.bodyGap, x.policy.bytesPerSecond)
		if x.head.ExpectContinue && len(x.held) == 0 {
			if out := x.written(x.c.Write(continueLine)); out != attempt.OK {
				return out
			}
		}
	}
	limit := x.body.Limit()
	if x.head.Framing == wire.ChunkedBody {
		limit = pipelineMax
	}
	x.c.SetReadBy(socket.Earlier(u.pace.By(nowNanos), x.deadline()))
	if len(x.held) == 0 && !x.c.MayRead() {
		x.c.Acknowledge()
	}
	n, err := u.in.ReadFrom(x.c.Conn, limit)
	waited := socket.Nanos() - nowNanos
	u.lateNanos += waited
	switch {
	case isLate(err):
		return attempt.ClientSlow
	case err != nil:
		return attempt.ClientGone
	case !u.pace.Took(waited, int64(n)):
		return attempt.ClientSlow
	}
	return attempt.OK
}

// continueLine asks a client for the content that it holds back (RFC 9110 section 10.1.1).
var continueLine = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// pace lets the next content of the answer wait; false when nobody waits for it any more.
func (x *exchange) pace(n int) bool {
	d := x.call.Pacer.Delay(&x.call, n, false, socket.Nanos())
	return d <= 0 || socket.Await(x.patience(socket.After(socket.Nanos(), d)), nil) == socket.ErrLate //nolint:errorlint // unwrapped
}

// beginCopy begins a copy of what is sent to a backend; it goes on its way when the content
// is here. Nothing of it is waited for.
func (x *exchange) beginCopy() {
	m, p := x.call.Mirror, x.table.entries[x.call.Mirror.Pool]
	if p == nil || x.call.Upgrades() || x.route.mirrors == nil {
		return
	}
	q := inquiry.Inquiry{Pool: &p.asks, Shard: x.c.shard.index, ToHEAD: x.isHEAD, KeepsHost: x.call.Host != nil}
	size := int64(len(x.out))
	if !x.body.Done() {
		size += max(0, x.head.ContentLength-x.upload.sent)
	}
	if size > inquiry.CopyBytesMax {
		x.route.mirrors.Add(q.Shard, observe.MirrorTooLong)
		return
	}
	q.Head = append(make([]byte, 0, size), x.out...)
	if p.hashes {
		q.Hash = x.hash(p.HashOn())
	}
	of := inquiry.Mirror{Budget: &m.InFlight, Stats: x.route.mirrors, Compare: m.Compare}
	if m.Compare {
		of.About = observe.MirrorExample{
			Time: time.Now(), RequestID: clip(x.call.RequestID()), Method: clip(x.head.Method), Target: clip(x.head.Target),
		}
	}
	if x.copied = inquiry.NewCopy(&q, x.upload.sent, &of); x.copied != nil && x.body.Done() {
		x.copied.Start()
	}
}

// clipMax is how much of a text is kept in an example.
const clipMax = 256

func clip(b []byte) string { return string(b[:min(len(b), clipMax)]) }

// compares reports that the answer is compared with that to a copy.
func (x *exchange) compares() bool { return x.staged && x.copied != nil && x.copied.Compares() }

// seen notes content of the backend's answer.
func (x *exchange) seen(data []byte) {
	if !x.compares() {
		return
	}
	x.copied.Saw(data)
	if x.attempt.Done() {
		x.copied.Whole()
	}
}
