package engine

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// exchange is one request and its answer. It is taken from a pool when the
// first byte of a request is there and given back when the answer is written,
// so a connection that waits has none. Its connection's goroutine owns it; the
// upload has its own goroutine and its own fields.
type exchange struct {
	c      *conn
	table  *table          // the generation, loaded once
	policy *listenerPolicy // of this listener in this generation
	route  *routeEntry     // nil until one matched

	at         phase           // where it goes on
	outcome    attempt.Outcome // for atJudge
	startNanos int64           // first byte of the request; 0 before it
	head       wire.RequestHead
	path       []byte // normalised, what routes match on
	target     []byte // path as forwarded
	pathRoom   []byte
	body       attempt.Body
	isHEAD     bool
	upgrading  bool // the backend is asked to switch to another protocol

	attempt attempt.Attempt
	out     []byte // request head as sent to backends, with body bytes that came with it
	idEnd   int    // where the request id that we made ends in out; 0 is none
	answer  []byte // response head as sent to the client
	line    []byte // the client's address, for the access log
	upload  upload
	fwd     forwarding

	bodyFault  attempt.Outcome // of the body bytes that came with the head
	run        safely.Func     // goOn, made once: a method value is an allocation
	chunked    bool            // the answer's content is chunked for the client
	headed     bool            // the answer's head is written, or spilled
	relayNanos int64           // when the last content came
	nextBy     int64           // until then the next content is awaited
	awaiting   bool            // nextBy counts
	spilled    bool            // c holds the rest of a write that would have blocked
	clientGone bool            // the client's socket broke while the backend was awaited

	keep        bool // the client's connection may carry another request
	answered    bool // bytes of a final answer were written
	broken      bool // the answer was cut short and must look so
	counted     bool // by metrics and log; the text of the request is gone
	status      int
	end         end.End   // of an answer the proxy made or a response cut short
	reached     end.Phase // how far it has come
	backendName string
	attempts    int
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
	x.c, x.table, x.policy, x.route = nil, nil, nil, nil
	x.path, x.target = nil, nil
	x.answered, x.broken, x.keep, x.counted = false, false, false, false
	x.status, x.end, x.backendName, x.attempts, x.refused = 0, end.OK, "", 0, retry.RefusalNone
	x.repeats, x.idEnd = [retry.Causes]uint8{}, 0
	x.bytesIn, x.bytesOut = 0, 0
	x.bodyFault, x.outcome = attempt.OK, attempt.OK
	x.at, x.startNanos = atHead, 0
	x.spilled, x.headed, x.chunked, x.clientGone, x.awaiting = false, false, false, false, false
	x.fwd = forwarding{}
	exchanges.Put(x)
}

// admit finds the route and decides whether the request may go on.
func (x *exchange) admit() *answer.Reject {
	x.reached = end.PhaseRoute
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
	if x.policy.toHTTPS != nil && !x.c.Secure() {
		x.route = x.policy.toHTTPS
		return nil
	}
	q := route.Query{
		Listener: x.policy.number, Host: x.head.Host, Method: x.head.Method, Path: x.path,
		RawQuery: x.head.Query, Head: (*fields)(&x.head),
	}
	i := x.table.index.Lookup(&q)
	if i < 0 {
		return answer.NoRoute
	}
	x.route = &x.table.routes[i]
	switch {
	case string(x.head.Method) == "TRACE":
		return answer.MethodNotAllowed
	case x.policy.bodyBytesMax > 0 && x.head.Framing == wire.Length && x.head.ContentLength > x.policy.bodyBytesMax:
		return answer.BodyTooLarge
	}
	return nil
}

// fields is a request head as the route index reads it.
type fields wire.RequestHead

// Len is the number of fields.
func (f *fields) Len() int { return len(f.Fields) }

// At returns a field's name and value.
func (f *fields) At(i int) (name, value []byte) {
	return f.Name(&f.Fields[i]), f.FieldValue(&f.Fields[i])
}

// normalise sets the path that routes match on and the one that is forwarded.
func (x *exchange) normalise() *answer.Reject {
	match, forward, err := wire.NormalizePath(x.pathRoom[:0], x.head.Path)
	if err != nil {
		return answer.ForError(err)
	}
	x.path, x.target = match, forward
	return nil
}

// dropBody reads the rest of the request's body and reports success. The answer
// is out: bytes are read over the head.
func (x *exchange) dropBody() bool {
	in := &x.c.in
	x.c.SetReadBy(deadline(socket.Nanos(), x.policy.bodyGap))
	for dropped := 0; dropped < bodyDropMax; {
		data, err := x.body.Take(in)
		if err != nil {
			return false
		}
		dropped += len(data)
		if x.body.Done() {
			return true
		}
		if in.Len() > 0 {
			continue
		}
		if _, err := in.ReadFrom(x.c.Conn, min(x.body.Limit(), pipelineMax)); err != nil {
			return false
		}
	}
	return false
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

// finish counts and logs the exchange and reports whether the connection may
// carry another one. When hasTail says so, it waits. Counting comes first: what
// follows moves the bytes of the head.
func (x *exchange) finish(keep bool) bool {
	x.leavePool()
	x.count()
	if keep {
		x.upload.settle(x)
		if x.body.Done() || x.dropBody() {
			return true
		}
	}
	if x.answered && !x.broken && x.mayStillCome() {
		x.c.linger()
	}
	return false
}

// hasTail reports that finish will read from the client: the rest of a body
// that nobody wants, or whatever comes until the client knows that this was the
// end.
func (x *exchange) hasTail(keep bool) bool {
	if keep {
		return !x.body.Done()
	}
	return x.answered && !x.broken && x.mayStillCome()
}

// mayStillCome reports that the client, which does not know yet that the
// connection ends, may be sending: the rest of its body or another request.
func (x *exchange) mayStillCome() bool {
	return x.c.stream == nil && (!x.body.Done() || x.head.KeepAlive || x.c.in.Len() > 0)
}

// count is what metrics and access log learn of the exchange, once. It is the last
// that reads the text of the request: from then on nothing of it is left, and its
// buffer may be used for what comes next.
func (x *exchange) count() {
	if x.counted {
		return
	}
	x.counted = true
	if x.end == end.ClientGone && x.c.wasCut() { // it has not left: we have
		x.end = end.Drained
		if x.status == attempt.ClientGone.Status() {
			x.status = fasthttp.StatusServiceUnavailable
		}
	}
	nowNanos := socket.Nanos()
	stats := x.policy.unrouted
	if x.route != nil {
		stats = x.route.stats[x.policy.number]
	}
	shard := x.c.shard.index
	stats.Observe(shard, x.status, time.Duration(nowNanos-x.startNanos))
	if x.reached != end.PhaseTunnel { // that one has not ended
		x.c.shard.engine.registry.Ends.Add(shard, x.end, x.reached)
	}
	x.policy.stats.BytesIn.Add(shard, x.bytesIn)
	x.policy.stats.BytesOut.Add(shard, x.bytesOut)
	if x.table.access != nil {
		x.table.access.log(x, nowNanos)
	}
	x.head.DropText()
	x.path, x.target = nil, nil
	x.c.in.Unpin()
}

// random is 64 fresh bits for balancers, ids and jitter. The runtime's
// generator is per thread: 4 ns, no lock.
func random() uint64 { return rand.Uint64() }

// isLate reports that a deadline has passed.
func isLate(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
