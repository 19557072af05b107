package middleware

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/handler"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// HandlerFactory makes the middleware of one stage from the options of its configuration:
// ordinary middleware of fasthttp. It is called when a configuration is loaded; an error
// refuses that.
type HandlerFactory func(options map[string]any) (func(fasthttp.RequestHandler) fasthttp.RequestHandler, error)

// factories are the registered types of stages, by name. It never changes once the program
// has begun to serve.
var factories = map[string]HandlerFactory{}

// RegisterHandler adds a type of stage that is middleware of fasthttp: type: NAME, options:
// {} in a configuration. It must be called before one is loaded. The names of the built-in
// types cannot be taken.
func RegisterHandler(name string, f HandlerFactory) {
	if factories[name] != nil || slices.Contains(config.StageTypes(), name) || f == nil || name == "" {
		panic(fmt.Sprintf("cannot register handler %q: the name is taken or empty, or there is no factory", name))
	}
	factories[name] = f
}

// Handlers are the registered types of stages, sorted.
func Handlers() []string {
	return slices.Sorted(maps.Keys(factories))
}

// handlerBodyMax bounds the content that a handler has put in place of another one as a
// stream of a request.
const handlerBodyMax = fasthttp.DefaultMaxRequestBodySize

// handlerStage is a stage that is middleware of fasthttp. It runs in a goroutine, which
// runs the rest of the exchange inside of the handler's next.
type handlerStage struct {
	stage *handler.Stage
	name  string
	stats *observe.MiddlewareStats
	log   zerolog.Logger
	said  limit.OncePerSecond
	idle  sync.Pool // of *handlerCall
}

func newHandler(k *config.StageHandler, p *Place) (*handlerStage, error) {
	f := factories[k.Name]
	if f == nil {
		return nil, fmt.Errorf("no handler %q is registered", k.Name) //nolint:err113 // for people
	}
	m, err := f(k.Options)
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	s, err := handler.New(m, handler.Options{Name: p.Name, Logger: handlerLogger{p.Logger, p.Name}})
	if err != nil {
		return nil, err
	}
	return &handlerStage{stage: s, name: p.Name, stats: p.Stats, log: p.Logger}, nil
}

// handlerLogger is where ctx.Logger writes.
type handlerLogger struct {
	log  zerolog.Logger
	name string
}

// Printf implements fasthttp.Logger.
func (l handlerLogger) Printf(format string, args ...any) {
	l.log.Info().Str("middleware", l.name).Msg(fmt.Sprintf(format, args...))
}

// handlerCall is one exchange in the handler.
type handlerCall struct {
	of    *handlerStage
	call  *handler.Call
	c     *stage.Call
	lines []byte // of fields
	err   error  // what Next could not do
	has   bool   // Next has shown an answer
}

// States of a handler in an exchange, in the stage's slot.
const (
	handlerRuns uint64 = 1 + iota
	handlerDone
)

// errChange is what a handler may not make of a request.
var errChange = errors.New("the request that next was given is none: its path, query, host or method cannot be sent")

// Request runs the handler, and the rest of the exchange inside of it.
func (h *handlerStage) Request(c *stage.Call) stage.Verdict {
	if !c.MayWait {
		return stage.Wait
	}
	s, _ := h.idle.Get().(*handlerCall)
	if s == nil {
		s = &handlerCall{of: h}
	}
	s.c, s.call, s.err, s.has = c, h.stage.Acquire(), nil, false
	if !c.Held.Hold(s, 0) {
		s.Release(0)
		return h.refused(c, errTooMany)
	}
	state := c.Slot()
	*state = handlerRuns
	s.show()
	v := s.call.Run(s)
	*state = handlerDone
	return s.conclude(v)
}

var errTooMany = errors.New("the exchange is in too many handlers at once")

// Response gives the answer to the handler that waits for it.
func (h *handlerStage) Response(c *stage.Call) stage.Verdict {
	if *c.Slot() == handlerRuns {
		return stage.Handed
	}
	return stage.Next
}

// Release gives back what the exchange held.
func (s *handlerCall) Release(uint64) {
	s.call.Release()
	s.call, s.c = nil, nil
	s.of.idle.Put(s)
}

// show has the handler see the request.
func (s *handlerCall) show() {
	c, h := s.c, s.c.Head
	r := handler.Request{
		Method: h.Method, Path: c.Target, Query: c.Query, Host: h.Host, Head: &h.Head, Added: c.Request.Added(),
		Upgrade: h.UpgradeTo, Minor: h.Minor, HTTPS: string(c.Scheme()) == "https",
		Ends: s, Length: h.ContentLength,
	}
	if c.Host != nil {
		r.Host = c.Host
	}
	if c.Secure() {
		r.TLS = c
	}
	if c.Unsent() {
		r.Stream = (*requestStream)(s)
	}
	s.call.Show(&r)
}

// Remote is the client that is believed, with its port where that is the peer.
func (s *handlerCall) Remote() netip.AddrPort {
	if ip := s.c.Client(); ip != s.c.Peer() {
		return netip.AddrPortFrom(ip, 0)
	}
	return s.c.PeerPort()
}

// Local is our end of the connection.
func (s *handlerCall) Local() netip.AddrPort { return s.c.Local() }

// requestStream is the content of the request.
type requestStream handlerCall

// Read implements io.Reader.
func (s *requestStream) Read(p []byte) (int, error) { return s.c.ReadContent(p) }

