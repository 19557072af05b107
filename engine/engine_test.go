package engine

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// rig is an engine on a free port with a client that speaks raw bytes.
type rig struct {
	t       testing.TB
	engine  *Engine
	address string
}

// start runs an engine on configuration text; {{backend}} is replaced by the
// address given.
func start(t testing.TB, text, backend string) *rig {
	t.Helper()
	if _, fuzzes := t.(*testing.F); fuzzes { // which may not be told anything while its function runs
		return startLogged(t, io.Discard, text, backend)
	}
	return startLogged(t, zerolog.NewTestWriter(t), text, backend)
}

// accessTo is where access lines go: all to one writer.
type accessTo struct{ io.Writer }

func (a accessTo) open(*config.AccessLog) (AccessOut, error) { return a, nil }

// Lane is the writer.
func (a accessTo) Lane(int) io.Writer { return a.Writer }

// startLogged is start with a log of its own.
func startLogged(t testing.TB, log io.Writer, text, backend string) *rig {
	t.Helper()
	e, err := New(Options{
		Logger: zerolog.New(log).Level(zerolog.WarnLevel), Registry: observe.NewRegistry(2), Shards: 2, Access: accessTo{log}.open,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e}
	r.apply(text, backend)
	r.address = r.engine.Listeners()[0].Bound
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if cut := r.engine.Shutdown(ctx); cut > 0 {
			t.Errorf("shutdown cut %d connections; want 0", cut)
		}
	})
	return r
}

func (r *rig) apply(text, backend string) {
	r.t.Helper()
	if err := r.engine.Apply(parse(r.t, text, backend)); err != nil {
		r.t.Fatal(err)
	}
}

func parse(t testing.TB, text, backend string) *config.Config {
	t.Helper()
	text = strings.ReplaceAll(text, "{{backend}}", backend)
	loaded, err := config.Load(config.Options{
		File: "test.yaml", Data: []byte(text), Extensions: config.Extensions{Stages: middleware.Handlers(), Variables: stage.Registered()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return loaded.Config
}

// plain is the smallest configuration that forwards.
const plain = `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`

// client is one raw connection.
type client struct {
	net.Conn

	t testing.TB
	r *bufio.Reader
}

func (r *rig) dial() *client {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	renew(c)
	return &client{Conn: c, t: r.t, r: bufio.NewReader(c)}
}

// renew gives a connection of a test its time once more. One that lives for long needs
// that now and then: how long it takes in all is the machine's matter.
func renew(c net.Conn) { _ = c.SetDeadline(time.Now().Add(20 * time.Second)) }

// awaitRead waits until what was sent has been read: the kernel has none of it on either side.
func (c *client) awaitRead() {
	c.t.Helper()
	local, _ := c.LocalAddr().(*net.TCPAddr)
	port := fmt.Sprintf(":%04X", local.Port)
	eventually(c.t, func() string { return "everything is read" }, func() bool {
		table, err := os.ReadFile("/proc/self/net/tcp")
		if err != nil {
			c.t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line) // number, local, remote, state, to send:to read
			if strings.HasSuffix(f[1], port) && !strings.HasPrefix(f[4], "00000000:") ||
				strings.HasSuffix(f[2], port) && !strings.HasSuffix(f[4], ":00000000") {
				return false
			}
		}
		return true
	})
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// reply is one response with its whole body.
type reply struct {
	*http.Response

	body string
}

func (c *client) receive(method string) reply {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(&steady{resp.Body, c.Conn, 0})
	if err != nil {
		c.t.Fatalf("body of %s: %v", resp.Status, err)
	}
	return reply{resp, string(body)}
}

// steady reads a body that may be long: each MiB has its own time.
type steady struct {
	io.Reader

	c    net.Conn
	read int // since the time was renewed
}

func (s *steady) Read(p []byte) (n int, err error) {
	n, err = s.Reader.Read(p)
	if s.read += n; s.read >= 1<<20 {
		s.read = 0
		renew(s.c)
	}
	return n, err
}

func (c *client) get(path string) reply {
	c.t.Helper()
	c.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n")
	return c.receive("GET")
}

// backend is an HTTP server of the standard library.
func backend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// echo answers with the request's body while it still comes.
func echo(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.Copy(w, r.Body)
}

func TestForwardsKeepAliveAndPipelinedRequestsInOrder(t *testing.T) {
	r := start(t, plain, backend(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.WriteString(w, q.URL.Path)
	}))
	c := r.dial()
	for _, path := range []string{"/a", "/b"} {
		if a := c.get(path); a.StatusCode != 200 || a.body != path {
			t.Fatalf("got %d %q; want 200 %q", a.StatusCode, a.body, path)
		}
	}
	var all strings.Builder
	paths := []string{"/1", "/2", "/3", "/4"}
	for _, p := range paths {
		all.WriteString("GET " + p + " HTTP/1.1\r\nHost: test\r\n\r\n")
	}
	c.send(all.String())
	for _, p := range paths {
		if a := c.receive("GET"); a.body != p {
			t.Errorf("pipelined: got %q; want %q", a.body, p)
		}
	}
}

func TestBodiesReachTheBackendWhole(t *testing.T) {
	r := start(t, plain, backend(t, echo))
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for _, tc := range []struct{ name, request, want string }{
		{"length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"chunked", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
		{"long length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\n\r\n" + big, big},
		{"long chunked", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + big + "\r\n0\r\n\r\n", big},
		{"GET with body", "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nhi", "hi"},
		{"none", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.dial()
			for range 3 { // on one connection: nothing of a body may be left over
				c.send(tc.request)
				if a := c.receive("POST"); a.StatusCode != 200 || a.body != tc.want {
					t.Fatalf("got %d and %d bytes; want 200 and %d", a.StatusCode, len(a.body), len(tc.want))
				}
			}
		})
	}
}
