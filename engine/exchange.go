package engine

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/files"
	"github.com/isame-lb/isame-lb/engine/inquiry"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
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
	*staging // made when a route has stages for the first time: see staged

	c     *conn
	at    phase
	waits bool // a goroutine has it, and leaves wait; in the loop they say that it has to be waited

	head      wire.RequestHead
	body      attempt.Body // of the request
	fwd       forwarding
	attempt   attempt.Attempt
	upload    upload
	traceSpan trace.Span // where traced

	// Made once.
	task     *worker.Task // goOn: a method value is an allocation
	pathRoom []byte
	out      []byte               // request head as sent to backends, with body bytes that came with it
	answer   []byte               // response head as sent to the client
	line     []byte               // of the access log
	entry    *accesslog.Entry     // which it is made of
	id       [requestIDBytes]byte // of the request, where a stage has asked for it before its head was made
}

// reading is what is known from the first byte on.
type reading struct {
	startNanos int64 // when that came; 0 before it
	isHEAD     bool
	slowHead   bool // not all of the head had come with that
	traced     bool // traceSpan counts
}

// routing is where the request belongs.
type routing struct {
	table  *table          // the generation, loaded once
	policy *listenerPolicy // of this listener in this generation
	route  *routeEntry     // nil until one matched
	path   []byte          // normalised, what routes match on
	target []byte          // path as forwarded

	bodyBytesMax int64 // of the request; 0 is no limit
	client       netip.Addr
	clientKnown  bool // client is the one that is believed
	idMade       bool // id was

	staged bool // the route has stages: staging counts
}

// staging is what the stages of a route need. It is memory of its own, so that exchanges
// without stages stay small: those look at staged alone, and must not look here.
type staging struct {
	call  stage.Call
	coded []byte // what the coder has made of the last piece
	// copied is a copy of the request for another pool; nil is none.
	copied *inquiry.Copy
	// own is an answer of ours before the stages have seen it: its head, as text and as
	// ownHead has read it, and its content.
	own        []byte
	ownHead    wire.ResponseHead
	ownContent []byte
	// carried is what follows where an exchange that a stage carries ends without an answer;
	// piece is what ReadAnswer or ReadContent has not taken yet.
	carried phase
	piece   []byte
	// received is the status that the backend has sent.
	received int
	// held is the content of the request, where a stage wants it whole before anything is
	// sent; holds: it is.
	held  []byte
	holds bool
}

// callFacts is an exchange as its stages see it: facts.go has its methods.
type callFacts exchange

// preparing is what is known of the head for backends.
type preparing struct {
	idEnd     int  // where the request id that we made ends in out; 0 is none
	spanEnd   int  // likewise, the id of the span of the attempt
	upgrading bool // the backend is asked to switch to another protocol
}

// relaying is how far the answer is.
type relaying struct {
	status     int
	keep       bool  // the client's connection may carry another request
	answered   bool  // bytes of a final answer were written
	broken     bool  // the answer was cut short and must look so
	chunked    bool  // its content is chunked for the client
	isCall     bool  // a bug has ended a call of gRPC, of which nothing else is known any more
	headed     bool  // the backend's head is written, or on its way
	awaiting   bool  // nextBy counts
	nextBy     int64 // until then the next content is awaited
	relayNanos int64 // when the last content came
	sendNanos  int64 // how long content that had come was on its way to the client

	// coder changes the content; unflushed: it may keep some of it inside; codedTurns is how
	// many turns of the loop in a row it had a piece.
	coder      stage.Coder
	unflushed  bool
	codedTurns int
	// source has the content, in place of the backend; ended: all of it. A stage says so.
	source      io.Reader
	sourceEnded bool
	// reader is a part of a file of the route: closeFile gives it back. span is what the kernel
	// sends of it now; copies: the kernel does not.
	reader files.Reader
	span   socket.Span
	copies bool
}

// accounting is what metrics and log learn of the exchange, beside other groups.
type accounting struct {
	counted     bool      // it was; the text of the request is gone
	logged      bool      // it has a line
	end         end.End   // of an answer the proxy made or a response cut short
	reached     end.Phase // how far it has come
	backendName string
	attempts    int // begun
	repeats     [retry.Causes]uint8
	refused     retry.Refusal // of the last retry that was not made
	bytesIn     int64
	bytesOut    int64
	trail       records.Trail   // its attempts, for the recorder
	kept        *records.Record // of what becomes a tunnel, until that ends
}

var exchanges sync.Pool

// Rooms of an exchange's own slices. A larger one is dropped after its exchange.
const (
	outRoom  = 4 << 10
	pathRoom = 1 << 10
	lineRoom = 64
	roomMax  = 64 << 10
)

