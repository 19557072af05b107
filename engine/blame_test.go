package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// failures is how often the only backend was blamed.
func (r *rig) failures() uint64 {
	r.t.Helper()
	return r.engine.Pools()[0].Backends[0].Failures
}

// echoSlowly answers with the head at once, then with the body as it comes.
func echoSlowly(_ int64, c net.Conn, in *bufio.Reader) {
	q := readHead(in)
	if q == nil {
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	_, _ = io.WriteString(c, "2\r\nhi\r\n")
	_, _ = io.Copy(io.Discard, q.Body)
	_, _ = io.WriteString(c, "0\r\n\r\n")
}

// What a client does to its own body is never the backend's fault, also while
// the answer is on its way: else any client could open the circuit breaker.
func TestClientsBodyFaultInsideTheAnswerIsNotTheBackends(t *testing.T) {
	for _, tc := range []struct {
		name string
		then func(*client)
	}{
		{"bad chunk", func(c *client) { c.send("zz\r\n") }},
		{"stops", func(c *client) { c.stop() }},
		{"leaves", func(c *client) { _ = c.Close() }},
		{"stalls", func(*client) {}},
		{"too large", func(c *client) { c.send("2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(plain, `"127.0.0.1:0"}`, `"127.0.0.1:0", timeouts: {body: 100ms}, limits: {body_bytes: 4KiB}}`, 1)
			r := start(t, text, scripted(t, echoSlowly))
			c := r.dial()
			c.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			resp, err := http.ReadResponse(c.r, nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("got %v, %v; want 200", resp, err)
			}
			tc.then(c)
			if _, err := io.ReadAll(resp.Body); err == nil {
				t.Error("the answer looks complete; want a broken one")
			}
			eventually(t, func() string { return "the exchange ended" }, func() bool { return r.engine.Pools()[0].InFlight == 0 })
			if n := r.failures(); n != 0 {
				t.Errorf("the backend was blamed %d times; want 0", n)
			}
		})
	}
}

// silentPool adds a pool of the same timeouts, whose route leads to a backend that says
// nothing: what is asked of it ends when such a time is over.
func silentPool(text, timeouts string) string {
	return strings.NewReplacer("{all: {pool: p", "{silent: {path: /silent, pool: silent}, all: {pool: p",
		timeouts+"}", timeouts+`}, silent: {backends: [{address: "{{backend}}"}], `+timeouts+"}").Replace(text)
}

// A backend has its time from the end of the request on: who is slow before it
// is the client, and it is the client that is told so.
func TestSlowUploadIsNotASlowBackend(t *testing.T) {
	const begin = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n"
	text := strings.NewReplacer(`"127.0.0.1:0"}`, `"127.0.0.1:0", timeouts: {body: BODY}}`,
		"{pool: p}", "{pool: p, timeout: ROUTE}", `"}]}`, `"}], timeouts: {read: 60ms}}`).Replace(plain)
	for _, tc := range []struct {
		name, body, route string
		goesOn            bool // when a backend that began later has had its time
		status            int
		cause             string
		blamed            uint64
	}{
		{"pauses longer than the backend may", "10s", "10s", true, 200, "", 0},
		{"stalls", "100ms", "10s", false, 408, "client_slow", 0},
		{"stalls until the end of the route's time", "10s", "100ms", false, 408, "client_slow", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := silentPool(strings.NewReplacer("BODY", tc.body, "ROUTE", tc.route).Replace(text), "timeouts: {read: 60ms}")
			asked := make(chan struct{}, 1)
			r := start(t, text, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				q := readHead(in)
				if q.URL.Path == "/silent" {
					_, _ = io.Copy(io.Discard, in)
					return
				}
				asked <- struct{}{}
				if _, err := io.ReadAll(q.Body); err == nil {
					_, _ = io.WriteString(c, ok)
				}
			}))
			c := r.dial()
			c.send(begin + "hello")
			<-asked
			if tc.goesOn {
				if a := r.dial().get("/silent"); a.StatusCode != http.StatusGatewayTimeout {
					t.Errorf("the silent backend: got %d; want 504", a.StatusCode)
				}
				c.send("world")
			}
			a := c.receive("POST")
			if a.StatusCode != tc.status || a.Header.Get("X-Isame-Error") != tc.cause {
				t.Errorf("got %d %q; want %d %q", a.StatusCode, a.Header.Get("X-Isame-Error"), tc.status, tc.cause)
			}
			if n := r.failures(); n != tc.blamed {
				t.Errorf("the backend was blamed %d times; want %d", n, tc.blamed)
			}
		})
	}
}

// A backend that has the whole request, or does not take it, has no excuse.
func TestSlowBackendIsBlamedBehindAnUpload(t *testing.T) {
	text := strings.Replace(plain, `"}]}`, `"}], timeouts: {read: 100ms, write: 100ms}}`, 1)
	for _, tc := range []struct {
		name string
		size int
		read bool
	}{{"silent", 100_000, true}, {"does not read", 64 << 20, false}} {
		t.Run(tc.name, func(t *testing.T) {
			end := make(chan struct{})
			defer close(end)
			r := start(t, text, scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) {
				if q := readHead(in); tc.read {
					_, _ = io.Copy(io.Discard, q.Body)
				}
				<-end
			}))
			c := r.dial()
			go func() {
				_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: "+strconv.Itoa(tc.size)+"\r\n\r\n")
				_, _ = io.WriteString(c, strings.Repeat("x", tc.size))
			}()
			began := time.Now()
			a := c.receive("POST")
			if a.StatusCode != 504 || a.Header.Get("X-Isame-Error") != "timeout" || time.Since(began) > 15*time.Second {
				t.Errorf("got %d %q after %v; want 504 timeout long before that of the route", a.StatusCode, a.Header.Get("X-Isame-Error"), time.Since(began))
			}
			if n := r.failures(); n != 1 {
				t.Errorf("the backend was blamed %d times; want 1", n)
			}
		})
	}
}

