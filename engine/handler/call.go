package handler

import (
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// keptMax is how large the memory for bodies may be that an idle Call keeps.
const keptMax = 64 << 10

// Exchange is what a Call needs of whoever carries the exchange.
type Exchange interface {
	// Next has the exchange go on with what c.Change says, and calls c.Answer, or nothing
	// where there is no answer because the client has left. It is called once at most, in
	// the goroutine of Run or in one of the handler's, and may wait.
	Next(c *Call)
	// Abort has a Next that is under way return soon: the handler has answered without it.
	// It is called by Run, while another goroutine is in Next.
	Abort()
}

// Verdict is what a handler has made of an exchange.
type Verdict uint8

const (
	// Passed says that the answer of Next goes on as it is.
	Passed Verdict = iota
	// Changed says that it goes on with the Status and the fields of the Call, and the content of Next's answer,
	// of which nothing was read.
	Changed
	// Answered says that the answer is the Status, the fields and the Content of the Call.
	Answered
	// Refused says that there is none: Call.Err is what the handler may not do, or that it is broken.
	Refused
	// Gone says that Next has given no answer.
	Gone
)

// Call is one exchange in one handler. Its methods are for the goroutine of Run, and for
// the one that is in Next.
type Call struct {
	stage    *Stage
	ctx      *fasthttp.RequestCtx
	exchange Exchange

	peer   securePeer // its peer alone where the client speaks clear text
	in     *content   // of the request, where it is a stream
	out    *content   // of the answer of Next, likewise
	req    Request
	asked  shown // how fasthttp has the request, unless the handler changes it
	ans    Answer
	said   shown  // the same of the answer
	preset []byte // names of fields that the handler has set before there was an answer, each between line ends
	change Change
	// Of the request, as it came.
	method, host, target []byte
	norm                 fasthttp.URI
	jar                  fasthttp.RequestHeader // see cookiesKept

	// mu is held while Next runs. It guards what stands below it.
	mu       sync.Mutex
	called   bool // Next was
	answered bool // and has called Answer
	over     bool // Run has returned, or is about to
	err      error

	verdict Verdict
	lost    bool // the handler may still have the RequestCtx: it is not used again
}

// shown is a head as fasthttp has it, in the order in which its All returns it, but for
// the fields that have room of their own there.
type shown struct {
	fields  []byte // whole lines, names in canonical case
	cookies []byte // of a request its one value, of an answer whole lines
	media   []byte // Content-Type
	agent   []byte // User-Agent, or Server
	coding  []byte // Content-Encoding
}

func (s *shown) clear() {
	s.fields, s.cookies, s.media, s.agent, s.coding = s.fields[:0], s.cookies[:0], s.media[:0], s.agent[:0], s.coding[:0]
}

func newCall(s *Stage) *Call {
	c := &Call{stage: s, ctx: new(fasthttp.RequestCtx), in: new(content), out: new(content)}
	c.peer.call = c
	return c
}

// Run has the handler serve the request that Show has shown.
func (c *Call) Run(x Exchange) Verdict {
	c.exchange = x
	whole := c.serve()
	if !c.mu.TryLock() {
		x.Abort()
		c.mu.Lock()
	}
	c.over = true
	c.mu.Unlock()
	c.judge(whole)
	return c.verdict
}

// serve calls the handler, and reports that it has not panicked.
func (c *Call) serve() (whole bool) {
	defer func() { safely.Caught(c.stage.place, recover()) }()
	safely.Enter(c.stage.place)
	c.stage.handle(c.ctx)
	return true
}

// next is what every handler is made around.
func next(ctx *fasthttp.RequestCtx) {
	p, ok := ctx.Conn().(interface{ owner() *Call })
	if !ok {
		ctx.Error(ErrOtherContext.Error(), fasthttp.StatusInternalServerError)
		return
	}
	p.owner().next(ctx)
}

func (c *Call) next(ctx *fasthttp.RequestCtx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.over: // nobody looks at ctx any more
		return
	case ctx != c.ctx:
		c.refuse(ErrOtherContext)
	case c.called:
		c.refuse(ErrNextTwice)
	default:
		c.called = true
		c.refuse(c.inspect())
	}
	if c.err == nil && !c.pass() {
		c.refuse(ErrNextPanic)
	}
	if c.err != nil {
		ctx.Error(c.err.Error(), fasthttp.StatusInternalServerError)
	} else if !c.answered {
		ctx.Error("no answer", fasthttp.StatusBadGateway)
	}
}

// pass runs Next, and reports that it has not panicked.
func (c *Call) pass() (whole bool) {
	defer func() { safely.Caught(c.stage.nextPlace, recover()) }()
	c.exchange.Next(c)
	return true
}

// refuse keeps the first reason.
func (c *Call) refuse(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Err is why the verdict is Refused; nil else.
func (c *Call) Err() error { return c.err }

// judge says what the handler has made of the exchange.
func (c *Call) judge(whole bool) {
	switch {
	case !whole:
		c.lost = true
		c.refuse(ErrPanic)
	case c.ctx.LastTimeoutErrorResponse() != nil:
		c.lost, c.err, c.called, c.answered = true, nil, false, false
	case c.ctx.Hijacked():
		c.refuse(ErrHijack)
	case c.called && !c.answered && c.err == nil:
		c.verdict = Gone
		return
	}
	if c.err == nil {
		c.err = c.judgeAnswer()
	}
	if c.err != nil {
		c.verdict = Refused
	}
}

// Release gives the call back: nothing of it, nor of its RequestCtx, is used from now on.
func (c *Call) Release() {
	c.in.detach()
	c.out.detach()
	c.peer.detach()
	if c.lost || !c.clean() {
		return
	}
	c.exchange, c.req, c.ans, c.change = nil, Request{}, Answer{}, Change{}
	c.called, c.answered, c.over, c.err, c.verdict = false, false, false, nil, Passed
	c.stage.idle.Put(c)
}

// clean empties the RequestCtx. It may call code of the handler: values and streams that
// want to be closed.
func (c *Call) clean() (whole bool) {
	defer func() { safely.Caught(c.stage.place, recover()) }()
	ctx := c.ctx
	if c.req.Stream != nil && ctx.Request.BodyStream() != c.in {
		c.in = new(content) // somebody else has the other one
	}
	if c.ans.Stream != nil && ctx.Response.BodyStream() != c.out {
		c.out = new(content)
	}
	ctx.ResetUserValues()
	ctx.Hijack(nil)
	ctx.Request.ReleaseBody(keptMax)
	ctx.Request.ResetBody()
	ctx.Response.ReleaseBody(keptMax)
	ctx.Response.Reset()
	return true
}
