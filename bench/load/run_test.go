package load

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mustRun runs a plan that must be able to run.
func mustRun(t *testing.T, p Plan) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	r, err := Run(ctx, p)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return r
}

func TestRunCountsEveryAnswer(t *testing.T) {
	for _, tc := range []struct {
		name string
		tls  bool
		plan Plan
		want uint64
	}{
		{"closed loop", false, Plan{Connections: 7, Count: 500}, 500},
		{"one connection", false, Plan{Connections: 1, Count: 20}, 20},
		{"more connections than requests", false, Plan{Connections: 32, Count: 5}, 5},
		{"new connections", false, Plan{Connections: 5, Count: 200, NoKeepAlive: true}, 200},
		{"tls", true, Plan{Connections: 5, Count: 200}, 200},
		{"tls with new connections", true, Plan{Connections: 3, Count: 20, NoKeepAlive: true}, 20},
		{"open loop", false, Plan{Connections: 5, Count: 200, Rate: 2000}, 200},
		{"open loop, poisson", false, Plan{Connections: 5, Count: 200, Rate: 2000, Poisson: true}, 200},
		{"one thread", false, Plan{Connections: 5, Count: 200, Threads: 1}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var served atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				served.Add(1)
				_, _ = io.WriteString(w, "hello")
			}))
			if tc.tls {
				s.StartTLS()
				tc.plan.TLS = clientOf(t, s)
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			tc.plan.URL = s.URL
			r := mustRun(t, tc.plan)
			if r.Requests != tc.want || r.Answers["200"] != tc.want || r.Errors != 0 || r.Latency.Count != tc.want {
				t.Errorf("got %d answers (%v), %d errors (%v); want %d answers", r.Requests, r.Answers, r.Errors, r.Causes, tc.want)
			}
			if got := uint64(served.Load()); got != tc.want {
				t.Errorf("the server saw %d requests; want %d", got, tc.want)
			}
		})
	}
}

// A connection carries as many requests as it may.
func TestConnectionsEndAfterSoManyAnswers(t *testing.T) {
	for _, tc := range []struct {
		each, count, want int
	}{{10, 40, 4}, {1, 5, 5}, {0, 40, 1}, {7, 20, 3}} {
		var opened atomic.Int64
		r := mustRun(t, Plan{
			URL: raw(t, func(n int, c net.Conn, r *bufio.Reader) {
				opened.Add(1)
				answering(okAnswer)(n, c, r)
			}),
			Connections: 1, Count: int64(tc.count), PerConnection: tc.each,
		})
		if got := opened.Load(); got != int64(tc.want) || r.Requests != uint64(tc.count) || r.Errors != 0 {
			t.Errorf("%d for each connection: got %d connections, %d answers, %d errors; want %d, %d, 0",
				tc.each, got, r.Requests, r.Errors, tc.want, tc.count)
		}
	}
}

func TestRunCountsErrorsByCause(t *testing.T) {
	hang := func(_ int, c net.Conn, _ *bufio.Reader) { _, _ = io.Copy(io.Discard, c) }
	for _, tc := range []struct {
		name  string
		serve func(int, net.Conn, *bufio.Reader)
		want  string
	}{
		{"no byte of an answer", once(""), "closed"},
		{"answer cut in its head", once("HTTP/1.1 200 OK\r\nConte"), "cut"},
		{"answer cut in its body", once("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"), "cut"},
		{"chunked answer cut", once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"), "cut"},
		{"garbage", once("garbage"), "framing"},
		{"two lengths", once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "framing"},
		{"more than the length", once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"), "framing"},
		{"no answer", hang, "timeout"},
		{"reset", func(_ int, c net.Conn, r *bufio.Reader) { _, _, _ = request(r); reset(c) }, "reset"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := mustRun(t, Plan{URL: raw(t, tc.serve), Connections: 2, Count: 6, Timeout: 300 * time.Millisecond})
			if r.Requests != 0 || r.Errors != 6 || r.Causes[tc.want] != 6 {
				t.Errorf("got %d answers, errors %v (%v); want 6 of cause %s", r.Requests, r.Causes, r.Samples, tc.want)
			}
		})
	}
}

func TestRunCountsRefusedConnects(t *testing.T) {
	address := closedAddress(t)
	r := mustRun(t, Plan{URL: "http://" + address, Connections: 2, Count: 4, NoKeepAlive: true})
	if r.Causes["refused"] != 4 || r.Errors != 4 {
		t.Errorf("got %v; want 4 refused", r.Causes)
	}
	if _, err := Run(t.Context(), Plan{URL: "http://" + address, Connections: 2, Count: 4}); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v; want an error that names %s", err, address)
	}
}

