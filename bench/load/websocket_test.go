package load

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// echo is a server of WebSocket that sends messages back; opened counts its connections.
func echo(opened *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, err := websocket.Accept(w, q, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		opened.Add(1)
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(q.Context())
			if err != nil || c.Write(q.Context(), kind, message) != nil {
				return
			}
		}
	})
}

func TestWebSocketMessages(t *testing.T) {
	for _, tc := range []struct {
		name   string
		tls    bool
		plan   Plan
		opened int64
	}{
		{"short", false, Plan{Connections: 4, Count: 400, Body: []byte("hello")}, 4},
		{"empty", false, Plan{Connections: 2, Count: 20}, 2},
		{"a megabyte", false, Plan{Connections: 2, Count: 10, Body: make([]byte, 1<<20)}, 2},
		{"by TLS", true, Plan{Connections: 2, Count: 20, Body: make([]byte, 70<<10)}, 2},
		{"a connection for each", false, Plan{Connections: 2, Count: 10, NoKeepAlive: true}, 10},
		{"five on each", false, Plan{Connections: 1, Count: 20, PerConnection: 5}, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opened atomic.Int64
			s := httptest.NewUnstartedServer(echo(&opened))
			if tc.tls {
				s.StartTLS()
				tc.plan.TLS = clientOf(t, s)
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			tc.plan.URL, tc.plan.WebSocket = s.URL, true
			r := mustRun(t, tc.plan)
			if want := uint64(tc.plan.Count); r.Requests != want || r.Answers["101"] != want || r.Errors != 0 {
				t.Errorf("got %d answers (%v), %d errors (%v); want %d", r.Requests, r.Answers, r.Errors, r.Causes, want)
			}
			if n := opened.Load(); n < tc.opened || n > tc.opened+int64(tc.plan.Connections) {
				t.Errorf("the server saw %d connections; want %d, and no more than one more for each", n, tc.opened)
			}
		})
	}
}

func TestWebSocketThatIsNone(t *testing.T) {
	const accept = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + webSocketAccept + "\r\n\r\n"
	for _, tc := range []struct{ name, answer, want string }{
		{"an ordinary answer", okAnswer, "framing"},
		{"another key", strings.Replace(accept, webSocketAccept, "AAAA", 1), "framing"},
		{"it speaks first", accept + "\x81\x02hi", "framing"},
		{"a head without an end", "HTTP/1.1 101 Fine\r\nX: " + strings.Repeat("x", 2*openingBytesMax), "framing"},
		{"it leaves", "HTTP/1.1 101 Sw", "closed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url := raw(t, func(_ int, c net.Conn, r *bufio.Reader) {
				if _, _, err := request(r); err == nil {
					_, _ = io.WriteString(c, tc.answer)
				}
				if tc.want == "framing" {
					_, _ = io.Copy(io.Discard, r)
				}
			})
			r := mustRun(t, Plan{URL: url, WebSocket: true, Connections: 1, Count: 3, NoKeepAlive: true})
			if r.Requests != 0 || r.Causes[tc.want] == 0 {
				t.Errorf("got %d answers, %v; want failures by %s", r.Requests, r.Causes, tc.want)
			}
		})
	}
	for _, p := range []Plan{{Method: "PUT"}, {Requests: []Request{{Path: "/"}}}, {PerConnection: -1}} {
		p.URL, p.WebSocket, p.Count = "http://127.0.0.1:1/", p.PerConnection == 0, 1
		if _, err := Run(t.Context(), p); err == nil {
			t.Errorf("%+v was run; want a refusal", p)
		}
	}
}
