package engine

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// exchange is one request and its answer. It is taken from a pool when the
// first byte of a request is there and given back when the answer is written,
// so a connection that waits has none. Its connection's loop owns it, or the
// goroutine that has taken it over; the upload has its own goroutine and its own
// fields. What phases need is grouped by who needs it first; each group lasts
// until releaseExchange.
type exchange struct {
	reading
	routing
	preparing
	relaying
	accounting

	c     *conn
	at    phase
	waits bool // a goroutine has it, and leaves wait; in the loop they say that it has to be waited

	head    wire.RequestHead
	body    attempt.Body // of the request
	fwd     forwarding
	attempt attempt.Attempt
	upload  upload

	// Made once.
	run      safely.Func // goOn: a method value is an allocation
	pathRoom []byte
	out      []byte // request head as sent to backends, with body bytes that came with it
	answer   []byte // response head as sent to the client
	line     []byte // the client's address, for the access log
}

// reading is what is known from the first byte on.
type reading struct {
	startNanos int64 // when that came; 0 before it
	isHEAD     bool
}

// routing is where the request belongs.
type routing struct {
	table  *table          // the generation, loaded once
	policy *listenerPolicy // of this listener in this generation
	route  *routeEntry     // nil until one matched
	path   []byte          // normalised, what routes match on
	target []byte          // path as forwarded
}

// preparing is what is known of the head for backends.
type preparing struct {
	idEnd     int  // where the request id that we made ends in out; 0 is none
	upgrading bool // the backend is asked to switch to another protocol
}

// relaying is how far the answer is.
type relaying struct {
	status     int
	keep       bool  // the client's connection may carry another request
	answered   bool  // bytes of a final answer were written
	broken     bool  // the answer was cut short and must look so
	chunked    bool  // its content is chunked for the client
	headed     bool  // the backend's head is written, or on its way
	awaiting   bool  // nextBy counts
	nextBy     int64 // until then the next content is awaited
	relayNanos int64 // when the last content came
}

// accounting is what metrics and log learn of the exchange, beside other groups.
type accounting struct {
	counted     bool      // it was; the text of the request is gone
	end         end.End   // of an answer the proxy made or a response cut short
	reached     end.Phase // how far it has come
	backendName string
	attempts    int // begun
	repeats     [retry.Causes]uint8
	refused     retry.Refusal // of the last retry that was not made
	bytesIn     int64
	bytesOut    int64
}

var exchanges sync.Pool

func newExchange() *exchange {
	x := &exchange{
		out: make([]byte, 0, outRoom), answer: make([]byte, 0, outRoom), pathRoom: make([]byte, 0, pathRoom),
		line: make([]byte, 0, lineRoom),
	}
	x.upload.prepare()
	x.run = safely.Own(x.goOn)
	return x
}

// Rooms of an exchange's own slices. A larger one is dropped after its exchange.
const (
	outRoom  = 4 << 10
	pathRoom = 1 << 10
	lineRoom = 64
	roomMax  = 64 << 10
)

func acquireExchange(c *conn) *exchange {
	x, ok := exchanges.Get().(*exchange)
	if !ok {
		x = newExchange()
	}
	x.c = c
	return x
}

func releaseExchange(x *exchange) {
	x.upload.in.Release()
	if cap(x.out) > roomMax || cap(x.answer) > roomMax || cap(x.pathRoom) > roomMax {
		return // one huge header must not make all exchanges huge
	}
	x.c, x.at, x.waits = nil, atHead, false
	x.reading, x.routing, x.preparing = reading{}, routing{}, preparing{}
	x.fwd = forwarding{}
	x.relaying, x.accounting = relaying{}, accounting{}
	exchanges.Put(x)
}

// forget leaves a request of which nothing is known: no method, no field, and a
// body without an end. A head that is refused half-way has set some of it, and
// the spans of its fields point nowhere.
func (x *exchange) forget() {
	x.head.Reset()
	x.path, x.target = nil, nil
	x.c.in.Unpin()
	x.isHEAD, x.upgrading = false, false
	x.body.Begin(wire.UntilClose, 0)
	x.upload.begun = false
}

// take gives the connection and its exchange to a goroutine.
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
	x.run.Go()
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
		c.close()
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
	x.keep = false
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

// random is 64 fresh bits for balancers, ids and jitter. The runtime's
// generator is per thread: 4 ns, no lock.
func random() uint64 { return rand.Uint64() }

// isLate reports that a deadline has passed.
func isLate(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