func TestRunReportsTLSFailures(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	r := mustRun(t, Plan{URL: s.URL, Connections: 2, Count: 4, NoKeepAlive: true})
	if r.Causes["tls"] != 4 || !strings.Contains(r.Samples["tls"], "certificate") {
		t.Errorf("got %v (%v); want 4 of cause tls that name the certificate", r.Causes, r.Samples)
	}
}

func TestRunReadsEveryKindOfBody(t *testing.T) {
	big := repeat("x", 1<<20)
	for _, tc := range []struct {
		name, text, method string
		bytes              uint64
		tls                bool
	}{
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "GET", 0, false},
		{"large", "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big, "GET", 1 << 20, false},
		{"large by tls", "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big, "GET", 1 << 20, true},
		{"head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 0, false},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + okAnswer, "GET", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := Plan{Connections: 2, Count: 20, Method: tc.method}
			if tc.tls {
				p.URL, p.TLS = rawTLS(t, answering(tc.text))
			} else {
				p.URL = raw(t, answering(tc.text))
			}
			r := mustRun(t, p)
			if r.Requests != 20 || r.Opened != 2 {
				t.Errorf("got %d answers on %d connections, errors %v (%v); want 20 on 2", r.Requests, r.Opened, r.Causes, r.Samples)
			}
			if r.BytesIn < 20*tc.bytes {
				t.Errorf("got %d bytes; want %d at least", r.BytesIn, 20*tc.bytes)
			}
		})
	}
}

func TestBodyUntilCloseIsAnAnswer(t *testing.T) {
	r := mustRun(t, Plan{URL: raw(t, once("HTTP/1.1 200 OK\r\n\r\nuntil the end")), Connections: 2, Count: 10})
	if r.Requests != 10 || r.Errors != 0 || r.Opened < 10 {
		t.Errorf("got %d answers, %v, %d connections; want 10 answers on 10 connections", r.Requests, r.Causes, r.Opened)
	}
}

func TestRunObeysConnectionClose(t *testing.T) {
	text := "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	// One thread: with two, one may have sent everything before the other began.
	r := mustRun(t, Plan{URL: raw(t, answering(text)), Connections: 2, Count: 10, Threads: 1})
	if r.Requests != 10 || r.Errors != 0 || r.Opened != 10 {
		t.Errorf("got %d answers, %v, %d connections; want 10 answers on 10 connections", r.Requests, r.Causes, r.Opened)
	}
}

func TestConnectionClosedWhileIdleIsNoError(t *testing.T) {
	// In the open loop a connection is idle between two requests: each answer is
	// followed by a close which the answer did not announce, in the same segment.
	r := mustRun(t, Plan{URL: raw(t, once(okAnswer)), Connections: 1, Count: 5, Rate: 5, Threads: 1})
	if r.Requests != 5 || r.Errors != 0 || r.Opened != 5 {
		t.Errorf("got %d answers, %v, %d connections; want 5 answers on 5 connections", r.Requests, r.Causes, r.Opened)
	}
}

func TestBytesOnIdleConnectionAreAnError(t *testing.T) {
	told := make(chan struct{}, 8)
	serve := func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			if _, _, err := request(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, okAnswer)
			<-told
			_, _ = io.WriteString(c, okAnswer)
		}
	}
	url := raw(t, serve)
	r := mustRun(t, Plan{URL: url, Connections: 1, Count: 2, Rate: 2, Threads: 1, Progress: func(p Progress) {
		if p.Requests > 0 {
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}})
	close(told)
	if r.Causes["framing"] == 0 {
		t.Errorf("got %v; want an error of cause framing", r.Causes)
	}
}

