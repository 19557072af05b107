// Package origin is the server behind the proxies that are measured: cheap, and
// able to be as slow, large or broken as a test wants it.
package origin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// Options say what an origin answers. The zero value answers 200 "ok" on a free
// port of the loopback address.
type Options struct {
	// Listen is host:port, :port or unix:/path. Port 0 takes a free one.
	// Default: 127.0.0.1:0.
	Listen string
	// Count is how many listeners there are, each an origin of its own name.
	// Fixed ports count up, socket paths get .1, .2 and so on. Default: 1.
	Count int
	// Name is what X-Origin says; with several listeners -1, -2 are added.
	// Default: origin.
	Name string
	// Status, Body and Header ("Name: value") are the answer. Status defaults to
	// 200, Body to "ok\n".
	Status int
	Body   []byte
	Header []string
	// Size, when above 0, is the length of a made-up body instead of Body.
	Size int
	// Echo answers with the request's own body and Content-Type.
	Echo bool
	// Delay is waited before each answer.
	Delay Delay
	// Errors is the share of requests (0 to 1) answered with ErrorStatus
	// (default 503) instead.
	Errors      float64
	ErrorStatus int
	// Apart writes the head of an answer and its content apart, without TCP_NODELAY.
	Apart bool
}

const (
	sizeMax         = 1 << 30
	bodyBufferBytes = 4 << 20 // request bodies above it are streamed
	countMax        = 10000
)

// Server is a set of running origins. Its methods may be called by any goroutine.
type Server struct {
	options   Options
	filler    []byte
	json      []byte
	header    [][2]string
	done      chan struct{}
	listeners []net.Listener
	servers   []*fasthttp.Server
	names     []string
	running   sync.WaitGroup
	tunnels   tunnels
}

// Start listens and serves until Close. The addresses are taken when it returns; ctx
// is for the listening alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o, done: make(chan struct{})}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	for i := range s.options.Count {
		l, err := listen(ctx, s.options.Listen, i, s.options.Count)
		if err != nil {
			s.closeListeners()
			return nil, err
		}
		if s.options.Apart {
			l = apartListener{l}
		}
		s.listeners = append(s.listeners, l)
	}
	for i, l := range s.listeners {
		name := s.options.Name
		if s.options.Count > 1 {
			name += "-" + strconv.Itoa(i+1)
		}
		server := s.server(name)
		s.names = append(s.names, name)
		s.servers = append(s.servers, server)
		s.running.Go(func() { _ = server.Serve(l) }) // ends when l is closed
	}
	return s, nil
}

// prepare fills in defaults and refuses what cannot be served.
func (s *Server) prepare() error {
	o := &s.options
	o.Listen = cmpOr(o.Listen, "127.0.0.1:0")
	o.Name = cmpOr(o.Name, "origin")
	o.Count, o.Status, o.ErrorStatus = cmpOr(o.Count, 1), cmpOr(o.Status, 200), cmpOr(o.ErrorStatus, 503)
	if o.Body == nil {
		o.Body = []byte("ok\n")
	}
	switch {
	case o.Count < 0 || o.Count > countMax:
		return fmt.Errorf("cannot open %d listeners: at most %d", o.Count, countMax)
	case o.Status < 200 || o.Status > 599 || o.ErrorStatus < 200 || o.ErrorStatus > 599:
		return fmt.Errorf("cannot answer with status %d or %d: it must be 200 to 599", o.Status, o.ErrorStatus)
	case o.Size < 0 || o.Size > sizeMax:
		return fmt.Errorf("cannot answer with %d bytes: at most %d", o.Size, sizeMax)
	case o.Errors < 0 || o.Errors > 1:
		return fmt.Errorf("cannot fail a share of %g: it must be 0 to 1", o.Errors)
	}
	for _, line := range o.Header {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.ContainsAny(line, "\r\n") {
			return fmt.Errorf("cannot send the header %q: it must look like \"Name: value\"", line)
		}
		s.header = append(s.header, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	s.filler = bytes.Repeat([]byte("0123456789abcde\n"), (max(o.Size, 64<<10)+15)/16)
	s.json = records(jsonBytes)
	if o.Size > 0 {
		o.Body = s.filler[:o.Size]
	}
	return nil
}

func cmpOr[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// listen opens listener i of count.
func listen(ctx context.Context, address string, i, count int) (net.Listener, error) {
	if path, isUnix := strings.CutPrefix(address, "unix:"); isUnix {
		if count > 1 {
			path += "." + strconv.Itoa(i+1)
		}
		// A socket that nobody listens on any more is in the way.
		if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err != nil {
			_ = os.Remove(path)
		} else {
			c.Close()
		}
		return listenOn(ctx, "unix", path)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: %w", address, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: the port is no number", address)
	}
	if n > 0 {
		n += i
	}
	return listenOn(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(n)))
}

func listenOn(ctx context.Context, network, address string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: %w", address, err)
	}
	return l, nil
}

// server is one fasthttp server. Options that differ from the defaults say why.
func (s *Server) server(name string) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:            s.handler(name),
		Logger:             quiet{}, // broken clients are the proxies' business here
		StreamRequestBody:  true,    // uploads of any size do not grow our memory
		MaxRequestBodySize: bodyBufferBytes,
		ReadBufferSize:     64 << 10, // also long targets and many fields get through
		NoDefaultDate:      false,
		Name:               "",
		// Concurrency is the number of connections: 4,096 and 10,000 are measured.
		Concurrency:           1 << 18,
		NoDefaultServerHeader: true,
		TCPKeepalive:          false,
		CloseOnShutdown:       true,
	}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Addrs are the bound addresses: host:port, or unix:/path.
func (s *Server) Addrs() []string {
	out := make([]string, 0, len(s.listeners))
	for _, l := range s.listeners {
		a := l.Addr().String()
		if l.Addr().Network() == "unix" {
			a = "unix:" + a
		}
		out = append(out, a)
	}
	return out
}

// Names are what X-Origin says, in the order of Addrs.
func (s *Server) Names() []string { return s.names }

// Close stops listening, ends waiting answers and tunnels, and returns when all connections
// are closed or ctx has ended.
func (s *Server) Close(ctx context.Context) error {
	close(s.done)
	s.tunnels.close()
	errs := make([]error, len(s.servers))
	var down sync.WaitGroup
	for i, server := range s.servers {
		down.Go(func() { errs[i] = server.ShutdownWithContext(ctx) })
	}
	down.Wait()
	s.closeListeners()
	s.running.Wait()
	return errors.Join(errs...)
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// pause waits for d, or until the server is closed.
func (s *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	}
}

func (s *Server) fails() bool {
	return s.options.Errors > 0 && rand.Float64() < s.options.Errors
}
