package engine

import (
	"fmt"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// take gives the connection and its exchange to a goroutine: a worker of its core.
func (x *exchange) take() turn {
	if transitions[x.at].asks {
		x.c.TakeMinded()
		if x.c.Ended() {
			x.c.Hung()
		}
	} else {
		x.c.Take()
	}
	if x.fwd.open {
		x.attempt.Conn().Take()
	}
	x.waits = true
	x.c.shard.workers.Hand(x.task)
	return turnTaken
}

// goOn is the goroutine of an exchange: it carries it to its end, waiting where
// that is needed, and gives the connection back to the loop.
func (x *exchange) goOn() {
	c := x.c
	defer func() {
		if safely.Caught("exchange", recover()) { // outside of what rescue ends
			c.cut()
			c.close()
		}
	}()
	switch x.waitingly() {
	case turnEnd:
		c.endElsewhere()
		return
	case turnTunnel:
		c.Hand(c, true)
		return
	case turnAgain, turnWait, turnTaken:
	}
	c.beginWait(c.policy())
	c.Hand(c, c.in.Len() > 0)
}

// waitingly is the rest of the exchange, from its phase on.
func (x *exchange) waitingly() (t turn) {
	defer x.rescue(&t)
	safely.Enter("exchange")
	x.upload.resume()
	return x.advance(x.do())
}

// rescue turns a panic into a 500, where nothing was answered yet, and into the
// end of this connection. Whatever was acquired is given back.
func (x *exchange) rescue(t *turn) {
	if !safely.Caught("exchange", recover()) {
		return
	}
	x.crashed()
	*t = x.c.after(false)
}

// crashed ends an exchange that has met a bug, for rescue, or whose event has: it is
// counted like any other, and nothing stays acquired.
func (x *exchange) crashed() {
	x.keep, x.isCall = false, x.at != atHead && !x.counted && x.isGRPC()
	x.abandon()
	x.forget()
	if x.policy == nil { // it had not begun
		return
	}
	if !x.answered {
		x.reject(answer.Internal)
	}
	x.count()
}

// do is what there is to do in the phase.
func (x *exchange) do() phase { //nolint:cyclop,funlen // one line for each phase
	switch x.at {
	case atHead:
		return x.read()
	case atRoute:
		return x.decide()
	case atWrap:
		return x.wrap()
	case atFile:
		return x.serveFile()
	case atPrepare:
		return x.forward()
	case atAdmit:
		return x.admit()
	case atPick:
		return x.pick()
	case atOpen:
		return x.open()
	case atSend:
		return x.send()
	case atSendRest:
		return x.sendRest()
	case atUpload:
		return atAwait // who takes an exchange over lets its upload go on: goOn
	case atAwait:
		return x.await()
	case atInterim:
		return x.flushInterim()
	case atHedge:
		return x.hedge()
	case atSettle:
		return x.settle()
	case atJudge:
		return x.judge()
	case atPause:
		return x.pause()
	case atAnswer:
		return x.accept()
	case atUnwrap:
		return x.unwrap()
	case atRelay:
		return x.relay()
	case atSpill:
		return x.flushContent()
	case atTunnel:
		return x.openTunnel()
	case atDress:
		return x.dressAgain()
	case atRest:
		return x.flushAnswer()
	case atFinish:
		return x.finish()
	case atTail:
		return x.dropTail()
	case atOver, atSwitched, stay, aside, handed:
	}
	panic("BUG: an exchange that is over goes on")
}

// advance carries the exchange on to the phase that follows, and from there until
// something has to be waited for or it is over.
func (x *exchange) advance(next phase) turn {
	for ; ; next = x.do() {
		if next >= stay && (x.waits || checksPhases) {
			x.checkWait(next)
		}
		switch next { //nolint:exhaustive // the others are entered below
		case stay:
			return turnWait
		case aside:
			return x.take()
		case atOver:
			x.enter(next)
			return x.c.after(x.keep)
		case atSwitched:
			x.enter(next)
			return x.c.switched()
		}
		x.enter(next)
		switch {
		case x.waits:
		case next == atAwait:
			x.watch()
			return turnWait
		case transitions[next].waits&isAside != 0:
			return x.take()
		}
	}
}

// checksPhases is set by tests: every step is held against transitions.
var checksPhases bool

// enter makes next the phase.
func (x *exchange) enter(next phase) {
	if checksPhases {
		x.checkNext(next)
	}
	x.at = next
	if r := transitions[next].reached; r != unchanged {
		x.reached = r
	}
}

// checkNext checks that the phase may lead to next.
func (x *exchange) checkNext(next phase) {
	if transitions[x.at].next>>next&1 == 0 {
		panic(fmt.Sprintf("BUG: phase %q leads to %q", transitions[x.at].name, transitions[next].name))
	}
}

// checkWait checks that the phase may answer stay or aside, and that its exchange is in
// the loop.
func (x *exchange) checkWait(how phase) {
	which := waitsAside
	if how == stay {
		which = waitsClient | waitsBackend
	}
	switch {
	case x.waits:
		panic("BUG: a goroutine is told to wait elsewhere")
	case transitions[x.at].waits&which == 0:
		panic(fmt.Sprintf("BUG: phase %q waits for what it must not", transitions[x.at].name))
	}
}

// step carries the exchange on in its loop.
func (x *exchange) step() (t turn) {
	defer x.rescue(&t)
	return x.advance(x.do())
}

// clientEvent is called by the loop when the client's socket says something in
// the middle of an exchange: more of its body, or that it has gone, so that the
// backend works for nobody no longer. Bytes of the next request wait.
func (x *exchange) clientEvent() (t turn) {
	defer x.rescue(&t)
	switch {
	case x.at == atAwait && x.upload.looped:
		if next := x.pump(); next != atAwait {
			return x.advance(next)
		}
	case x.c.Broken(), x.c.graceIsOver():
		x.c.leave()
	case x.c.Ended():
		x.c.Hung()
	}
	return turnWait
}

// watch makes the loop call answerHandler.Ready. What the backend has sent
// already is announced by the kernel like everything later: nothing is read on
// suspicion.
func (x *exchange) watch() {
	x.attempt.Conn().SetReadBy(x.lookBy())
	x.attempt.Conn().Watch((*answerHandler)(x))
	if x.c.Ended() {
		x.c.Hung()
	}
}

// answerHandler is an exchange as the handler of its backend's connection.
type answerHandler exchange

// Ready is called by the loop when the backend has sent something, has closed,
// or is late.
func (h *answerHandler) Ready() {
	x := (*exchange)(h)
	c := x.c
	defer func() { // the loop knows the backend's connection, and x may be another's by then
		if safely.Caught("answer", recover()) {
			c.Crashed()
		}
	}()
	safely.Enter("answer")
	c.carryOn(x.step())
}

func newExchange() *exchange {
	x := &exchange{
		out: make([]byte, 0, outRoom), answer: make([]byte, 0, outRoom), pathRoom: make([]byte, 0, pathRoom),
		line: make([]byte, 0, lineRoom),
	}
	x.upload.prepare()
	x.task = worker.NewTask(x.goOn)
	return x
}

func acquireExchange(c *conn) *exchange {
	x, ok := exchanges.Get().(*exchange)
	if !ok {
		x = newExchange()
	}
	x.c = c
	return x
}

// after is the end of an exchange: what it held is given back.
func (c *conn) after(keep bool) turn {
	releaseExchange(c.x)
	c.x, c.served = nil, true
	c.forgetLeaving()
	if !keep {
		return turnEnd
	}
	c.state.Store(stateIdle)
	return turnAgain
}

// switched is the end of an exchange that has become a tunnel.
func (c *conn) switched() turn {
	releaseExchange(c.x)
	c.x, c.served = nil, true
	return turnTunnel
}
