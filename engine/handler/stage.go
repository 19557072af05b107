package handler

import (
	"errors"
	"fmt"
	"sync"

	"github.com/valyala/fasthttp"
)

// Middleware is what a user writes: a handler around the next one.
type Middleware func(next fasthttp.RequestHandler) fasthttp.RequestHandler

// The refusals of Run: what a handler may not do, or what went wrong in it.
var (
	ErrHijack       = errors.New("cannot hijack: the connection is not the handler's to take")
	ErrNoConnection = errors.New("cannot use the connection: a handler can ask it for its addresses alone")
	ErrNextTwice    = errors.New("cannot call next twice: a request is forwarded once, and retried by retry alone")
	ErrOtherContext = errors.New("cannot call next with another RequestCtx than the handler was called with")
	ErrBodyTaken    = errors.New("cannot send a body that was read from its stream, and no other one set")
	ErrBodyTooLarge = errors.New("cannot hold a body in memory that is larger than the handler may")
	ErrStatus       = errors.New("cannot answer with this status: want 200 to 999, or the 101 of a backend")
	ErrField        = errors.New("cannot send a field whose name or value no field can have")
	ErrPanic        = errors.New("cannot go on: the handler has met a bug")
	ErrNextPanic    = errors.New("cannot go on: what next runs has met a bug")
	errGone         = errors.New("cannot read this body: its exchange has ended")
)

// Options of a Stage.
type Options struct {
	// Name is the stage's own, for reports.
	Name string
	// Logger is what ctx.Logger writes to; nil is fasthttp's, which is stderr.
	Logger fasthttp.Logger
	// MemoryMax is how many bytes of a streamed body ctx.PostBody, Request.Body and
	// Response.Body may take into memory; 0 is memoryDefault. A handler that reads the
	// stream itself is not bounded.
	MemoryMax int64
}

// memoryDefault is fasthttp's own limit of request bodies.
const memoryDefault = fasthttp.DefaultMaxRequestBodySize

// Stage is one handler of a configuration. Any goroutine may use it.
type Stage struct {
	place     string // for reports of bugs, and of those below it
	nextPlace string
	logger    fasthttp.Logger
	memoryMax int64
	handle    fasthttp.RequestHandler
	idle      sync.Pool // of *Call
}

// New makes the handler of m. It is an error when m makes none.
func New(m Middleware, o Options) (s *Stage, err error) {
	s = &Stage{place: "handler " + o.Name, nextPlace: "next of handler " + o.Name, logger: o.Logger, memoryMax: o.MemoryMax}
	if s.memoryMax == 0 {
		s.memoryMax = memoryDefault
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("cannot make handler %q: it panics: %v", o.Name, p)
		}
	}()
	if m == nil {
		return nil, fmt.Errorf("cannot make handler %q: there is none", o.Name)
	}
	if s.handle = m(next); s.handle == nil {
		return nil, fmt.Errorf("cannot make handler %q: its middleware returns none", o.Name)
	}
	return s, nil
}

// Acquire lends a Call, which Release gives back.
func (s *Stage) Acquire() *Call {
	if c, ok := s.idle.Get().(*Call); ok {
		return c
	}
	return newCall(s)
}
