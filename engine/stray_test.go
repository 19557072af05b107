package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// strayer is a backend that sends bytes behind its answers to /case, late after
// them, and reads nothing meanwhile. Each other request is answered with its path.
type strayer struct {
	answer string
	stray  string
	late   time.Duration // 0 is in the write of the answer
	cert   *pair         // nil for clear text

	conns atomic.Int64
	heard chan struct{}      // one for each answer that a client has: late counts from there
	sent  chan time.Duration // one for each stray: how late it was by the backend's clock, from before the answer
}

// withIt is the late of bytes that come in a write of their own, once the answer
// before them is with the client.
const withIt = time.Nanosecond

func (s *strayer) backend(t *testing.T) string {
	t.Helper()
	s.heard, s.sent = make(chan struct{}, 100), make(chan time.Duration, 100)
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if s.cert != nil {
			c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.cert.certificate}})
			in = bufio.NewReader(c)
		}
		s.conns.Add(1)
		for q := readHead(in); q != nil; q = readHead(in) {
			_, _ = io.Copy(io.Discard, q.Body)
			if q.URL.Path != "/case" {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(q.URL.Path), q.URL.Path)
				continue
			}
			s.misbehave(c)
		}
	})
}

// misbehave answers /case.
func (s *strayer) misbehave(c net.Conn) {
	began := time.Now()
	if s.late == 0 {
		_, _ = io.WriteString(c, s.answer+s.stray)
	} else {
		_, _ = io.WriteString(c, s.answer)
		<-s.heard // or a busy proxy reads both at once, as if late were 0
		<-time.NewTimer(s.late).C
		_, _ = io.WriteString(c, s.stray)
	}
	s.sent <- time.Since(began)
}

// strayCases are the answers behind which bytes come.
var strayCases = []struct {
	name, method, answer string
	bodiless             bool // their end rests on the method, or on the status
}{
	{"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", true},
	{"HEAD, chunked", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true},
	{"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", true},
	{"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\nETag: \"a\"\r\n\r\n", true},
	{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
	{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false},
}

var strayBytes = map[string]string{
	"garbage":     "<html>20 octets</html>",
	"half a line": "HTTP/1.1 200",
	"an answer":   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray",
}

var strayDelays = map[string]time.Duration{
	"in one write": 0, "at once": withIt, "3 ms": 3 * time.Millisecond, "50 ms": 50 * time.Millisecond, "500 ms": 500 * time.Millisecond,
}

// strayRun is one case under way.
type strayRun struct {
	*strayer

	name   string
	rig    *rig
	method string
	a, b   *http.Client
	base   string
	// waits is a case in which the first victim of a backend nobody knows cannot be
	// told from the one that the answer is for: see package pool.
	waits  bool
	harmed []string // what B met at once
}

// guaranteed is how late bytes may be that harm nobody, whoever sent the answer before: see package pool.
const guaranteed = time.Second

// judge complains of what B met at once, where the bytes came in time: a machine that stands still
// between an answer and them makes them as late as it likes.
func (s *strayRun) judge(t *testing.T, late time.Duration) {
	t.Helper()
	for _, harm := range s.harmed {
		if late < guaranteed {
			t.Errorf("%s, at once: %s", s.name, harm)
		} else {
			t.Logf("%s: the bytes were %v late, which is beyond what is guaranteed: %s", s.name, late, harm)
		}
	}
	s.harmed = nil
}

// ask makes one exchange; what comes of it is a status and a body.
func (s *strayRun) ask(t *testing.T, c *http.Client, method, path string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(context.Background(), method, s.base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if path == "/case" {
		defer func() { s.heard <- struct{}{} }()
	}
	resp, err := c.Do(q)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, body))
}

// harm is what B meets that are not answers to its requests.
func (s *strayRun) harm(t *testing.T) (harmed []string) {
	t.Helper()
	for i := range 4 {
		path := fmt.Sprintf("/b/%d", i)
		if got, want := s.ask(t, s.b, http.MethodGet, path), "200 "+path; got != want {
			harmed = append(harmed, fmt.Sprintf("request %d: got %q; want %q", i, got, want))
		}
	}
	return harmed
}

// oneShard runs an engine with one shard, so that all clients share connections.
func oneShard(t testing.TB, log io.Writer, text, backend string) *rig {
	t.Helper()
	r := startToEnd(t, log, text, backend)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = r.engine.Shutdown(ctx)
	})
	return r
}

// h1Client speaks HTTP/1.1 over one connection.
func (r *rig) h1Client() *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, r.address)
	}}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// Whatever a backend sends behind an answer, and however late, no request of
