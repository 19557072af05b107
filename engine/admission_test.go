package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool"
)

// heldRig is an engine before a backend that answers one request for each word in
// free, with the path and the body it got.
type heldRig struct {
	*rig

	free  chan struct{}
	asked atomic.Int64
}

// limited is a configuration of one pool with these options.
func limited(options string) string {
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}], ` + options + `}}
shutdown: {drain: 5s}
`
}

func startHeld(t *testing.T, text string) *heldRig {
	t.Helper()
	h := &heldRig{free: make(chan struct{}, 64)}
	h.rig = start(t, text, h.backend(t))
	return h
}

// backend is the one that answers when it is told to.
func (h *heldRig) backend(t *testing.T) string {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, q *http.Request) {
		h.asked.Add(1)
		body, _ := io.ReadAll(q.Body)
		select {
		case <-h.free:
		case <-q.Context().Done():
			return
		}
		_, _ = fmt.Fprintf(w, "%s %s", q.URL.Path, body)
	})
}

func (h *heldRig) limiter() pool.LimiterStatus {
	if s := h.engine.Pools()[0].Concurrency; s != nil {
		return *s
	}
	return pool.LimiterStatus{}
}

// settle waits until so many are in progress and so many wait.
func (h *heldRig) settle(inProgress, waiting int64) {
	h.t.Helper()
	eventually(h.t, func() string {
		return fmt.Sprintf("%d in progress and %d waiting; it is %+v", inProgress, waiting, h.limiter())
	},
		func() bool { s := h.limiter(); return s.InProgress == inProgress && s.Waiting == waiting })
}

// ask sends a GET that is not answered yet.
func (h *heldRig) ask(path string) *client {
	h.t.Helper()
	c := h.dial()
	c.send("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n")
	return c
}

// wasShed checks that a is a refusal because of cause.
func wasShed(t *testing.T, a reply, cause string) {
	t.Helper()
	if a.StatusCode != 503 || a.Header.Get("X-Isame-Error") != cause || a.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d %q, Retry-After %q; want 503 %s", a.StatusCode, a.Header.Get("X-Isame-Error"), a.Header.Get("Retry-After"), cause)
	}
}

// served checks that c gets its answer when the backend answers one more.
func (h *heldRig) served(c *client, want string) {
	h.t.Helper()
	h.free <- struct{}{}
	if a := c.receive("GET"); a.StatusCode != 200 || a.body != want {
		h.t.Errorf("got %d %q; want 200 %q", a.StatusCode, a.body, want)
	}
}

func (h *heldRig) metric(name string) string {
	var text strings.Builder
	h.engine.registry.WriteMetrics(&text, "")
	for line := range strings.Lines(text.String()) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func TestLimitWithoutAQueueRefusesAtOnce(t *testing.T) {
	h := startHeld(t, limited("concurrency: {max_requests: 1}"))
	a := h.ask("/a")
	h.settle(1, 0)
	b := h.dial()
	wasShed(t, b.get("/b"), "concurrency_limit")
	h.served(a, "/a ")
	h.settle(0, 0)
	b.send("GET /c HTTP/1.1\r\nHost: t\r\n\r\n") // on the connection that was refused
	h.served(b, "/c ")
	h.settle(0, 0)
	for name, want := range map[string]string{
		`isame_shed_total{pool="p",reason="concurrency_limit"}`: "1",
		`isame_queue_length{pool="p"}`:                          "0",
		`isame_concurrency_limit{pool="p"}`:                     "1",
		`isame_concurrency_inflight{pool="p"}`:                  "0",
	} {
		if got := h.metric(name); got != want {
			t.Errorf("%s is %q; want %s", name, got, want)
		}
	}
	if n := h.limiter().Shed["concurrency_limit"]; n != 1 {
		t.Errorf("status counts %d; want 1", n)
	}
}

func TestQueueHoldsWhatComesUntilItsTurn(t *testing.T) {
	h := startHeld(t, limited("concurrency: {max_requests: 1, max_queue: 3, queue_timeout: 1m}"))
	a := h.ask("/a")
	h.settle(1, 0)
	posts := []struct{ name, request, more, want string }{
		{"whole", "POST /1 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", "", "/1 hello"},
		{"later", "POST /2 HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel", "lo", "/2 hello"},
		{"expected", "POST /3 HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "", "/3 hello"},
	}
	all := make([]*client, len(posts))
	for i, p := range posts {
		all[i] = h.dial()
		all[i].send(p.request)
		h.settle(1, int64(i+1))
		all[i].send(p.more)
	}
	wasShed(t, h.dial().get("/d"), "queue_full")
	h.served(a, "/a ")
	// All have waited for long by now or not: who comes first is not the point here.
	for range posts {
		h.free <- struct{}{}
	}
	for i, p := range posts {
		if p.name == "expected" {
			if line, err := all[i].r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
				t.Fatalf("got %q, %v; want 100 Continue", line, err)
			}
			if _, err := all[i].r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			all[i].send("hello")
		}
		if a := all[i].receive("POST"); a.StatusCode != 200 || a.body != p.want {
			t.Errorf("%s: got %d %q; want 200 %q", p.name, a.StatusCode, a.body, p.want)
		}
	}
	h.settle(0, 0)
}

func TestWaitEndsInTime(t *testing.T) {
	const byRoute = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {slow: {path: /a, pool: p}, all: {pool: p, timeout: 30ms}}
pools: {p: {backends: [{address: "{{backend}}"}], concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 1m}}}
`
	for _, tc := range []struct{ name, text string }{
		{"queue_timeout", limited("concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 30ms}")},
		{"timeout of the route", byRoute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := startHeld(t, tc.text)
			a := h.ask("/a")
			h.settle(1, 0)
			wasShed(t, h.dial().get("/b"), "queue_timeout")
			h.served(a, "/a ")
			h.settle(0, 0)
		})
	}
}

