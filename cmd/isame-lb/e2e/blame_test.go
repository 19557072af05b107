package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// blamed is what isame-ctl blame says.
type blamed struct {
	Summary   string `json:"summary"`
	Concluded bool   `json:"concluded"`
	Exchanges int    `json:"exchanges"`
	Tail      *struct {
		Phases []struct {
			Phase   string  `json:"phase"`
			Side    string  `json:"side"`
			Share   float64 `json:"share"`
			Backend string  `json:"backend"`
		} `json:"phases"`
		Backends []struct {
			Backend string  `json:"backend"`
			Slower  float64 `json:"slower"`
		} `json:"backends"`
		Clients []struct {
			Client string `json:"client"`
		} `json:"clients"`
	} `json:"tail"`
}

func (p *proxy) blame(t *testing.T, args ...string) (b blamed) {
	t.Helper()
	code, out := ctl(t, p.admin, append([]string{"blame", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &b); err != nil || code != 0 {
		t.Fatalf("blame %v: exit %d, %v:\n%s", args, code, err, out)
	}
	return b
}

// pace waits: it is how a slow one is slow, and nothing that the test waits for.
func pace(d time.Duration) { <-time.After(d) }

// TestBlameFindsTheSlowBackend has one of three backends answer late.
func TestBlameFindsTheSlowBackend(t *testing.T) {
	t.Parallel()
	slow := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		pace(40 * time.Millisecond)
		_, _ = io.WriteString(w, "late")
	})
	fast, other := newBackend(t, nil), newBackend(t, nil)
	p := start(t, header+"routes: {api: {path_prefix: /api, pool: p}, rest: {pool: p}}\npools: {p: {backends: "+members(fast, slow, other)+"}}\n")
	for range 3 {
		get(t, p.url("/api")).wantStatus(t, 200)
	}
	if b := p.blame(t, "api"); b.Concluded || b.Tail != nil || b.Exchanges != 3 || !strings.Contains(b.Summary, "too few") {
		t.Errorf("of three exchanges: got %+v; want nothing concluded", b)
	}
	for range 150 {
		get(t, p.url("/api")).wantStatus(t, 200)
	}
	b := p.blame(t, "api", "--since", "10m")
	if !b.Concluded || b.Tail == nil || b.Exchanges != 153 {
		t.Fatalf("got %+v; want a conclusion", b)
	}
	if first := b.Tail.Phases[0]; first.Phase != "answer" || first.Share < 0.5 || first.Backend != slow.address {
		t.Errorf("got %+v; want the first byte of %s", b.Tail.Phases, slow.address)
	}
	if first := b.Tail.Backends[0]; first.Backend != slow.address || first.Slower < 2 {
		t.Errorf("got %+v; want %s, which is slower than the others", b.Tail.Backends, slow.address)
	}
	if !strings.Contains(b.Summary, "first byte of "+slow.address+", which is") || !strings.Contains(b.Summary, "slower than its two siblings") {
		t.Errorf("got %q", b.Summary)
	}
	if code, out := ctl(t, p.admin, "blame", "ap"); code != 1 || !strings.Contains(out, `did you mean "api"?`) {
		t.Errorf("blame ap: exit %d:\n%s", code, out)
	}
}

// TestBlameFindsTheSlowClient has clients that are slow to send, and slow to take.
func TestBlameFindsTheSlowClient(t *testing.T) {
	piece := make([]byte, 64<<10)
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/take" {
			return
		}
		_ = http.NewResponseController(w).Flush()
		for range 16 << 20 / len(piece) { // more than the buffers on the way hold
			_, _ = w.Write(piece)
		}
	})
	for _, c := range []struct {
		phase string
		slow  func(t *testing.T, conn net.Conn)
	}{
		{"read", func(t *testing.T, conn net.Conn) {
			t.Helper()
			send(t, conn, "GET /head HTTP/1.1\r\n")
			pace(300 * time.Millisecond)
			send(t, conn, "Host: t\r\nConnection: close\r\n\r\n")
		}},
		{"body", func(t *testing.T, conn net.Conn) {
			t.Helper()
			send(t, conn, "POST /send HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab")
			pace(300 * time.Millisecond)
			send(t, conn, "cd")
		}},
		{"send", func(t *testing.T, conn net.Conn) {
			t.Helper()
			send(t, conn, "GET /take HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
			pace(time.Second)
		}},
	} {
		t.Run(c.phase, func(t *testing.T) {
			p := start(t, header+"routes: {all: {pool: p}}\npools: {p: {backends: "+members(b)+"}}\n")
			for range 100 {
				get(t, p.url("/")).wantStatus(t, 200)
			}
			var all sync.WaitGroup
			for range 12 {
				conn, err := net.Dial("tcp", p.address())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				all.Go(func() {
					c.slow(t, conn)
					if _, err := io.Copy(io.Discard, conn); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			eventually(t, "the slow client is blamed", func() string {
				b := p.blame(t)
				if b.Tail == nil || b.Tail.Phases[0].Phase != c.phase || b.Tail.Phases[0].Side != "client" || b.Tail.Phases[0].Share < 0.5 {
					return b.Summary
				}
				if len(b.Tail.Clients) != 1 || b.Tail.Clients[0].Client != "127.0.0.1" {
					return "without the client"
				}
				return ""
			})
		})
	}
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Error(err)
	}
}
