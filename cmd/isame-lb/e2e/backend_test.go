package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// backend is an ordinary HTTP server that can be stopped and revived on its
// address. Without a handler it answers with what it saw (seen).
type backend struct {
	t       *testing.T
	address string
	handler http.Handler
	// requests counts what arrived.
	requests atomic.Int64

	mu struct {
		sync.Mutex
		server *http.Server
	}
}

// seen is how a backend without a handler describes a request.
type seen struct {
	Backend string      `json:"backend"`
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	URI     string      `json:"uri"`
	Proto   string      `json:"proto"`
	Header  http.Header `json:"header"`
	Length  int64       `json:"length"`
	Body    string      `json:"body"`
}

// newBackend starts a backend; nil is a handler that answers with seen.
func newBackend(t *testing.T, handler http.HandlerFunc) *backend {
	t.Helper()
	b := &backend{t: t}
	b.handler = handler
	if handler == nil {
		b.handler = http.HandlerFunc(b.describe)
	}
	b.listen("127.0.0.1:0")
	t.Cleanup(b.stop)
	return b
}

// newBackends starts n backends that answer with seen.
func newBackends(t *testing.T, n int) []*backend {
	t.Helper()
	all := make([]*backend, n)
	for i := range all {
		all[i] = newBackend(t, nil)
	}
	return all
}

func (b *backend) listen(address string) {
	b.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		b.t.Fatalf("cannot listen: %v", err)
	}
	b.address = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		b.handler.ServeHTTP(w, r)
	})}
	b.mu.Lock()
	b.mu.server = server
	b.mu.Unlock()
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			b.t.Errorf("backend %s: %v", b.address, err)
		}
	}()
}

// stop closes the listener and all connections: who is connected sees a reset
// or an end, who connects is refused.
func (b *backend) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.server != nil {
		_ = b.mu.server.Close()
		b.mu.server = nil
	}
}

// revive listens on the same address again.
func (b *backend) revive() {
	b.t.Helper()
	b.listen(b.address)
}

func (b *backend) describe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Backend", b.address)
	_ = json.NewEncoder(w).Encode(seen{
		Backend: b.address, Method: r.Method, Host: r.Host, URI: r.RequestURI, Proto: r.Proto,
		Header: r.Header, Length: r.ContentLength, Body: string(body),
	})
}

// members writes the backends section of a pool.
func members(backends ...*backend) string {
	list := make([]string, 0, len(backends))
	for _, b := range backends {
		list = append(list, `{address: "`+b.address+`"}`)
	}
	return "[" + strings.Join(list, ", ") + "]"
}