// answerStream is that of a backend's answer, or of a file.
type answerStream handlerCall

// Read implements io.Reader.
func (s *answerStream) Read(p []byte) (int, error) { return s.c.ReadAnswer(p) }

// Next implements handler.Exchange.
func (s *handlerCall) Next(call *handler.Call) {
	c := s.c
	if s.err = s.change(call.Change()); s.err != nil || !c.Proceed() {
		return
	}
	a := handler.Answer{
		Status: c.Status, Reason: c.Reason, Head: c.Answer.Head(), Added: c.Answer.Added(), Length: c.Length, Empty: c.Empty,
	}
	switch {
	case c.Empty:
	case c.Own && c.OwnStreams():
		a.Stream = (*answerStream)(s)
	case c.Own:
		a.Body = c.OwnContent()
		a.Length = int64(len(a.Body))
	case c.Status != fasthttp.StatusSwitchingProtocols:
		a.Stream = (*answerStream)(s)
	}
	s.has = true
	call.Answer(&a)
}

// Abort implements handler.Exchange.
func (s *handlerCall) Abort() { s.c.Abort() }

// change makes of the request what the handler has made of it.
func (s *handlerCall) change(to *handler.Change) error {
	c := s.c
	if to.Method != nil {
		if string(to.Method) == fasthttp.MethodHead || string(c.Head.Method) == fasthttp.MethodHead {
			return errChange // who gets content, and who does not, is the client's choice
		}
		c.Head.Method = slices.Clone(to.Method)
	}
	if to.Path != nil {
		if _, _, err := wire.NormalizePath(nil, to.Path); err != nil || !isVisible(to.Path) {
			return errChange
		}
		c.SetTarget(to.Path)
	}
	if to.Query != nil || to.NoQuery {
		if !isVisible(to.Query) {
			return errChange
		}
		c.SetQuery(to.Query)
		if to.NoQuery {
			c.Query = nil
		}
	}
	if to.Host != nil && !c.SetAuthority(to.Host) {
		return errChange
	}
	if to.Fields {
		s.lines = s.call.AppendRequestFields(s.lines[:0])
		c.Request.Replace(s.lines)
	}
	return s.changeContent(to)
}

func (s *handlerCall) changeContent(to *handler.Change) error {
	switch to.Kind {
	case handler.BodyKept:
	case handler.BodyBytes:
		s.c.ReplaceContent(to.Body)
	case handler.BodyStream:
		body, err := io.ReadAll(io.LimitReader(to.Stream, handlerBodyMax+1))
		switch {
		case err != nil:
			return fmt.Errorf("the content that next was given: %w", err)
		case len(body) > handlerBodyMax:
			return handler.ErrBodyTooLarge
		}
		s.c.ReplaceContent(body)
	}
	return nil
}

// isVisible reports that b holds no space and no control character.
func isVisible(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// conclude is what becomes of the exchange behind the handler.
func (s *handlerCall) conclude(v handler.Verdict) stage.Verdict {
	c := s.c
	if s.err != nil {
		return s.of.refused(c, s.err)
	}
	switch v {
	case handler.Passed, handler.Gone:
		return stage.Carried
	case handler.Changed:
		return s.changed()
	case handler.Answered:
		return s.answered()
	case handler.Refused:
	}
	return s.of.refused(c, s.call.Err())
}

// changed passes the content on with another status or other fields.
func (s *handlerCall) changed() stage.Verdict {
	c, status := s.c, s.call.Status()
	if wire.WithoutContent(status, false) != wire.WithoutContent(c.Status, false) {
		return s.answered()
	}
	s.lines = s.call.AppendFields(s.lines[:0])
	c.Answer.Replace(s.lines)
	if status != c.Status {
		c.Status, c.Reason = status, reasonOf(s.call)
	}
	c.Ends = c.Ends || s.call.Close()
	return stage.Carried
}

func reasonOf(call *handler.Call) []byte {
	if r := call.Reason(); len(r) > 0 {
		return r
	}
	return []byte(fasthttp.StatusMessage(call.Status()))
}

var contentLength = stage.NewName("Content-Length")

// answered answers with what the handler has made.
func (s *handlerCall) answered() stage.Verdict {
	c, proceeded := s.c, s.has
	s.lines = s.call.AppendFields(s.lines[:0])
	if proceeded {
		c.Answer.Replace(s.lines)
	} else {
		c.Answer.Join(s.lines)
	}
	c.Ends = c.Ends || s.call.Close()
	body, stream, length := s.call.Content()
	if wire.WithoutContent(s.call.Status(), false) {
		body, stream = nil, nil
	}
	if stream != nil && proceeded && !c.Own {
		c.Answer.Remove(&contentLength)
		c.Source, c.Length, c.Status, c.Reason = stream, length, s.call.Status(), reasonOf(s.call)
		return stage.Carried
	}
	return c.Respond(stage.Reply{Status: s.call.Status(), Body: body, Source: stream, Length: length})
}

// refused answers for a handler that has done what it must not, and says so once a second.
func (h *handlerStage) refused(c *stage.Call, err error) stage.Verdict {
	h.stats.Add(c.Shard(), observe.MiddlewareFailed)
	if h.said.Take(c.NowNanos) {
		h.log.Error().Err(err).Str("middleware", h.name).Msg("a handler has failed")
	}
	return c.Refuse(answer.Internal)
}