func releaseExchange(x *exchange) {
	x.upload.in.Release()
	if x.staged {
		x.endStages()
	}
	x.closeFile()
	if cap(x.out) > roomMax || cap(x.answer) > roomMax || cap(x.pathRoom) > roomMax {
		return // one huge header must not make all exchanges huge
	}
	x.c, x.at, x.waits = nil, atHead, false
	x.reading, x.routing, x.preparing = reading{}, routing{}, preparing{}
	x.fwd = forwarding{}
	x.relaying, x.accounting = relaying{}, accounting{}
	exchanges.Put(x)
}

// beginCall makes the exchange ready for values with variables, and for stages. What a peer
// must not say for its client is gone before they look.
func (x *exchange) beginCall() {
	if x.staging == nil {
		x.staging = &staging{}
		x.call.Facts = (*callFacts)(x)
	}
	c := &x.call
	c.Begin(&x.head)
	x.dropFields(x.policy.trusted.Trusts(x.c.ip), 0)
	c.Path, c.Target, c.Query = x.path, x.target, x.head.Query
	c.NowNanos, c.Random = x.startNanos, random()
}

// endStages gives back what they hold.
func (x *exchange) endStages() {
	x.leaveCopy()
	x.call.Held.Release()
	x.dropCoder()
	x.coder, x.call.Coder = x.call.Coder, nil // one that has not been taken
	x.dropCoder()
	x.staged, x.holds = false, false
	x.source, x.sourceEnded, x.piece, x.carried = nil, false, nil, atHead
	x.call.Reply = stage.Reply{}
	if x.held = x.held[:0]; cap(x.held) > roomMax {
		x.held = nil
	}
	x.ownContent = nil
	if cap(x.own) > roomMax {
		x.own = nil
	}
	if cap(x.coded) > roomMax {
		x.coded = nil
	}
}

// leaveCopy lets the copy of the request go.
func (x *exchange) leaveCopy() {
	if x.copied != nil {
		x.copied.Leave()
		x.copied = nil
	}
}

// dropCoder gives a coder back once, whatever comes of that.
func (x *exchange) dropCoder() {
	if c := x.coder; c != nil {
		x.coder = nil
		c.Release()
	}
}

// forget leaves a request of which nothing is known: no method, no field, and a
// body without an end. A head that is refused half-way has set some of it, and
// the spans of its fields point nowhere.
func (x *exchange) forget() {
	x.head.Reset()
	x.path, x.target = nil, nil
	x.staged = false
	x.c.in.Unpin()
	x.isHEAD, x.upgrading = false, false
	x.body.Begin(wire.UntilClose, 0)
	x.upload.begun, x.upload.lateNanos = false, 0
}

// paces reports whether a stage bounds how fast content passes.
func (x *exchange) paces() (request, response bool) {
	if !x.staged || x.call.Pacer == nil {
		return false, false
	}
	return x.call.Pacer.Limits()
}

// contentEnded reports that all content of the answer was had.
func (x *exchange) contentEnded() bool {
	if x.source != nil {
		return x.sourceEnded
	}
	return x.attempt.Done()
}

// headBefore is until when the head of an answer is awaited that may take its time since
// then: the route's deadline, that of an attempt, or the pool's timeouts.read.
func (x *exchange) headBefore(sinceNanos int64) int64 {
	f := &x.fwd
	return socket.Earlier(f.byNanos,
		socket.Earlier(deadline(sinceNanos, x.route.retry.PerTry), deadline(sinceNanos, f.pool.timeouts.Read)))
}

// nameHost makes the prepared head name the Host that a member is to see. Attempts at other
// members say another one in its place.
func (x *exchange) nameHost(m *pool.Member) {
	host := x.hostFor(m)
	if host == "" {
		return
	}
	before := len(x.out)
	x.out = wire.ReplaceHost(x.out, host)
	if x.idEnd > 0 { // it stands behind Host
		x.idEnd += len(x.out) - before
	}
	if x.spanEnd > 0 {
		x.spanEnd += len(x.out) - before
	}
}

// hostFor is the Host that a member is to see in place of that in the prepared head; empty
// is none: the pool keeps it, or a stage has set it.
func (x *exchange) hostFor(m *pool.Member) string {
	if x.staged && x.call.Host != nil {
		return ""
	}
	return m.Host()
}

// scheme is what the client is believed to speak.
func (x *exchange) scheme() []byte {
	if x.policy.trusted.Trusts(x.c.ip) {
		if said := x.head.Value(wire.FieldXForwardedProto); wire.EqualFold(said, "https") {
			return schemeHTTPS
		} else if wire.EqualFold(said, "http") {
			return schemeHTTP
		}
	}
	return x.c.scheme()
}

// random is 64 fresh bits for balancers, ids and jitter. The runtime's
// generator is per thread: 4 ns, no lock.
func random() uint64 { return rand.Uint64() }