func TestClientThatLeavesLeavesTheQueue(t *testing.T) {
	for _, options := range []string{
		"concurrency: {max_requests: 1, max_queue: 1, queue_timeout: 1m}",
		"concurrency: {max_queue: 1, queue_timeout: 1m}", // a place at the backend is waited for
	} {
		text := strings.Replace(limited(options), `"{{backend}}"`, `"{{backend}}", max_requests: 1`, 1)
		h := startHeld(t, text)
		a := h.ask("/a")
		h.settle(1, 0)
		b := h.ask("/b")
		eventually(t, func() string { return "one waits" }, func() bool { return h.limiter().Waiting == 1 })
		tcp, isTCP := b.Conn.(*net.TCPConn)
		if !isTCP {
			t.Fatal("not a TCP connection")
		}
		reset(tcp)
		h.settle(1, 0)
		h.served(a, "/a ")
		h.settle(0, 0)
		if n := h.asked.Load(); n != 1 {
			t.Errorf("the backend got %d requests; want 1", n)
		}
		if n := h.limiter().Shed["queue_timeout"]; n != 0 {
			t.Errorf("%d counted as shed; want 0: the client left", n)
		}
	}
}

func TestFullBackendsAreWaitedForWhereThereIsAQueue(t *testing.T) {
	text := strings.Replace(limited("concurrency: {max_queue: 2, queue_timeout: 1m}"), `"{{backend}}"`, `"{{backend}}", max_requests: 1`, 1)
	h := startHeld(t, text)
	a := h.ask("/a")
	h.settle(1, 0)
	b := h.ask("/b")
	h.settle(2, 1)
	c := h.ask("/c")
	h.settle(3, 2)
	wasShed(t, h.dial().get("/d"), "queue_full")
	h.served(a, "/a ")
	h.free <- struct{}{}
	h.free <- struct{}{}
	for _, w := range []struct {
		c    *client
		want string
	}{{b, "/b "}, {c, "/c "}} {
		if a := w.c.receive("GET"); a.body != w.want {
			t.Errorf("got %q; want %q", a.body, w.want)
		}
	}
	h.settle(0, 0)
	if n := h.engine.Pools()[0].InFlight; n != 0 {
		t.Errorf("%d attempts in flight; want 0", n)
	}
}

func TestFullBackendsRefuseWithoutAQueue(t *testing.T) {
	text := strings.Replace(limited("concurrency: {}"), `"{{backend}}"`, `"{{backend}}", max_requests: 1`, 1)
	h := startHeld(t, text)
	a := h.ask("/a")
	h.settle(1, 0)
	wasShed(t, h.dial().get("/b"), "backends_busy")
	h.served(a, "/a ")
	h.settle(0, 0)
}

