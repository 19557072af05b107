package e2e

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawClient is one client connection that sends exactly the bytes it is told.
type rawClient struct {
	t      *testing.T
	conn   net.Conn
	reader *bufio.Reader
}

// dial opens a raw connection to an address.
func dial(t *testing.T, address string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("cannot connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatalf("cannot set a deadline: %v", err)
	}
	return &rawClient{t: t, conn: conn, reader: bufio.NewReader(conn)}
}

// send writes bytes. An error is not one of the test: the proxy may already
// have refused what came before.
func (c *rawClient) send(text string) *rawClient {
	_, _ = io.WriteString(c.conn, text)
	return c
}

// response reads one response to a request with the given method.
func (c *rawClient) response(method string) answer {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("cannot read a response: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatalf("cannot read the body of a response: %v", err)
	}
	return answer{response.StatusCode, response.Header, response.Trailer, body, response.Close}
}

// wantClosed fails unless the proxy closes the connection without a further byte.
func (c *rawClient) wantClosed() {
	c.t.Helper()
	rest, err := io.ReadAll(c.reader)
	if len(rest) > 0 {
		c.t.Errorf("got %q; want the end of the connection", rest)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("the connection is still open; want it closed")
	}
}

// all reads until the connection ends and returns every byte.
func (c *rawClient) all() string {
	rest, _ := io.ReadAll(c.reader)
	return string(rest)
}

// rawBackend answers with bytes and keeps every byte it was sent.
type rawBackend struct {
	address string

	mu struct {
		sync.Mutex
		seen strings.Builder
	}
}

// reply is what a raw backend does with a connection, after the bytes up to and
// with the first empty line have arrived. Returning closes it.
type reply func(conn net.Conn, head string)

// newRawBackend starts a raw backend. Each connection is answered for every
// request head that arrives, until the reply closes it.
func newRawBackend(t *testing.T, answerWith reply) *rawBackend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	b := &rawBackend{address: listener.Addr().String()}
	var running sync.WaitGroup
	var open connSet
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.add(conn)
			running.Go(func() {
				defer func() { _ = conn.Close() }()
				b.serve(conn, answerWith)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		for _, conn := range open.all() {
			_ = conn.Close()
		}
		running.Wait()
	})
	return b
}

// connSet keeps connections to be closed at the end.
type connSet struct {
	mu struct {
		sync.Mutex
		conns []net.Conn
	}
}

func (s *connSet) add(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.conns = append(s.mu.conns, conn)
}

func (s *connSet) all() []net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.conns)
}

// serve reads heads and answers them.
func (b *rawBackend) serve(conn net.Conn, answerWith reply) {
	reader := bufio.NewReader(io.TeeReader(conn, (*rawRecorder)(b)))
	for {
		var head strings.Builder
		for {
			line, err := reader.ReadString('\n')
			head.WriteString(line)
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		tracked := &trackedConn{Conn: conn, reader: reader}
		answerWith(tracked, head.String())
		if tracked.closed {
			return
		}
	}
}

// trackedConn reads through the recording reader and remembers that it was closed.
type trackedConn struct {
	net.Conn

	reader *bufio.Reader
	closed bool
}

func (c *trackedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

func (c *trackedConn) Close() error {
	c.closed = true
	return c.Conn.Close()
}

// rawRecorder is a rawBackend as the place to which everything is copied.
type rawRecorder rawBackend

func (r *rawRecorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.seen.Write(p)
}

// seen returns every byte the backend was sent, over all connections.
func (b *rawBackend) seen() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.seen.String()
}

// always answers every request with the same bytes.
func always(text string) reply {
	return func(conn net.Conn, _ string) { _, _ = io.WriteString(conn, text) }
}

// once answers with the bytes and closes.
func once(text string) reply {
	return func(conn net.Conn, _ string) {
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// okResponse is a small complete response.
const okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