func TestRequestsAreSentAsGiven(t *testing.T) {
	var mu sync.Mutex
	var got []string
	url := raw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			q, body, err := request(r)
			if err != nil {
				return
			}
			mu.Lock()
			got = append(got, q.Method+" "+q.RequestURI+" "+q.Host+" "+q.Header.Get("X-A")+" "+body)
			mu.Unlock()
			if q.Method == http.MethodHead {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
				continue
			}
			_, _ = io.WriteString(c, okAnswer)
		}
	})
	requests := []Request{{Method: "GET", Path: "/a?b=c"}, {Method: "POST", Path: "/d", Body: []byte("data")}, {Method: "HEAD", Path: "/e"}}
	r := mustRun(t, Plan{URL: url, Connections: 1, Count: 5, Requests: requests, Header: []string{"X-A: 1", "Host: example.test"}})
	want := []string{
		"GET /a?b=c example.test 1 ", "POST /d example.test 1 data", "HEAD /e example.test 1 ",
		"GET /a?b=c example.test 1 ", "POST /d example.test 1 data",
	}
	if !slices.Equal(got, want) || r.Requests != 5 {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestLargeRequestBodiesArriveWhole(t *testing.T) {
	body := repeat("0123456789abcdef", 1<<18) // 4 MiB: many partial writes
	for _, secure := range []bool{false, true} {
		var wrong atomic.Int64
		serve := func(_ int, c net.Conn, r *bufio.Reader) {
			for {
				_, got, err := request(r)
				if err != nil {
					return
				}
				if got != body {
					wrong.Add(1)
				}
				_, _ = io.WriteString(c, okAnswer)
			}
		}
		p := Plan{Connections: 2, Count: 6, Body: []byte(body), Timeout: 30 * time.Second}
		if secure {
			p.URL, p.TLS = rawTLS(t, serve)
		} else {
			p.URL = raw(t, serve)
		}
		if r := mustRun(t, p); r.Requests != 6 || wrong.Load() != 0 {
			t.Errorf("tls %t: got %d answers, %v, %d wrong bodies; want 6 answers", secure, r.Requests, r.Causes, wrong.Load())
		}
	}
}

func TestEarlyAnswerCountsAndClosesTheConnection(t *testing.T) {
	over := make(chan struct{})
	serve := func(_ int, c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
			<-over // no reset, and no room for the whole body, after which the connection would be kept
		}
	}
	url := raw(t, serve)
	t.Cleanup(func() { close(over) }) // before that of raw
	r := mustRun(t, Plan{URL: url, Connections: 1, Count: 3, Body: make([]byte, 32<<20)})
	if r.Answers["413"] != 3 || r.Errors != 0 || r.Opened != 3 {
		t.Errorf("got %v, errors %v, %d connections; want three 413 on 3 connections", r.Answers, r.Causes, r.Opened)
	}
}

func TestRunOverUnixSocket(t *testing.T) {
	r := mustRun(t, Plan{URL: "http://any/", Unix: rawUnix(t, answering(okAnswer)), Connections: 3, Count: 30})
	if r.Requests != 30 || r.Errors != 0 {
		t.Errorf("got %d answers, %v; want 30", r.Requests, r.Causes)
	}
}

func TestCancelEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var answered atomic.Int64
	url := raw(t, func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			if _, _, err := request(r); err != nil {
				return
			}
			if answered.Add(1) > 10 {
				cancel()
				_, _ = io.Copy(io.Discard, r) // no answer any more
				return
			}
			_, _ = io.WriteString(c, okAnswer)
		}
	})
	r, err := Run(ctx, Plan{URL: url, Connections: 2, Duration: time.Hour})
	if err != nil || !r.Interrupted || r.Requests < 9 {
		t.Errorf("got %+v, %v; want an interrupted run with 9 answers at least", r, err)
	}
}

func TestWarmupIsNotCounted(t *testing.T) {
	var begun, ended atomic.Int64
	p := Plan{URL: raw(t, answering(okAnswer)), Connections: 2, Count: 50, Warmup: 200 * time.Millisecond}
	p.Begin, p.End = func() { begun.Add(1) }, func() { ended.Add(1) }
	r := mustRun(t, p)
	if r.Requests != 50 || r.Handled <= 50 || r.Latency.Count != 50 {
		t.Errorf("got %d answers of %d; want 50 and more with those of the warm-up", r.Requests, r.Handled)
	}
	if begun.Load() != 1 || ended.Load() != 1 {
		t.Errorf("Begin was called %d times, End %d times; want once each", begun.Load(), ended.Load())
	}
}

func TestBadPlansAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		plan Plan
		want string
	}{
		{"no end", Plan{URL: "http://127.0.0.1:1"}, "without an end"},
		{"no scheme", Plan{URL: "127.0.0.1:1", Count: 1}, "URL"},
		{"other scheme", Plan{URL: "ftp://127.0.0.1", Count: 1}, "http://HOST"},
		{"method", Plan{URL: "http://127.0.0.1:1", Count: 1, Method: "G T"}, "method"},
		{"header", Plan{URL: "http://127.0.0.1:1", Count: 1, Header: []string{"nonsense"}}, "header"},
		{"header with a line break", Plan{URL: "http://127.0.0.1:1", Count: 1, Header: []string{"A: b\r\nC: d"}}, "header"},
		{"path", Plan{URL: "http://127.0.0.1:1", Count: 1, Requests: []Request{{Path: "/a b"}}}, "path"},
		{"rate", Plan{URL: "http://127.0.0.1:1", Count: 1, Rate: -1}, "requests a second"},
		{"connections", Plan{URL: "http://127.0.0.1:1", Count: 1, Connections: 1 << 30}, "connections"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Run(t.Context(), tc.plan); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want an error with %q", err, tc.want)
			}
		})
	}
}
