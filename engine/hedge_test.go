package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// hedged is a configuration that hedges by options, over two backends.
func hedged(options, second string) string {
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, hedge: {` + options + `}}}
pools: {p: {backends: [{address: "{{backend}}"}, {address: "` + second + `"}], algorithm: round_robin}}
`
}

// hedgeRig is an engine over two backends that answer with their number. Each
// serves /slow only when the test says so, by its channel, or its client leaves.
type hedgeRig struct {
	*rig

	free    [2]chan struct{}
	left    chan int // number of a backend whose client left
	asked   [2]atomic.Int64
	waiting atomic.Int64 // requests to /slow that are not answered
}

func startHedge(t *testing.T, options string) *hedgeRig {
	t.Helper()
	h := &hedgeRig{left: make(chan int, 64)}
	var addresses [2]string
	for i := range addresses {
		h.free[i] = make(chan struct{}, 64)
		addresses[i] = backend(t, func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.Copy(io.Discard, q.Body)
			h.asked[i].Add(1)
			if q.URL.Path == "/slow" {
				h.waiting.Add(1)
				defer h.waiting.Add(-1)
				select {
				case <-h.free[i]:
				case <-q.Context().Done():
					h.left <- i
					return
				}
			}
			_, _ = fmt.Fprint(w, i)
		})
	}
	h.rig = start(t, hedged(options, addresses[1]), addresses[0])
	return h
}

// hedges is the count of hedged attempts with a result.
func (h *hedgeRig) hedges(result string) string {
	var text strings.Builder
	h.engine.registry.WriteMetrics(&text, "")
	for line := range strings.Lines(text.String()) {
		if v, ok := strings.CutPrefix(line, `isame_hedges_total{route="all",result="`+result+`"} `); ok {
			return strings.TrimSpace(v)
		}
	}
	return "0"
}

func (h *hedgeRig) settled(t *testing.T, result, want string) {
	t.Helper()
	eventually(t, func() string { return result + " " + want + "; it is " + h.hedges(result) }, func() bool { return h.hedges(result) == want })
	eventually(t, func() string { return "nothing in flight" }, func() bool { return h.engine.Pools()[0].InFlight == 0 })
}

func TestSlowAttemptGetsARivalAndTheFirstAnswerWins(t *testing.T) {
	for _, reused := range []bool{false, true} {
		for _, first := range []bool{false, true} {
			t.Run(fmt.Sprintf("reused %v, first wins %v", reused, first), func(t *testing.T) {
				h := startHedge(t, "after: 30ms")
				c := h.dial()
				if reused {
					c.get("/")
					c.get("/")
				}
				c.send("GET /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
				eventually(t, func() string { return "both asked" }, func() bool { return h.waiting.Load() == 2 })
				winner, loser, result := 1, 0, "won" // round robin asks backend 0 first
				if first {
					winner, loser, result = 0, 1, "lost"
				}
				h.free[winner] <- struct{}{}
				a := c.receive("GET")
				if a.StatusCode != 200 || a.body != strconv.Itoa(winner) || a.Header.Get("X-Isame-Attempts") != "1; hedge=1" {
					t.Errorf("got %d %q %q; want 200 from backend %d", a.StatusCode, a.body, a.Header.Get("X-Isame-Attempts"), winner)
				}
				if got := <-h.left; got != loser {
					t.Errorf("backend %d lost its client; want %d", got, loser)
				}
				h.settled(t, result, "1")
				if a := c.get("/"); a.StatusCode != 200 {
					t.Errorf("the next exchange got %d", a.StatusCode)
				}
				if n := h.failures(); n != 0 {
					t.Errorf("blamed %d times; want 0", n)
				}
			})
		}
	}
}

// An exchange that gets no rival has none either when a later one has got its own.
func TestHedgeOnlyWhereItMay(t *testing.T) {
	h := startHedge(t, "after: 1ms")
	for _, request := range []string{
		"POST /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\nContent-Length: 2\r\n\r\nhi",
		"PUT /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000),
	} {
		h.asked[0].Store(0)
		h.asked[1].Store(0)
		c, other := h.dial(), h.dial()
		c.send(request)
		eventually(t, func() string { return "one asked" }, func() bool { return h.waiting.Load() == 1 })
		other.send("GET /slow HTTP/1.1\r\nHost: t\r\nX-Isame-Attempts: 1\r\n\r\n")
		eventually(t, func() string { return "another one, and its rival" }, func() bool { return h.waiting.Load() >= 3 })
		for i := range h.free {
			h.free[i] <- struct{}{}
			h.free[i] <- struct{}{}
		}
		if a := other.receive("GET"); a.StatusCode != 200 || a.Header.Get("X-Isame-Attempts") != "1; hedge=1" {
			t.Errorf("the other one got %d %q; want 200 and a rival", a.StatusCode, a.Header.Get("X-Isame-Attempts"))
		}
		a := c.receive("POST")
		if n := h.asked[0].Load() + h.asked[1].Load(); a.StatusCode != 200 || a.Header.Get("X-Isame-Attempts") != "1" || n != 3 {
			t.Errorf("got %d %q, %d asked in all; want 200 after one attempt, and three", a.StatusCode, a.Header.Get("X-Isame-Attempts"), n)
		}
		eventually(t, func() string { return "none waits" }, func() bool { return h.waiting.Load() == 0 })
		for i := range h.free {
			for len(h.free[i]) > 0 {
				<-h.free[i]
			}
		}
	}
}

func TestHedgeAfterTheLivePercentile(t *testing.T) {
	h := startHedge(t, "after: p95")
	c := h.dial()
	for range 500 { // more than the percentile needs
		c.get("/")
	}
	c.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
	eventually(t, func() string { return "both asked" }, func() bool { return h.waiting.Load() == 2 })
	h.free[0] <- struct{}{}
	h.free[1] <- struct{}{}
	if a := c.receive("GET"); a.StatusCode != 200 {
		t.Errorf("got %d", a.StatusCode)
	}
}

// When the first attempt breaks while its rival is under way, the rival's answer
// is taken instead of a retry; when both break the failure is the first one's.
func TestRivalSavesABrokenAttempt(t *testing.T) {
	for _, both := range []bool{false, true} {
		asked, cut := make(chan int, 4), [2]chan bool{make(chan bool, 1), make(chan bool, 1)}
		var addresses [2]string
		for i := range addresses {
			addresses[i] = scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if readHead(in) == nil {
					return
				}
				asked <- i
				if answer := <-cut[i]; answer {
					_, _ = io.WriteString(c, ok)
				}
			})
		}
		r := start(t, strings.Replace(hedged("after: 10ms", addresses[1]), "hedge:", "retry: {attempts: 1}, hedge:", 1), addresses[0])
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		<-asked
		<-asked
		cut[0] <- false
		cut[1] <- !both
		want := map[bool]int{true: 502, false: 200}[both]
		if a := c.receive("GET"); a.StatusCode != want {
			t.Errorf("both broken %v: got %d; want %d", both, a.StatusCode, want)
		}
		eventually(t, func() string { return "nothing in flight" }, func() bool { return r.engine.Pools()[0].InFlight == 0 })
	}
}

// A rival may send as many interim answers as any attempt.
func TestRivalMayAnswerAfterInterimAnswers(t *testing.T) {
	var asked atomic.Int64
	talk := func(_ int64, nc net.Conn, in *bufio.Reader) {
		for q := readHead(in); q != nil; q = readHead(in) {
			if asked.Add(1) == 1 { // the rival's turn
				_, _ = in.Peek(1)
				return
			}
			_, _ = io.WriteString(nc, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", interimMax)+ok)
		}
	}
	r := start(t, hedged("after: 1ms", scripted(t, talk)), scripted(t, talk))
	c := r.dial()
	got := c.get("/")
	for got.StatusCode == http.StatusEarlyHints { // the rival was asked first, and the other one speaks
		got = c.receive(http.MethodGet)
	}
	if got.body != "ok" {
		t.Errorf("got %d, %q; want ok", got.StatusCode, got.body)
	}
}

func TestClientThatLeavesEndsTheRace(t *testing.T) {
	h := startHedge(t, "after: 10ms")
	c := h.dial()
	c.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
	eventually(t, func() string { return "both asked" }, func() bool { return h.waiting.Load() == 2 })
	tcp, isTCP := c.Conn.(*net.TCPConn)
	if !isTCP {
		t.Fatal("not a TCP connection")
	}
	reset(tcp)
	if a, b := <-h.left, <-h.left; a == b {
		t.Errorf("backend %d was left twice", a)
	}
	h.settled(t, "lost", "1")
}