// A slot is held to the last byte of the answer, and comes back however the
// exchange ends.
func TestSlotComesBackHoweverTheExchangeEnds(t *testing.T) {
	half := make(chan struct{})
	r := start(t, limited("concurrency: {max_requests: 1}, timeouts: {read: 100ms}"), backend(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/half":
			w.Header().Set("Content-Length", "4")
			_, _ = io.WriteString(w, "ab")
			_ = http.NewResponseController(w).Flush()
			<-half
			_, _ = io.WriteString(w, "cd")
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/late":
			<-q.Context().Done()
		}
	}))
	h := &heldRig{rig: r}
	c := h.ask("/half")
	if _, err := c.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	wasShed(t, h.dial().get("/"), "concurrency_limit")
	close(half)
	if a := c.receive("GET"); a.body != "abcd" {
		t.Errorf("got %q; want abcd", a.body)
	}
	h.settle(0, 0)
	for _, tc := range []struct {
		request string
		status  int
	}{
		{"GET / HTTP/1.1\r\nHost: t\r\n\r\n", 200},
		{"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("x", 300000), 200},
		{"POST /broken HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi", 502},
		{"GET /late HTTP/1.1\r\nHost: t\r\n\r\n", 504},
		{"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
	} {
		c := h.dial()
		c.send(tc.request)
		if a := c.receive("GET"); a.StatusCode != tc.status {
			t.Errorf("%.20q: got %d; want %d", tc.request, a.StatusCode, tc.status)
		}
		h.settle(0, 0)
	}
}

// An exchange that meets a bug of ours gives its slot back, once.
func TestSlotComesBackAfterAPanic(t *testing.T) {
	h := startHeld(t, limited("concurrency: {max_requests: 2}"))
	other := h.ask("/a")
	h.settle(1, 0)
	x := newExchange()
	x.fwd.pool = h.engine.table.Load().routes[0].pools[0]
	if !x.enterPool() {
		t.Fatal("refused")
	}
	h.settle(2, 0)
	x.c = &conn{}
	x.abandon()
	x.abandon()
	h.settle(1, 0)
	h.served(other, "/a ")
	h.settle(0, 0)
}

func TestHedgedExchangeTakesOneSlot(t *testing.T) {
	h := &heldRig{free: make(chan struct{}, 4)}
	address := backend(t, func(w http.ResponseWriter, q *http.Request) {
		h.asked.Add(1)
		select {
		case <-h.free:
			_, _ = io.WriteString(w, "x")
		case <-q.Context().Done():
		}
	})
	// The same backend under two names: both attempts come here.
	other := strings.Replace(address, "127.0.0.1", "localhost", 1)
	h.rig = start(t, strings.Replace(hedged("after: 10ms", other), "algorithm", "concurrency: {max_requests: 1}, algorithm", 1), address)
	c := h.ask("/")
	eventually(t, func() string { return "both asked" }, func() bool { return h.asked.Load() == 2 })
	h.settle(1, 0)
	h.served(c, "x")
	h.settle(0, 0)
	eventually(t, func() string { return "nothing in flight" }, func() bool { return h.engine.Pools()[0].InFlight == 0 })
}

func TestReloadLetsWaitersIn(t *testing.T) {
	h := startHeld(t, limited("concurrency: {max_requests: 1, max_queue: 4, queue_timeout: 1m}"))
	a := h.ask("/a")
	h.settle(1, 0)
	b, c := h.ask("/b"), h.dial()
	h.settle(1, 1)
	address := h.engine.Pools()[0].Backends[0].Address
	h.apply(limited("concurrency: {max_requests: 2, max_queue: 4, queue_timeout: 1m}"), address)
	h.settle(2, 0)
	c.send("GET /c HTTP/1.1\r\nHost: t\r\n\r\n")
	h.settle(2, 1)
	h.apply(limited("slow_start: 0s"), address)
	eventually(t, func() string { return "all three asked" }, func() bool { return h.asked.Load() == 3 })
	for range 3 {
		h.free <- struct{}{}
	}
	for i, c := range []*client{a, b, c} {
		if got, want := c.receive("GET").body, "/"+string("abc"[i])+" "; got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestDrainServesWhoWaitsAndCutsTheRest(t *testing.T) {
	t.Parallel()
	h := &heldRig{free: make(chan struct{}, 64)}
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(1), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.rig = &rig{t: t, engine: e}
	h.apply(limited("concurrency: {max_requests: 1, max_queue: 4, queue_timeout: 1m}"), h.backend(t))
	h.address = e.Listeners()[0].Bound
	all := map[string]*client{"/a": h.ask("/a")}
	h.settle(1, 0)
	for i, path := range []string{"/b", "/c"} {
		all[path] = h.ask(path)
		h.settle(1, int64(i+1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- e.Shutdown(ctx) }()
	h.free <- struct{}{}
	h.free <- struct{}{}
	eventually(t, func() string { return "one connection is left" }, func() bool {
		l := e.Listeners()[0]
		return l.Active+l.Idle == 1
	})
	cancel()
	if cut := <-ended; cut != 1 {
		t.Errorf("%d cut; want 1: two were answered", cut)
	}
	served := 0
	for _, c := range all {
		if _, err := c.r.Peek(1); err == nil {
			served++
		}
	}
	if served != 2 {
		t.Errorf("%d answered; want 2", served)
	}
}

func TestCutEndsTheWait(t *testing.T) {
	h := &heldRig{free: make(chan struct{}, 64)}
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(1), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.rig = &rig{t: t, engine: e}
	h.apply(limited("concurrency: {max_requests: 1, max_queue: 4, queue_timeout: 1m}"), h.backend(t))
	h.address = e.Listeners()[0].Bound
	a := h.ask("/a")
	h.settle(1, 0)
	b := h.ask("/b")
	h.settle(1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if cut := e.Shutdown(ctx); cut != 2 {
		t.Errorf("%d cut; want 2", cut)
	}
	h.settle(0, 0)
	for _, c := range []*client{a, b} {
		if _, err := c.r.Peek(1); err == nil {
			t.Error("answered; want a cut connection")
		}
	}
}
