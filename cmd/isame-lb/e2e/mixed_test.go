package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// mixedShort is how long TestEveryVersionWhileAllChanges runs when ISAME_SOAK is not
// set, and mixedRhythm how often all changes.
const (
	mixedShort  = 5 * time.Second
	mixedRhythm = time.Second
)

// mixedClient is one way to ask over TLS. fresh: by a connection that nobody has used.
type mixedClient struct {
	name string
	ask  func(ctx context.Context, fresh bool) error
	done atomic.Int64
}

// mixedClients ask with every version of HTTP, and with methods that may be retried.
func (p *proxy) mixedClients() []*mixedClient {
	p.t.Helper()
	address := p.address()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}
	overTCP := func(v2 bool) func() (http.RoundTripper, func()) {
		return func() (http.RoundTripper, func()) {
			tr := &http.Transport{TLSClientConfig: config.Clone(), MaxIdleConnsPerHost: loadWorkers, Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(!v2)
			tr.Protocols.SetHTTP2(v2)
			return tr, tr.CloseIdleConnections
		}
	}
	overUDP := func() (http.RoundTripper, func()) {
		tr := &http3.Transport{
			TLSClientConfig: config.Clone(),
			Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
				return quic.DialAddr(ctx, address, c, q)
			},
		}
		return tr, func() { _ = tr.Close() }
	}
	client := func(name string, open func() (http.RoundTripper, func())) *mixedClient {
		kept, end := open()
		p.t.Cleanup(end)
		m := &mixedClient{name: name}
		m.ask = func(ctx context.Context, fresh bool) error {
			tr := kept
			if fresh {
				own, end := open()
				defer end()
				tr = own
			}
			defer m.done.Add(1)
			return expectOK(ctx, &http.Client{Transport: tr, Timeout: patience}, http.MethodPut, "https://"+address+"/put", "a small body")
		}
		return m
	}
	return []*mixedClient{client("HTTP/1.1", overTCP(false)), client("HTTP/2", overTCP(true)), client("HTTP/3", overUDP)}
}

// TestEveryVersionWhileAllChanges has clients of every version of HTTP, and WebSockets
// that stay, while each second the certificate is another one and the configuration is
// read again. No request may fail. ISAME_SOAK is its duration (make soak).
func TestEveryVersionWhileAllChanges(t *testing.T) {
	duration := mixedShort
	if text := os.Getenv("ISAME_SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ISAME_SOAK: %v", err)
		}
	}
	b, c, s := newBackends(t, 2), newPair(t, tomorrow(), "a.test"), newWSServer(t, websocket.CompressionDisabled)
	text := func(n int) string {
		return fmt.Sprintf(`
listeners: {web: {address: "127.0.0.1:0", http3: true, tls: {certificates: [{cert_file: %q, key_file: %q}]}}}
admin: {address: "127.0.0.1:0"}
routes:
  all: {pool: p, timeout: %ds}
  ws: {path: /echo, pool: ws}
  extra%d: {path: /extra, respond: {status: 204}}
pools:
  p: {backends: [{address: %q, weight: %d}, {address: %q}]}
  ws: {backends: [{address: %q}]}
`, c.certFile, c.keyFile, 10+n%5, n%7, b[0].address, 1+n%3, b[1].address, s.address)
	}
	p := start(t, text(0))
	clients := p.mixedClients()
	stopLoad := startLoad(t, func(ctx context.Context, _ *http.Client, n int) error {
		m := clients[n%len(clients)]
		if err := m.ask(ctx, n/len(clients)%20 == 0); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), duration+patience)
	defer cancel()
	var sockets []*websocket.Conn
	for _, w := range []way{inTLS(p.address()), inHTTP2(p.address())} {
		socket, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
		sockets = append(sockets, socket)
	}
	tick := time.NewTicker(mixedRhythm)
	defer tick.Stop()
	changes := 0
	for end := time.Now().Add(duration); time.Now().Before(end); <-tick.C {
		changes++
		c.renew(tomorrow(), "a.test")
		p.reload(text(changes), "applied")
		for i, socket := range sockets {
			if err := echoes(ctx, socket, websocket.MessageText, []byte("still here")); err != nil {
				t.Fatalf("WebSocket %d after change %d: %v", i, changes, err)
			}
		}
	}
	stopLoad()
	for _, m := range clients {
		n := m.done.Load()
		if n == 0 {
			t.Errorf("%s: no request", m.name)
		}
		t.Logf("%s: %d requests during %d changes", m.name, n, changes)
	}
	if n := p.reloads("rejected"); n != 0 {
		t.Errorf("%v reloads were rejected", n)
	}
}
