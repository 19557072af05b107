package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Rhythm of the storm.
const (
	stormShort    = 15 * time.Second // when ISAME_STORM is not set
	stormReload   = time.Second
	stormBackends = 200 * time.Millisecond
	stormUpgrades = 5 // in a minute, and one less for each 12 s less
	stormTunnels  = 200
	stormEcho     = 2 * time.Second // of each tunnel
	stormPause    = 20 * time.Millisecond
	stormWorkers  = 2 // of each kind
)

// storm is a lineage under load whose configuration, backends and binary change.
type storm struct {
	*lineage

	pair     *pair
	backends []*backend
	admin    *http.Client
	web      string
	secure   string

	clients  sync.WaitGroup
	ends     context.Context //nolint:containedctx // of all clients
	done     map[string]*atomic.Int64
	failures atomic.Int64
}

// stormConfig changes weights, a route, a timeout and a listener with n. The pool of the
// tunnels stays. What is idle in the end is closed before settles gives up.
func stormConfig(c *pair, b []*backend, n int) string {
	extra := ""
	if n%2 == 1 {
		extra = `, extra: {address: "127.0.0.1:0"}`
	}
	return fmt.Sprintf(`
listeners:
  web: {address: "127.0.0.1:0"}
  secure: {address: "127.0.0.1:0", http3: true, tls: {certificates: [{cert_file: %q, key_file: %q}]}}
  %s
admin: {address: "127.0.0.1:0"}
shutdown: {drain: 10m}
log: {format: json}
recorder: {records: 1024, keep_errors: 256, keep_slow: 256} # full soon: what grows else does not end
routes:
  tunnels: {path: /ws, pool: tunnels}
  extra%d: {path: /extra, respond: {status: 204}}
  all: {pool: p}
pools:
  tunnels: {connections: {idle: 5s}, backends: %s}
  p: {connections: {idle: 5s}, algorithm: weighted_round_robin, timeouts: {read: %ds}, backends: [{address: %q, weight: %d}, {address: %q}]}
`, c.certFile, c.keyFile, strings.TrimPrefix(extra, ", "), n%5, members(b[0]), 30+n%7, b[1].address, 1+n%3, b[2].address)
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	b, c := newBackends(t, 4), newPair(t, tomorrow(), "a.test")
	plain := b[0].handler
	b[0].handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mixedOrigin(w, r, plain) })
	l := newLineageOf(t, stormConfig(c, b, 0))
	s := &storm{lineage: l, pair: c, backends: b, done: map[string]*atomic.Int64{}}
	s.web, s.secure = l.address(), l.addressOf("secure")
	path := strings.TrimPrefix(l.admin, "unix:")
	s.admin = &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	return s
}

// ask has the admin endpoint do something; the status has to be one of those.
func (s *storm) ask(method, path, body string, statuses ...int) string {
	r := request(s.t, method, "http://localhost"+path, body)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := tryExchange(s.admin, r)
	switch {
	case err != nil:
		s.t.Errorf("%s %s: %v", method, path, err)
	case !slices.Contains(statuses, a.status):
		s.t.Errorf("%s %s: got %d, %s; want one of %v", method, path, a.status, a.body, statuses)
	}
	return string(a.body)
}

// usage is that of the process that serves.
func (s *storm) usage() (u usage) {
	text := s.ask(http.MethodGet, "/metrics", "", http.StatusOK)
	for line := range strings.Lines(text) {
		for name, to := range map[string]*float64{
			"go_goroutines ": &u.goroutines, "go_memstats_heap_inuse_bytes ": &u.heapBytes, "process_open_fds ": &u.descriptors,
		} {
			if value, ok := strings.CutPrefix(line, name); ok {
				_, _ = fmt.Sscan(value, to)
			}
		}
	}
	return u
}

// load starts clients of a kind, each of which asks again and again. A fresh one keeps no
// connection.
func (s *storm) load(kind string, fresh bool, client func() *http.Client, to string) {
	count := &atomic.Int64{}
	s.done[kind] = count
	for range stormWorkers {
		c := client()
		s.clients.Go(func() {
			defer c.CloseIdleConnections()
			pause := time.NewTicker(stormPause)
			defer pause.Stop()
			for n := 0; s.ends.Err() == nil; n++ {
				method, body := http.MethodGet, ""
				if n%2 == 1 {
					method, body = http.MethodPost, "a small body"
				}
				if err := expectOK(context.WithoutCancel(s.ends), c, method, to, body); err != nil {
					s.fail(kind, err)
				}
				count.Add(1)
				if fresh {
					c.CloseIdleConnections()
				}
				<-pause.C
			}
		})
	}
}

func (s *storm) fail(kind string, err error) {
	if s.failures.Add(1) <= 20 {
		s.t.Errorf("%s: %v", kind, err)
	}
}

