package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hostile is bytes a client sends, and what comes of them.
type hostile struct {
	name, send string
	// want are the answers, as summary writes them. After the last one the
	// connection must have ended, or must carry another request.
	want []string
	// seen are the complete requests the backend got.
	seen []string
	// method of the answers, when it is HEAD.
	method string
	// stop ends the client's side after the last byte.
	stop bool
	// talks is a client that asked for the end and goes on sending: a reset is
	// what it asks for.
	talks bool
}

// manners are the ways in which the same bytes come.
var manners = []struct {
	name      string
	reused    bool // behind an exchange on the same connection
	pipelined bool // behind another request, in one piece
	piece     int  // bytes in one write; 0 is all
}{
	{name: "at once"}, {name: "in pieces", piece: 1}, {name: "pipelined", pipelined: true}, {name: "reused", reused: true, piece: 7},
}

const (
	before     = "GET /before HTTP/1.1\r\nHost: t\r\n\r\n"
	beforeSeen = "GET /before HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"
)

// attack plays every case in every manner.
func attack(t *testing.T, r *rig, rec *recorder, cases []hostile) {
	t.Helper()
	for i := range cases {
		for _, m := range manners {
			t.Run(cases[i].name+"/"+m.name, func(t *testing.T) {
				tc := cases[i]
				c := r.dial()
				if m.reused {
					c.expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
				}
				tc.seen = slices.Clone(tc.seen)
				if m.pipelined {
					tc.send, tc.want = before+tc.send, append([]string{"200 GET /before"}, tc.want...)
				}
				if m.pipelined || m.reused {
					tc.seen = append([]string{beforeSeen}, tc.seen...)
				}
				c.expect(t, tc.want, tc.send, m.piece, &tc)
				c.checkEnd(t, &tc)
				r.checkSeen(t, rec, &tc)
			})
		}
	}
}

// expect sends text and compares the answers.
func (c *client) expect(t *testing.T, want []string, text string, piece int, tc *hostile) {
	t.Helper()
	if piece == 0 || len(text) > 4096 {
		piece = len(text)
	}
	for text != "" {
		n := min(piece, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			break // refused before the end; the answer says so
		}
		text = text[n:]
	}
	if tc.stop {
		c.stop()
	}
	for i, w := range want {
		method := tc.method
		if w == "200 GET /before" {
			method = http.MethodGet
		}
		resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("answer %d: %v; want %q", i, err, w)
		}
		if got := summary(t, resp); got != w {
			t.Fatalf("answer %d: got %q; want %q", i, got, w)
		}
	}
}

// stop ends this side of the connection.
func (c *client) stop() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // the answers say what came of it
	}
}

// summary is status, body or cause, and close when the answer announces it.
func summary(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		body = fmt.Appendf(body, " (%v)", err)
	}
	if cause := resp.Header.Get("X-Isame-Error"); cause != "" {
		body = []byte(cause)
	}
	text := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, body))
	if resp.Close {
		text += " close"
	}
	return text
}

// checkEnd finds the connection closed, or alive.
func (c *client) checkEnd(t *testing.T, tc *hostile) {
	t.Helper()
	if tc.stop || len(tc.want) == 0 || strings.HasSuffix(tc.want[len(tc.want)-1], " close") {
		b, err := c.r.Peek(1)
		if !errors.Is(err, io.EOF) && (!tc.talks || !errors.Is(err, syscall.ECONNRESET)) {
			t.Errorf("after the answers: got %q, %v; want the end of the connection", b, err)
		}
		return
	}
	c.expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
	tc.seen = append(tc.seen, beforeSeen)
}

// checkSeen compares what reached the backend, after one more exchange on a
// fresh connection.
func (r *rig) checkSeen(t *testing.T, rec *recorder, tc *hostile) {
	t.Helper()
	r.dial().expect(t, []string{"200 GET /before"}, before, 0, &hostile{})
	got := rec.take(t)
	if want := slices.Concat(tc.seen, []string{beforeSeen}); !slices.Equal(got, want) {
		t.Errorf("the backend saw\n%q; want\n%q", got, want)
	}
}

// eventually polls until ok holds; what says what is waited for.
func eventually(t testing.TB, what func() string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(limit) {
			t.Fatalf("still not: %s", what())
		}
	}
}

// heldBack is how much a backend had sent when it was held back: it has begun, and then
// there was no more for a while.
func heldBack(t testing.TB, sent *atomic.Int64) int64 {
	t.Helper()
	last, since := int64(-1), time.Now()
	eventually(t, func() string { return "the backend is held back" }, func() bool {
		if n := sent.Load(); n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > 100*time.Millisecond
	})
	return last
}

// ownDate is the field that the proxy adds to answers without one.
var ownDate = regexp.MustCompile(`^Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n$`)

// readDated reads an answer of the length of want, and beside it the Date of the proxy
// where want has none.
func (c *client) readDated(want string) (string, error) {
	c.t.Helper()
	var got strings.Builder
	dates := 0
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = c.r.ReadString('\n'); err != nil {
			return got.String() + line, err
		}
		if !strings.Contains(want, "Date: ") && ownDate.MatchString(line) {
			dates++
			continue
		}
		got.WriteString(line)
	}
	if dates != 1 && !strings.Contains(want, "Date: ") {
		c.t.Errorf("got %d fields Date; want one", dates)
	}
	rest := make([]byte, max(len(want)-got.Len(), 0))
	n, err := io.ReadFull(c.r, rest)
	got.Write(rest[:n])
	return got.String(), err
}