// another client is answered with it or harmed by it. A is the client whose answer
// it is, B the other one, which asks at once and again when the bytes are there.
func TestBytesBehindAnAnswerHarmNobody(t *testing.T) {
	t.Parallel()
	cert := newPair(t, tomorrow(), "a.test")
	for _, secure := range []bool{false, true} {
		for _, version := range []string{"h1", "h2", "h3"} {
			t.Run(fmt.Sprintf("%s, TLS to the backend %v", version, secure), func(t *testing.T) {
				t.Parallel()
				runs := strayRuns(t, version, map[bool]*pair{true: cert}[secure])
				for round := range 2 {
					for _, s := range runs {
						s.ask(t, s.a, s.method, "/case")
						if !s.waits || round > 0 {
							s.harmed = s.harm(t)
						}
					}
					for _, s := range runs {
						s.judge(t, <-s.sent)
						for _, harm := range s.harm(t) {
							t.Errorf("%s, when they are there: %s", s.name, harm)
						}
					}
				}
			})
		}
	}
}

func strayRuns(t *testing.T, version string, cert *pair) (runs []*strayRun) {
	t.Helper()
	for _, tc := range strayCases {
		for what, stray := range strayBytes {
			for when, late := range strayDelays {
				if version != "h1" && (tc.name == "HEAD, chunked" || what == "half a line" || late == withIt) {
					continue // the client's version makes no difference to these
				}
				s := &strayer{answer: tc.answer, stray: stray, late: late, cert: cert}
				run := &strayRun{
					strayer: s, name: tc.name + ", " + what + ", " + when, method: tc.method,
					waits: !tc.bodiless && late > 0 && what == "an answer",
				}
				run.start(t, version)
				runs = append(runs, run)
			}
		}
	}
	return runs
}

// start runs a proxy and two clients of a version of HTTP.
func (s *strayRun) start(t *testing.T, version string) {
	t.Helper()
	text := map[string]string{"h1": plain, "h2": h2cListener, "h3": ""}[version]
	if version == "h3" {
		text = h3Text(t)
	}
	if s.cert != nil {
		text = strings.Replace(text, "backends:", `tls: {enabled: true, server_name: a.test, ca_file: "`+s.cert.certFile+`"}, backends:`, 1)
	}
	s.rig = oneShard(t, io.Discard, text, s.backend(t))
	s.base = "http://a.test"
	switch version {
	case "h1":
		s.a, s.b = s.rig.h1Client(), s.rig.h1Client()
	case "h2":
		s.a, s.b = s.rig.h2Client(), s.rig.h2Client()
	case "h3":
		s.base = "https://a.test"
		s.a, _ = s.rig.h3Client()
		s.b, _ = s.rig.h3Client()
	}
}

// A backend that sends bytes behind its answers is named once, however often it
// does so.
func TestBackendThatSendsBytesBehindAnswersIsNamedOnce(t *testing.T) {
	for _, late := range []time.Duration{0, withIt, 3 * time.Millisecond} {
		var log lockedBuffer
		s := &strayRun{strayer: &strayer{answer: strayCases[0].answer, stray: "<html>20 octets</html>", late: late}, base: "http://a.test"}
		address := s.backend(t)
		s.rig = oneShard(t, &log, plain, address)
		s.a = s.rig.h1Client()
		for range 5 {
			s.ask(t, s.a, http.MethodHead, "/case")
			<-s.sent
			s.ask(t, s.a, http.MethodGet, "/b")
		}
		const says = "bytes behind"
		eventually(t, func() string { return "it is named" }, func() bool { return strings.Contains(log.String(), says) })
		if text := log.String(); strings.Count(text, says) != 1 || !strings.Contains(text, address) || !strings.Contains(text, "HEAD") {
			t.Errorf("%v late: the log says\n%s", late, text)
		}
	}
}

// POSTs go on using connections again after what is no idle close: stray bytes, and
// requests that a backend dies of.
func TestWhatIsNoIdleCloseCostsNoConnections(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		want       int64 // connections of the backend
	}{
		{"stray bytes", "/case", 2},
		{"stray bytes behind a HEAD", "/head", 3},
		{"an answer nobody asked for", "/answer", 2},
		{"a death at once", "/die", 3},
		{"a death after a while", "/die-later", 3},
		{"a reset at once", "/reset", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var conns atomic.Int64
			heard := make(chan struct{}, 1) // the client has the answer
			r := oneShard(t, io.Discard, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				conns.Add(1)
				for q := readHead(in); q != nil; q = readHead(in) {
					_, _ = io.Copy(io.Discard, q.Body)
					switch q.URL.Path {
					case "/case":
						_, _ = io.WriteString(c, ok+"<html>")
						continue
					case "/answer":
						_, _ = io.WriteString(c, ok+ok)
						continue
					case "/head":
						_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
						<-heard
						_, _ = io.WriteString(c, "<html>")
						continue
					case "/die-later":
						<-time.NewTimer(50 * time.Millisecond).C
						return
					case "/die":
						return
					case "/reset":
						breakOff(c)
						return
					}
					_, _ = io.WriteString(c, ok)
				}
			}))
			c := r.dial()
			for i := range 42 {
				path, method := "/", "POST"
				if i == 1 {
					path = tc.path
				}
				if path == "/head" {
					method = "HEAD"
				}
				c.send(method + " " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi")
				c.receive(method)
				if path == "/head" {
					heard <- struct{}{}
				}
			}
			if n := conns.Load(); n > tc.want {
				t.Errorf("the backend saw %d connections; want at most %d", n, tc.want)
			}
		})
	}
}
