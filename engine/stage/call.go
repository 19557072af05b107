package stage

import (
	"crypto/tls"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Verdict is what a stage says of an exchange.
type Verdict uint8

const (
	// Next lets it go on.
	Next Verdict = iota
	// Wait asks to be called again, from the beginning, where it may wait: nothing was
	// done yet. It must not be said when Call.MayWait is set.
	Wait
	// Answered ends it with Call.Reply.
	Answered
	// Broken ends it without an answer: the client's connection, or its stream, is reset.
	Broken
	// Left ends it because its client has left while it was waited for.
	Left
	// Carried says that the rest of the exchange has run inside of the stage, by
	// Call.Proceed: the answer goes on to the stages before it. Only a Requester says so,
	// and only then.
	Carried
	// Handed gives the answer to the stage that has called Call.Proceed. Only its Responder
	// says so, and only then.
	Handed
)

// Requester is a stage that has something to say of a request, before it is forwarded
// or answered by its route. The loop calls it, or a goroutine that may wait.
type Requester interface {
	Request(c *Call) Verdict
}

// Responder is a stage that has something to say of an answer, of a backend or of our
// own, before its first byte is written. It is called in the reverse order of requests, if
// the request has passed the stage. Call.Answer has the fields, Call.Status the status.
// Broken is not for it.
type Responder interface {
	Response(c *Call) Verdict
}

// Facts are what an exchange knows besides the head of its request.
type Facts interface { //nolint:interfacebloat // one exchange implements it, and all of it is asked for
	// Client is the address that is believed to be the client's; the zero value for one
	// of a unix socket. Peer is that of the socket.
	Client() netip.Addr
	Peer() netip.Addr
	// Trusted reports that the peer's own words about the client are believed.
	Trusted() bool
	// Scheme is what the client is believed to speak: http or https.
	Scheme() []byte
	// Secure reports that the connection itself is of TLS.
	Secure() bool
	// Port is that of the listener the request came to, 0 for a unix socket.
	Port() uint16
	// Protocol is the version of HTTP as it stands in logs.
	Protocol() string
	// ServerName is the one of the TLS handshake, Subject the distinguished name of the
	// client's certificate.
	ServerName() string
	Subject() string
	// Route, Pool and Backend are names, the two last ones empty before they are chosen.
	Route() string
	Pool() string
	Backend() string
	// Asked is how the backend was asked that answers: by http or https, and for which host;
	// "" is the client's, or the one that a stage has set.
	Asked() (scheme, host string)
	// Protocols are those that the request comes as: see match.Facts.
	Protocols() match.Protocols
	// IsCall reports a call of gRPC, Upgrades that the client asks for another protocol.
	IsCall() bool
	Upgrades() bool
	// Unsent reports that content of the request is still to come.
	Unsent() bool
	// RequestID is the id that backends are given where no stage has chosen another.
	RequestID() []byte
	// TLSState is that of the connection, where it is of TLS. PeerPort and Local are its two
	// ends, zero values for a unix socket.
	TLSState() tls.ConnectionState
	PeerPort() netip.AddrPort
	Local() netip.AddrPort
	// Shard is the number of the core.
	Shard() int
	// ByNanos is the deadline of the exchange; 0 is none.
	ByNanos() int64
	// Patience is what may be waited with, until byNanos or the exchange's own deadline,
	// in a goroutine.
	Patience(byNanos int64) socket.Patience
	// Gone reports that nobody waits for the answer any more.
	Gone() bool
	// Fetch asks a backend of a pool for a page, in a goroutine; false where there is none,
	// in time. What is returned stays as it is.
	Fetch(w *Wanted) (Fetched, bool)

	Carrier
}

// Mirror is a pool that is sent copies of requests, whose answers nobody gets.
type Mirror struct {
	Pool string
	// Compare says that the answers are compared with those that clients get.
	Compare bool
	// InFlight are the copies under way.
	InFlight atomic.Int64
}

// Wanted is a page of a pool.
type Wanted struct {
	Pool   string
	Target []byte // path and query
	// BytesMax bounds its content, Within the time.
	BytesMax int
	Within   time.Duration
}

// Fetched is a page that has come: a 2xx, without a coding.
type Fetched struct {
	Status      int
	ContentType string
	Body        []byte
}

// Carrier is what a stage needs that has the rest of the exchange run inside of it. All of
// it is for a goroutine: Call.MayWait.
type Carrier interface {
	// Proceed runs the stages behind the one that calls it and what the route does, up to
	// the answer; false: there is none, and Carried has to be returned at once. It is
	// called once at most in an exchange.
	Proceed() bool
	// Abort has a Proceed in another goroutine return soon.
	Abort()
	// ReadContent reads content of the request, as io.Reader does; ReplaceContent has
	// other content sent in its place, which stays as it is until the exchange has ended.
	ReadContent(p []byte) (int, error)
	ReplaceContent(content []byte)
	// ReadAnswer reads content of a backend's answer, as io.Reader does, and that of an answer
	// of our own where OwnStreams says so; else OwnContent is that.
	ReadAnswer(p []byte) (int, error)
	OwnStreams() bool
	OwnContent() []byte
}

// StagesMax is how many stages a route may have, chains and defaults counted.
const StagesMax = 32

// heldMax is how much the stages of one exchange may hold.
const heldMax = 8

// Call is one exchange as its stages see it. Begin makes it ready; the exchange that
// owns it keeps its memory.
type Call struct {
	Facts

	Head *wire.RequestHead // as it came; what stages change of its fields is in Request
	Path []byte            // normalised: what routes match on

	// What the backend is sent. Target and Query (nil is none) are the path and the query
	// string, octet for octet; Host is nil where it is the client's.
	Target, Query, Host []byte
	Request             Fields
	// Prefix is what a rewrite has taken off the path, for the backend to know.
	Prefix []byte

	// The answer, in the response phase. In the request phase fields may be added to it:
	// they replace those of a backend.
	Answer Fields
	Status int
	Reason []byte
	// Own says that the proxy makes the answer, End why, Worded that it has chosen the words
	// of its content, which nobody has configured.
	Own    bool
	End    end.End
	Worded bool
	// Coder changes the content of the answer; nil leaves it. A stage that sets it removes
	// Content-Length.
	Coder Coder
	// Source has the content of the answer, of Length bytes, in place of the backend; nil
	// leaves it.
	Source io.Reader
	// Length is that of the answer's content, -1 is not known yet; Empty says that there is none whatever Length says.
	Length int64
	Empty  bool

	// Ends has the connection of the client end behind the answer.
	Ends bool
	// Reply is how the exchange is answered: see Answered.
	Reply Reply

	// MayWait is set in a goroutine.
	MayWait bool
	// NowNanos is the time of the clock when the stages began to run, or when one has
	// waited last.
	NowNanos int64
	// Random are fresh bits for this exchange.
	Random uint64

	// Settings of this exchange that stand in place of its route's or listener's; below
	// 0: none was set. Hold is how much of the request's content is to be held before
	// anything is sent, 0 is none.
	Timeout  time.Duration
	BodyMax  int64
	Hold     int64
	Pacer    Pacer  // nil lets content pass as fast as it comes
	ID       []byte // of the request, when a stage has chosen it
	Claims   Claims // of a token, nil without
	KeyName  string // of the key of an API that was shown
	UserName []byte // who has logged in
	// Mirror is where a copy of the request goes; nil is nowhere.
	Mirror *Mirror
	// Place is the address of the backend to be asked, if it may take anything.
	Place string

	at      int // of the chain
	ran     uint32
	slots   [StagesMax]uint64
	Held    Held
	Scratch []byte // of the stage that runs, until it returns

	rooms   rooms
	match   []int // of a regular expression, while a replacement is made
	matched []byte
}

// rooms are where what stages make of a request stands. Exchanges keep them.
type rooms struct{ host, target, query, id, prefix []byte }

// Claims are what a token says.
type Claims interface {
	// Claim is the value of one as text, nil when there is none.
	Claim(name string) []byte
}

// Pacer bounds how fast content passes.
type Pacer interface {
	// Limits reports which directions it bounds.
	Limits() (request, response bool)
	// Delay counts n bytes of content that have passed, of the request or of the answer, and
	// is how long the next ones have to wait. Two goroutines may call it at once.
	Delay(c *Call, n int, ofRequest bool, nowNanos int64) time.Duration
}

// Coder changes the content of an answer as it passes.
type Coder interface {
	// Append appends to dst what becomes of piece. flush: nothing is there behind it now,
	// so what was taken before must not stay inside; last: nothing will come.
	Append(dst, piece []byte, flush, last bool) []byte
	// Release gives back what it holds. Nothing is called behind it.
	Release()
}

// Reply is an answer that a stage gives. With a Reject, the others are not looked at.
type Reply struct {
	Reject      *answer.Reject
	Status      int
	End         end.End
	ContentType string
	// Body stays as it is until the exchange has ended; in its place Source may have the
	// content, of Length bytes, -1 is not known.
	Body   []byte
	Source io.Reader
	Length int64
	// Close ends the connection behind it.
	Close bool
}

// Refuse answers with r.
func (c *Call) Refuse(r *answer.Reject) Verdict {
	c.Reply = Reply{Reject: r}
	return Answered
}

// Break ends the exchange without an answer.
func (c *Call) Break(why end.End) Verdict {
	c.Reply = Reply{End: why}
	return Broken
}

// Respond answers with r.
func (c *Call) Respond(r Reply) Verdict {
	c.Reply = r
	return Answered
}

// Begin makes the call ready for the first stage. What does not depend on the exchange
// is set by its owner, once: Facts.
func (c *Call) Begin(head *wire.RequestHead) {
	facts, request, said, scratch, rooms := c.Facts, c.Request, c.Answer, c.Scratch, c.rooms
	*c = Call{Facts: facts, Request: request, Answer: said, Scratch: scratch, rooms: rooms, Head: head, Timeout: -1, BodyMax: -1}
	c.Request.Begin(&head.Head)
	c.Answer.Begin(nil)
}

// NextField is the name and the value of a field of the request, as the stages before have
// left it: see match.Facts.
func (c *Call) NextField(at int) (name, value []byte, next int) { return c.Request.next(at) }

// At is the place in the chain of the stage that runs, for the chain.
func (c *Call) At() int { return c.at }

// SetAt goes to a place, for the chain.
func (c *Call) SetAt(i int) { c.at = i }

// Pass notes that the request has passed the stage at i; Passed reports it. For the chain.
func (c *Call) Pass(i int) { c.ran |= 1 << i }

// Passed reports that the request has passed the stage at i.
func (c *Call) Passed(i int) bool { return c.ran>>i&1 != 0 }

// Slot is room of the stage that runs, the same in both phases, zero at first.
func (c *Call) Slot() *uint64 { return &c.slots[c.at] }

// Holder is what a stage holds something of while an exchange lasts: a place, for example.
type Holder interface {
	// Release gives back what token names. It is called once for each Hold.
	Release(token uint64)
}

type held struct {
	by    Holder
	token uint64
}

// Held are what the stages of an exchange hold until it has ended, or the tunnel has that
// it becomes. The zero value is nothing.
type Held struct {
	all [heldMax]held
	n   int
}

// Hold keeps what token names. False: there is no room, and nothing is kept.
func (h *Held) Hold(by Holder, token uint64) bool {
	if h.n == heldMax {
		return false
	}
	h.all[h.n] = held{by, token}
	h.n++
	return true
}

// Take hands everything over to whom it is copied to.
func (h *Held) Take() Held {
	taken := *h
	*h = Held{}
	return taken
}

// Release gives everything back, the last one first.
func (h *Held) Release() {
	for h.n > 0 {
		h.n--
		of := h.all[h.n]
		h.all[h.n] = held{}
		of.by.Release(of.token)
	}
}
