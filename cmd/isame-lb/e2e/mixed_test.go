package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go/http3"
)

// Rhythm of the mixed test.
const (
	mixedShort  = 6 * time.Second // when ISAME_SOAK is not set
	mixedRotate = time.Second
	mixedReload = time.Second
	mixedEchoes = 50 // of a WebSocket that is kept
)

// mixedClient is one kind of client. open is a client with connections of its own;
// each call of ask is an exchange, and end closes what is kept.
type mixedClient struct {
	name string
	open func(p *proxy) (ask func(ctx context.Context, n int) error, end func())
}

// mixedClients are all kinds. To add one is to add a line.
var mixedClients = []mixedClient{
	{"HTTP/1.1", func(p *proxy) (func(context.Context, int) error, func()) { return askingBy(p, false) }},
	{"HTTP/2", func(p *proxy) (func(context.Context, int) error, func()) { return askingBy(p, true) }},
	{"HTTP/3", askingByQUIC},
	{"WebSocket over TLS", func(p *proxy) (func(context.Context, int) error, func()) {
		return echoingBy(inTLS(p.addressOf("secure")))
	}},
	{"WebSocket over HTTP/2", func(p *proxy) (func(context.Context, int) error, func()) {
		return echoingBy(inHTTP2(p.addressOf("secure")))
	}},
}

// askingBy makes requests over TLS, each tenth on a new connection.
func askingBy(p *proxy, http2 bool) (ask func(context.Context, int) error, end func()) {
	client := edgeClient(http2)
	url := "https://" + p.addressOf("secure")
	return func(ctx context.Context, n int) error {
		if n%10 == 0 {
			client.CloseIdleConnections()
		}
		if n%3 == 0 {
			return expectOK(ctx, client, http.MethodPut, url+"/put", "a small body")
		}
		return expectOK(ctx, client, http.MethodGet, url+"/get", "")
	}, client.CloseIdleConnections
}

// askingByQUIC makes requests over HTTP/3, each tenth on a new connection.
func askingByQUIC(p *proxy) (ask func(context.Context, int) error, end func()) {
	address := p.addressOf("secure")
	var transport *http3.Transport
	end = func() {
		if transport != nil {
			_ = transport.Close()
		}
	}
	return func(ctx context.Context, n int) error {
		if n%10 == 0 {
			end()
			transport = &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}}
		}
		client := &http.Client{Transport: transport, Timeout: patience}
		return expectOK(ctx, client, http.MethodPut, "https://"+address+"/put", "a small body")
	}, end
}

// edgeClient is Go's client over TLS, in one version.
func edgeClient(http2 bool) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"}}
	transport.Protocols.SetHTTP2(http2)
	transport.Protocols.SetHTTP1(!http2)
	return &http.Client{Transport: transport, Timeout: patience}
}

// echoingBy keeps a WebSocket for some echoes, and closes it well.
func echoingBy(w way) (ask func(context.Context, int) error, end func()) {
	var c *websocket.Conn
	return func(ctx context.Context, n int) error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			if c == nil {
				var err error
				if c, _, err = websocket.Dial(ctx, "http://a.test/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: w}}); err != nil {
					return err
				}
			}
			if err := echoes(ctx, c, websocket.MessageText, fmt.Append(nil, "echo ", n)); err != nil {
				return err
			}
			if n%mixedEchoes != mixedEchoes-1 {
				return nil
			}
			err := c.Close(websocket.StatusNormalClosure, "")
			c = nil
			return err
		}, func() {
			if c != nil {
				_ = c.CloseNow()
			}
		}
}

// TestMixedClientsSeeNoChange has certificates and configuration replaced each second
// under clients of all kinds. ISAME_SOAK is its duration.
func TestMixedClientsSeeNoChange(t *testing.T) {
	t.Parallel()
	duration := mixedShort
	if text := os.Getenv("ISAME_SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ISAME_SOAK: %v", err)
		}
	}
	b, c := newBackends(t, 2), newPair(t, tomorrow(), "a.test")
	for _, one := range b {
		plain := one.handler
		one.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mixedOrigin(w, r, plain) })
	}
	p := start(t, mixedConfig(c, b, 0))
	stop := startMixed(t, p)
	mix(p, c, b, duration)
	stop()
	if got := p.reloads("rejected"); got != 0 {
		t.Errorf("%v reloads were rejected", got)
	}
}

func mixedOrigin(w http.ResponseWriter, r *http.Request, plain http.Handler) {
	if r.Header.Get("Upgrade") == "" {
		plain.ServeHTTP(w, r)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	_ = serveWS(r.Context(), c, r)
	_ = c.CloseNow()
}

// mixedConfig changes weights, routes and a timeout with n.
func mixedConfig(c *pair, b []*backend, n int) string {
	text := edgeConfig(c, fmt.Sprintf("[{address: %q, weight: %d}, {address: %q}]", b[0].address, 1+n%3, b[1].address),
		fmt.Sprintf(", algorithm: weighted_round_robin, timeouts: {read: %ds}", 30+n%7), "")
	return strings.Replace(text, `secure: {address: "127.0.0.1:0"`, `secure: {address: "127.0.0.1:0", http3: true`, 1)
}

// mix rotates and reloads in its rhythm until duration is over.
func mix(p *proxy, c *pair, b []*backend, duration time.Duration) {
	rotate, reload := time.NewTicker(mixedRotate), time.NewTicker(mixedReload)
	defer rotate.Stop()
	defer reload.Stop()
	end := time.After(duration)
	for n := 1; ; n++ {
		select {
		case <-end:
			return
		case <-rotate.C:
			c.renew(tomorrow(), "a.test")
		case <-reload.C:
			p.reload(mixedConfig(c, b, n), "applied")
		}
	}
}

// mixedWorkers is how many clients of each kind there are.
const mixedWorkers = 3

// startMixed runs all clients until stop, which fails the test if an exchange failed,
// or a kind of client made none.
func startMixed(t *testing.T, p *proxy) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	done, failed := make([]atomic.Int64, len(mixedClients)), make([]atomic.Int64, len(mixedClients))
	for i, kind := range mixedClients {
		for range mixedWorkers {
			workers.Go(func() {
				ask, end := kind.open(p)
				defer end()
				pause := time.NewTicker(2 * loadPause)
				defer pause.Stop()
				for n := 0; ctx.Err() == nil; n++ {
					if err := ask(context.WithoutCancel(ctx), n); err != nil {
						failed[i].Add(1)
						t.Errorf("%s, exchange %d: %v", kind.name, n, err)
						return // a broken WebSocket stays broken
					}
					done[i].Add(1)
					<-pause.C
				}
			})
		}
	}
	stop = sync.OnceFunc(func() {
		cancel()
		workers.Wait()
		for i, kind := range mixedClients {
			t.Logf("%s: %d exchanges, %d failed", kind.name, done[i].Load(), failed[i].Load())
			if done[i].Load() == 0 {
				t.Errorf("%s: no exchange", kind.name)
			}
		}
	})
	t.Cleanup(stop)
	return stop
}
