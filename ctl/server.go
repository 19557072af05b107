package ctl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/picture"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Bounds of the admin endpoint; none of them is reached by an honest client.
const (
	// configBytesMax bounds the body of PUT /api/v1/config.
	configBytesMax = 10 << 20
	// bodyBytesMax bounds every other body.
	bodyBytesMax = 64 << 10
	// headBytesMax bounds request line and header.
	headBytesMax = 16 << 10
	// connectionsMax bounds the open connections; more are answered 503.
	connectionsMax = 512
	// refusalsLoggedMax bounds the log lines a minute about refused changes.
	refusalsLoggedMax = 30
)

// Options say where the admin endpoint listens, whom it answers and with what.
type Options struct {
	// Address is host:port or unix:/path.sock. A socket file belongs to this
	// user alone (mode 0600) and is removed at Shutdown.
	Address string
	// Token is short for one of Tokens, of role write; empty is none.
	Token string
	// Tokens, AllowedHosts, TLS and Dashboard are those of Access, until SetAccess. Start refuses
	// an address beyond loopback without a token.
	Tokens       []Token
	AllowedHosts []string
	TLS          *tls.Config
	Dashboard    bool
	// MetricsPath is where the metrics are served; empty switches them off.
	MetricsPath string
	// Timeouts bound slow clients; the zero value is the default of each.
	Timeouts Timeouts
	// Heritage are listening sockets that there are already, one of which may be that of the
	// endpoint (HeritageKey); nil is none.
	Heritage *socket.Heritage
	// Sources are where the answers come from.
	Sources Sources
	// Logger gets one line for each change and for each failure.
	Logger zerolog.Logger
}

// access is whom the endpoint answers at first.
func (o *Options) access() Access {
	a := Access{Tokens: o.Tokens, AllowedHosts: o.AllowedHosts, TLS: o.TLS, Dashboard: o.Dashboard}
	if o.Token != "" {
		a.Tokens = append([]Token{{Name: TokenName, Role: api.RoleWrite, Secret: o.Token}}, o.Tokens...)
	}
	return a
}

// Timeouts bound how long a client of the admin endpoint may take.
type Timeouts struct {
	// Request is from the first byte to the last one of the body; 0 is 10 s.
	Request time.Duration
	// Upload is Request for a configuration of an authorised client; 0 is 60 s.
	Upload time.Duration
	// Write is for the whole response; 0 is 30 s.
	Write time.Duration
	// Idle is between two requests; 0 is 60 s.
	Idle time.Duration
	// Beat is between two comments in a stream, for which Write is of each piece; 0 is 15 s.
	Beat time.Duration
}

// Server is the admin endpoint. New makes it; Bind (if at all), Start or Await, and
// Shutdown are called once each, in this order; Addr may be called at any time.
type Server struct {
	opts      Options
	guard     *guard
	tls       atomic.Pointer[tls.Config] // of connections that come; nil is clear text
	gate      *gate
	now       func() time.Time
	endpoints []endpoint
	document  []byte // the OpenAPI document, rendered once
	fast      *fasthttp.Server
	rate      *rate
	refusals  zerolog.Logger // throttled
	memory    memory         // of changes that may be sent again
	waiting   atomic.Int32   // requests that wait for a change, or watch the CPU
	streams   streams
	picture   *picture.Hub

	mu struct {
		sync.Mutex
		bound *socket.Bound // set by Bind
		ln    net.Listener  // set by Start
	}
	stop    chan struct{}  // closed by Shutdown
	stopped sync.Once      // guards stop
	running sync.WaitGroup // the accept loop, the rate sampler, and who looks for the picture
	awaited chan struct{}  // closed when Await has ended; nil without it
}

// New prepares the endpoint; nothing is opened before Start.
func New(o Options) *Server {
	o.Timeouts = o.Timeouts.orDefault()
	s := &Server{opts: o, guard: newGuard(&o), gate: newGate(), now: time.Now, stop: make(chan struct{})}
	s.tls.Store(o.TLS)
	s.refusals = o.Logger.Sample(&zerolog.BurstSampler{Burst: refusalsLoggedMax, Period: time.Minute})
	s.picture = s.newPicture()
	s.endpoints = s.table()
	s.document = renderOpenAPI(s.endpoints)
	if o.Sources.RequestsTotal != nil {
		s.rate = &rate{}
	}
	s.fast = s.newFast()
	return s
}

func (t Timeouts) orDefault() Timeouts {
	return Timeouts{
		Request: orDuration(t.Request, 10*time.Second),
		Upload:  orDuration(t.Upload, time.Minute),
		Write:   orDuration(t.Write, 30*time.Second),
		Idle:    orDuration(t.Idle, time.Minute),
		Beat:    orDuration(t.Beat, 15*time.Second),
	}
}

