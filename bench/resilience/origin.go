package resilience

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The origins: together they manage originCount * workers / service requests a
// second.
const (
	originCount = 5
	workers     = 4
	service     = 20 * time.Millisecond
)

// origin is a backend that can be made to go wrong. Its methods may be called
// by any goroutine, up, kill and drain by one at a time.
type origin struct {
	address string        // taken by the first up, kept over kill and drain
	places  chan struct{} // one for each worker
	slower  atomic.Int64  // the time of a request is multiplied by it, when above 0
	failing atomic.Int64  // per mille of the answers that are 503
	seen    atomic.Int64  // requests, probes left out
	mu      struct {
		sync.Mutex
		server *http.Server
	}
}

func newOrigin() *origin {
	return &origin{address: "127.0.0.1:0", places: make(chan struct{}, workers)}
}

// up begins to listen.
func (o *origin) up(ctx context.Context) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", o.address)
	if err != nil {
		return fmt.Errorf("cannot open an origin at %q: %w", o.address, err)
	}
	o.address = l.Addr().String()
	server := &http.Server{Handler: o, ReadHeaderTimeout: time.Minute}
	o.mu.Lock()
	o.mu.server = server
	o.mu.Unlock()
	go func() { _ = server.Serve(l) }() // ends with kill or drain
	return nil
}

func (o *origin) running() *http.Server {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.mu.server
}

// kill closes the listener and all connections at once, as the end of a process does.
func (o *origin) kill() { _ = o.running().Close() }

// drain stops listening and ends when the last answer is out.
func (o *origin) drain(ctx context.Context) error {
	if err := o.running().Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("cannot drain the origin at %q: %w", o.address, err), o.running().Close())
	}
	return nil
}

// ServeHTTP answers after an exponential time of a worker.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		return
	}
	o.seen.Add(1)
	select {
	case o.places <- struct{}{}:
		defer func() { <-o.places }()
	case <-r.Context().Done():
		return
	}
	t := time.NewTimer(time.Duration(rand.ExpFloat64() * float64(service) * float64(max(o.slower.Load(), 1))))
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		return
	}
	if rand.Int64N(1000) < o.failing.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