// isLate reports that a deadline has passed.
func isLate(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// forwarding is what the attempts of one exchange share.
type forwarding struct {
	trying

	pool       *poolEntry
	query      pool.Query
	byNanos    int64 // the route's deadline; 0 is none
	beganNanos int64 // the attempt under way, or the next one
	continued  bool  // a client that expects 100 Continue was told
	entered    bool  // the exchange has a slot of its pool's limiter

	paid       bool          // the next retry is taken from the budget already
	retryAfter time.Duration // the last answer asks to wait so long
	cause      retry.Cause   // of the next attempt
	wait       time.Duration // before it

	again  *pool.Member   // the next attempt goes to this backend, if it may
	stuck  *pool.Member   // the client's cookie names it
	renew  bool           // that cookie is old
	last   *answer.Reject // what the last failed attempt would answer
	backed bool           // the free retry of a died connection was used
}

// trying is one attempt.
type trying struct {
	member  *pool.Member // acquired and not yet released; nil between attempts
	permit  pool.Permit
	open    bool  // x.attempt holds a connection
	headBy  int64 // until then the response head is awaited
	hedgeBy int64 // then another backend is asked too; 0 is never
	// continueBy is until when a client that expects 100 Continue waits for the
	// backend's word; 0: it does not, or not any more.
	continueBy int64
	openNanos  int64           // when the attempt had its connection; 0: it took none of its time
	headNanos  int64           // when the response head came
	interims   int             // 1xx answers
	race       *race           // with rivals; nil without
	outcome    attempt.Outcome // how it has ended
}

// States of upload.keeps: whether what was read of a body is still here, so that it can
// be sent to another backend. Whoever reads goes from all to not, before it lets go of a
// byte; whoever wants to repeat the attempt from all to wanted, and then nothing is let
// go of.
const (
	keepsNot int32 = iota
	keepsAll
	keepsWanted
)

// Meetings of an upload and its answer: whoever comes first, the head of the final answer
// or a backend that takes nothing for timeouts.write, decides how the attempt ends.
const (
	meetNone int32 = iota
	meetHead
	meetLate
)

// upload sends the part of a request body that did not come with its head. The
// loop does it as the client's bytes come: looped. When the backend takes no
// more, or answers before it has everything, a goroutine of its own goes on, so
// that the answer is read and passed on meanwhile: running. That goroutine has
// x.body and the reading half of the client's connection until stop.
//
// What was read stays in the buffer while there is room: then the body can be
// sent again to another backend.
type upload struct {
	begun    bool // in this exchange
	looped   bool
	running  bool
	stopping atomic.Bool  // set by stop before it wakes the goroutine
	waiting  atomic.Bool  // it is the client that is waited for
	answered atomic.Bool  // the answer has begun, and the protocol is one in which both may talk
	came     atomic.Bool  // something of it has come
	keeps    atomic.Int32 // see keepsNot
	meeting  atomic.Int32 // see meetNone
	moved    atomic.Int64 // Nanos at which the backend was last given bytes
	ended    chan struct{}
	run      safely.Func // u.send, made once: a method value is an allocation

	x         *exchange
	to        *socket.Conn
	in        socket.Buffer
	body      attempt.Body  // x.body where in begins
	bodySent  int64         // sent where in begins
	head      []byte        // of the request, to be written with the first bytes of its body
	frame     []byte        // chunk framing
	pacer     stage.Pacer   // of a stage; nil without
	wake      chan struct{} // ends a pause of it
	sent      int64         // content bytes, for the limit
	pace      socket.Pace
	askedBy   int64 // until then the client may wait to be asked for its body
	waitNanos int64 // since when the client is waited for; 0 is not
	told      bool  // what has come is acknowledged
	lateNanos int64 // how long it was, over all attempts, before an answer had begun
	long      bool  // the body does not fit into what may be kept
	out       attempt.Outcome
	full      bool // the backend took a part of a write, whose rest is in its connection
	cut       bool // the backend takes nothing any more
	whole     bool // everything was sent
}

// written is what a write of n bytes of the answer to the client means.
func (x *exchange) written(n int, err error) attempt.Outcome {
	switch {
	case err == nil:
		x.bytesOut += int64(n)
		return attempt.OK
	case errors.Is(err, socket.ErrWouldBlock):
		return attempt.Pending
	}
	x.bytesOut += int64(n)
	return attempt.ClientGone
}

// refuse notes that no other attempt is made although the policy wants one.
func (x *exchange) refuse(f retry.Refusal) {
	x.refused = f
	x.route.refused[f].Add(x.c.shard.index)
}

// safeToRepeat reports whether the request may be sent twice (RFC 9110 section
// 9.2.2, as configured).
func (x *exchange) safeToRepeat() bool {
	return x.route.retry.Safe(x.head.Method, x.head.Has(wire.FieldIdempotencyKey))
}

// closeFile gives the file back.
func (x *exchange) closeFile() {
	if f := x.reader.File; f != nil {
		x.reader = files.Reader{}
		f.Release()
	}
}