// tunnels opens WebSockets that last as long as the storm.
func (s *storm) tunnels(kind string, w way, count int) {
	echoed := &atomic.Int64{}
	s.done[kind] = echoed
	for range count {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		c, _, err := websocket.Dial(ctx, "http://a.test/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: w}})
		cancel()
		if err != nil {
			s.t.Fatalf("%s: %v", kind, err)
		}
		s.clients.Go(func() {
			pause := time.NewTicker(stormEcho)
			defer pause.Stop()
			for n := 0; s.ends.Err() == nil; n++ {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				err := echoes(ctx, c, websocket.MessageText, fmt.Append(nil, "echo ", n))
				cancel()
				if err != nil {
					s.fail(kind, err)
					return // one that is broken stays so
				}
				echoed.Add(1)
				select {
				case <-pause.C:
				case <-s.ends.Done():
				}
			}
			if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
				s.fail(kind, err)
			}
		})
	}
}

// begin starts all clients. end ends them.
func (s *storm) begin() (end func()) {
	var cancel context.CancelFunc
	s.ends, cancel = context.WithCancel(context.Background())
	end = sync.OnceFunc(func() {
		cancel()
		s.clients.Wait()
	})
	s.t.Cleanup(end)
	s.tunnels("WebSocket over TLS", inTLS(s.secure), stormTunnels/2)
	s.tunnels("WebSocket over HTTP/2", inHTTP2(s.secure), stormTunnels/2)
	plain := func() *http.Client { return &http.Client{Transport: &http.Transport{}, Timeout: patience} }
	quic := func() *http.Client { return overQUIC(s.t, s.secure) }
	s.load("HTTP/1.1", false, plain, "http://"+s.web+"/x")
	s.load("HTTP/1.1, new connections", true, plain, "http://"+s.web+"/x")
	s.load("HTTP/1.1 over TLS", false, func() *http.Client { return edgeClient(false) }, "https://"+s.secure+"/x")
	s.load("HTTP/2", false, func() *http.Client { return edgeClient(true) }, "https://"+s.secure+"/x")
	s.load("HTTP/2, new connections", true, func() *http.Client { return edgeClient(true) }, "https://"+s.secure+"/x")
	s.load("HTTP/3", false, quic, "https://a.test/x")
	s.load("HTTP/3, new connections", true, quic, "https://a.test/x")
	return end
}

// blow changes everything in its rhythm until duration is over.
func (s *storm) blow(duration time.Duration) (upgrades int) {
	const busy = http.StatusConflict // a new process starts, or the old one has just begun to drain
	reload, backend := time.NewTicker(stormReload), time.NewTicker(stormBackends)
	defer reload.Stop()
	defer backend.Stop()
	upgrade := time.NewTicker(time.Minute / (stormUpgrades + 1))
	defer upgrade.Stop()
	end := time.After(duration)
	added := url.PathEscape(s.backends[3].address)
	for n := 1; ; n++ {
		select {
		case <-end:
			return upgrades
		case <-reload.C:
			replaceFile(s.t, s.file, s.own(stormConfig(s.pair, s.backends, n)))
			s.ask(http.MethodPost, "/api/v1/reload", "{}", http.StatusOK, busy)
		case <-backend.C:
			if n%2 == 0 {
				s.ask(http.MethodPost, "/api/v1/pools/p/backends", fmt.Sprintf(`{"address": %q}`, s.backends[3].address), http.StatusOK, http.StatusCreated, busy)
			} else {
				s.ask(http.MethodDelete, "/api/v1/pools/p/backends/"+added, "", http.StatusOK, http.StatusNoContent, http.StatusNotFound, busy)
			}
		case <-upgrade.C:
			s.ask(http.MethodPost, "/api/v1/upgrade", "{}", http.StatusOK)
			upgrades++
			s.serving(upgrades + 1)
		}
	}
}

// TestStorm has everything change at once under every kind of client, with drains that are
// longer than it lasts: no exchange fails, no tunnel is cut, and the last process is as
// large in the end as the first one was. ISAME_STORM is its duration.
func TestStorm(t *testing.T) {
	duration := stormShort
	if text := os.Getenv("ISAME_STORM"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ISAME_STORM: %v", err)
		}
	}
	s := newStorm(t)
	before := s.usage()
	end := s.begin()
	upgrades := s.blow(duration)
	end()
	for kind, count := range s.done {
		t.Logf("%s: %d exchanges", kind, count.Load())
		if count.Load() == 0 {
			t.Errorf("%s: no exchange", kind)
		}
	}
	if n := s.failures.Load(); n > 0 || upgrades == 0 {
		t.Errorf("%d failures in %d upgrades; want none in some", n, upgrades)
	}
	for i := range upgrades { // no connection is left that a drain would wait for
		s.gone(s.serving(i + 1))
	}
	s.settles(before)
}

// settles waits until the process is about as large as that.
func (s *storm) settles(before usage) {
	s.t.Helper()
	eventually(s.t, "the last process is as large as the first one was", func() string {
		now := s.usage()
		if now.goroutines > before.goroutines+20 || now.descriptors > before.descriptors+20 || now.heapBytes > before.heapBytes+24<<20 {
			return fmt.Sprintf("%+v, and %+v before", now, before)
		}
		return ""
	})
}