func orDuration(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// newFast is the one place where the options of fasthttp are chosen.
func (s *Server) newFast() *fasthttp.Server {
	logger := s.opts.Logger
	return &fasthttp.Server{
		Name:                          "isame-lb",
		Handler:                       s.serve,
		ErrorHandler:                  s.serveUnreadable,
		HeaderReceived:                s.limitsOf,
		Logger:                        &logger,
		Concurrency:                   connectionsMax,
		ReadBufferSize:                headBytesMax,
		ReadTimeout:                   s.opts.Timeouts.Request,
		WriteTimeout:                  s.opts.Timeouts.Write,
		IdleTimeout:                   s.opts.Timeouts.Idle,
		MaxRequestBodySize:            bodyBytesMax,
		DisablePreParseMultipartForm:  true,
		ReduceMemoryUsage:             true,
		SecureErrorLogMessage:         true,
		CloseOnShutdown:               true,
		NoDefaultContentType:          true,
		StreamRequestBody:             false, // bodies are small and checked whole
		DisableHeaderNamesNormalizing: false, // Peek must find a field in any case
	}
}

// limitsOf gives the time and room for a configuration to those alone who may send one.
func (s *Server) limitsOf(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	e, _, _ := s.find(string(h.Method()), string(h.RequestURI()))
	if e == nil || !e.isChange() {
		return fasthttp.RequestConfig{}
	}
	needs := e.needs()
	switch {
	case e.pattern == explainPath:
		needs = api.RoleWrite // where a configuration comes with the question
	case !strings.HasPrefix(e.pattern, "/api/v1/config"):
		return fasthttp.RequestConfig{}
	}
	if !s.holds(h, needs) {
		return fasthttp.RequestConfig{}
	}
	return fasthttp.RequestConfig{ReadTimeout: s.opts.Timeouts.Upload, MaxRequestBodySize: configBytesMax}
}

// Bind takes the address, and refuses whoever connects until Start. It is for a caller
// whose start may still fail behind it; Start calls it where nobody else has. An error
// names the admin endpoint and the address; it is ErrDraining where it is worth waiting.
func (s *Server) Bind() error {
	b, err := s.take()
	if errors.Is(err, ErrDraining) { // what refuses the start is not to come out at the end of that drain
		if exposed := s.checkExposure(s.unbound(), s.guard.asks()); exposed != nil {
			return fmt.Errorf("cannot start the admin endpoint: %w", exposed)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot start the admin endpoint: %w", err)
	}
	if err := s.checkExposure(b.Addr(), s.guard.asks()); err != nil {
		return errors.Join(fmt.Errorf("cannot start the admin endpoint: %w", err), b.Close())
	}
	s.guard.addBound(b.Addr())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.bound = b
	return nil
}

// listen is what Bind has taken, listening.
func (s *Server) listen() (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ln, err := s.mu.bound.Listen()
	if err != nil {
		err = errors.Join(listenError(s.opts.Address, err), s.mu.bound.Close())
		s.mu.bound = nil
		return nil, fmt.Errorf("cannot start the admin endpoint: %w", err)
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(true) // its file is ours from now on, whoever made it
	}
	s.mu.ln = ln
	return ln, nil
}

// Start answers at the address from its own goroutines. An error names the admin
// endpoint and the address.
func (s *Server) Start() error {
	s.mu.Lock()
	bound := s.mu.bound != nil
	s.mu.Unlock()
	if !bound {
		if err := s.Bind(); err != nil {
			return err
		}
	}
	ln, err := s.listen()
	if err != nil {
		return err
	}
	serving := &termsListener{Listener: &patientListener{Listener: ln, stop: s.stop, logger: s.opts.Logger}, server: s}
	safely.GoIn(&s.running, "admin", func() {
		if err := s.fast.Serve(serving); err != nil && !errors.Is(err, net.ErrClosed) {
			s.opts.Logger.Error().Err(err).Str("address", s.opts.Address).Msg("the admin endpoint stopped")
		}
	})
	if s.rate != nil {
		safely.GoIn(&s.running, "rate", func() { s.rate.run(s.opts.Sources.RequestsTotal, s.stop) })
	}
	return nil
}

// Addr is the address that was bound, nil before.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.bound == nil {
		return nil
	}
	return s.mu.bound.Addr()
}

// Shutdown stops accepting, lets answers in the making finish until ctx ends,
// and returns ctx's error when some did not.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopped.Do(func() { close(s.stop) })
	s.streams.hurry()
	if s.awaited != nil {
		select {
		case <-s.awaited:
		case <-ctx.Done():
			return fmt.Errorf("cannot close the admin endpoint %q: %w", s.opts.Address, ctx.Err())
		}
	}
	s.mu.Lock()
	ln, bound := s.mu.ln, s.mu.bound
	s.mu.Unlock()
	if ln == nil && bound != nil {
		return bound.Close()
	}
	if ln == nil {
		return nil
	}
	// fasthttp closes only listeners its Serve has already seen.
	closeErr := ln.Close()
	if errors.Is(closeErr, net.ErrClosed) {
		closeErr = nil
	}
	err := s.fast.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if err == nil {
		err = waitFor(ctx, &s.running)
	}
	if err = errors.Join(err, closeErr); err != nil {
		return fmt.Errorf("cannot close the admin endpoint %q: %w", s.opts.Address, err)
	}
	return nil
}

// waitFor waits for goroutines, until ctx ends.
func waitFor(ctx context.Context, running *sync.WaitGroup) error {
	ended := make(chan struct{})
	safely.Go("end of the admin endpoint", func() {
		running.Wait()
		close(ended)
	})
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // Shutdown does
	}
}