// The last piece of a body that the backend did not take: the request is not
// whole, and the connection must never carry another one, whose first bytes
// would be read as the rest of this body.
func TestBodyIsNotWholeWithoutItsLastPiece(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	loop, err := socket.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	to, err := socket.Dial(t.Context(), loop, ln.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	for err == nil { // nobody reads: the socket fills up
		to.SetWriteBy(socket.Nanos() + int64(50*time.Millisecond))
		_, err = to.Write(make([]byte, 1<<20))
	}
	x := newExchange()
	x.policy = &listenerPolicy{}
	x.fwd.pool = &poolEntry{timeouts: config.PoolTimeouts{Write: 50 * time.Millisecond}}
	x.body.Begin(wire.Length, 5)
	x.upload.x, x.upload.to = x, to
	x.upload.in.Sized(uploadRoom)
	x.upload.in.Append([]byte("hello"))
	x.upload.send()
	if x.upload.whole || !x.body.Done() {
		t.Errorf("whole %v, done %v; want a body that was read to its end and not sent", x.upload.whole, x.body.Done())
	}
	x.upload.in.Release()
}

// A client that stops reading for longer than the backend may be silent has not
// made the backend silent. It reads when one that is, and was asked later, is given up.
func TestPausingReaderIsNotASilentBackend(t *testing.T) {
	t.Parallel()
	content := make([]byte, 48<<20) // more than the buffers of two sockets; made here, or the backend may be silent while it is
	text := silentPool(strings.Replace(plain, `"}]}`, `"}], timeouts: {read: 2s}}`, 1), "timeouts: {read: 2s}")
	r := start(t, text, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		switch q := readHead(in); {
		case q == nil:
		case q.URL.Path == "/silent":
			_, _ = io.Copy(io.Discard, in)
		default:
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(content))+"\r\n\r\n")
			_, _ = c.Write(content)
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	if _, err := c.r.Peek(1); err != nil { // it has begun, and does not read on
		t.Fatal(err)
	}
	if a := r.dial().get("/silent"); a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("the silent backend: got %d; want 504", a.StatusCode)
	}
	if a := c.receive("GET"); len(a.body) != len(content) {
		t.Errorf("got %d bytes; want %d", len(a.body), len(content))
	}
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
}

// An answer that a retry was to replace, and then could not, must not become an
// answer of the proxy that says 200.
func TestRetryThatCannotBeMadeKeepsTheFailure(t *testing.T) {
	const retry = `retry: {attempts: 3, on: ["503"], backoff: {initial: 1s, jitter: 0}`
	for _, tc := range []struct{ name, cause, old, text string }{
		{"no time left", "", "{pool: p}", "{pool: p, timeout: 300ms, " + retry + "}}"},
		{"no budget", "", "{pool: p}", "{pool: p, " + retry + ", budget: {percent: 0, min_per_second: 0}}}"},
		{"breaker opened", "retry_impossible", `"}]}`, `"}], circuit_breaker: {failures: 1, max_ejected_percent: 100}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(plain, tc.old, tc.text, 1)
			text = strings.Replace(text, "{pool: p}", `{pool: p, retry: {attempts: 3, on: ["503"], backoff: {initial: 1ms}}}`, 1)
			r := start(t, text, backend(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.cause == "" { // else it would be waited for
					w.Header().Set("Retry-After", "7")
				}
				w.WriteHeader(http.StatusServiceUnavailable)
			}))
			a := r.dial().get("/")
			if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("X-Isame-Error") != tc.cause {
				t.Errorf("got %d %q %q; want 503 %q", a.StatusCode, a.Header.Get("X-Isame-Error"), a.body, tc.cause)
			}
			if after := a.Header.Get("Retry-After"); tc.cause == "" && after != "7" {
				t.Errorf("got Retry-After %q; want the backend's own answer, with 7", after)
			}
		})
	}
}

// A backend that stops is late at every point of its answer, on a fresh and on a
// reused connection.
func TestBackendThatStopsIsLate(t *testing.T) {
	text := strings.Replace(plain, `"}]}`, `"}], timeouts: {read: 50ms}}`, 1)
	for _, says := range []string{
		"", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 103 Early\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "HTTP/1.1 200 OK\r\n\r\nhello",
	} {
		for _, reused := range []bool{false, true} {
			t.Run(says, func(t *testing.T) {
				r := start(t, text, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
					for q := readHead(in); q != nil; q = readHead(in) {
						if q.URL.Path == "/first" {
							_, _ = io.WriteString(c, ok)
						} else {
							_, _ = io.WriteString(c, says)
						}
					}
				}))
				c := r.dial()
				if reused {
					c.get("/first")
				}
				before := r.failures() // on a busy machine that was late, too
				c.send("GET /case HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
				began := time.Now()
				all, err := io.ReadAll(c.r)
				if took := time.Since(began); err != nil || took > 3*time.Second {
					t.Errorf("got %q, %v after %v; want the end within 3s", all, err, took)
				}
				if strings.HasSuffix(says, "\r\n\r\n") && !strings.Contains(says, "200") || !strings.Contains(says, "\r\n\r\n") {
					if !strings.Contains(string(all), "HTTP/1.1 504 ") {
						t.Errorf("got %q; want 504", all)
					}
				}
				if n := r.failures() - before; n != 1 {
					t.Errorf("the backend was blamed %d times; want 1", n)
				}
			})
		}
	}
}
