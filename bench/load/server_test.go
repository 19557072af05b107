package load

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain fails when a test leaves goroutines of this package behind.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	deadline := time.NewTimer(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	for code == 0 {
		left := leaked()
		if left == "" {
			break
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			_, _ = os.Stderr.WriteString("left behind:\n" + left + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// leaked is the stack of a goroutine of this package other than the caller's.
func leaked() string {
	buf := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")[1:] {
		if strings.Contains(stack, "isame-lb/bench/load.") {
			return stack
		}
	}
	return ""
}

// raw serves each connection by a function that reads and writes bytes; n counts
// the connections from 0. It ends when the test does.
func raw(tb testing.TB, serve func(n int, c net.Conn, r *bufio.Reader)) (url string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	rawOn(tb, l, serve)
	return "http://" + l.Addr().String() + "/"
}

// rawUnix is raw on a unix socket.
func rawUnix(tb testing.TB, serve func(n int, c net.Conn, r *bufio.Reader)) (path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		tb.Fatal(err)
	}
	rawOn(tb, l, serve)
	return path
}

func rawOn(tb testing.TB, l net.Listener, serve func(n int, c net.Conn, r *bufio.Reader)) {
	tb.Helper()
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			running.Go(func() {
				defer c.Close()
				serve(n, c, bufio.NewReader(c))
			})
		}
	})
	tb.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// request reads one request with its body.
func request(r *bufio.Reader) (*http.Request, string, error) {
	q, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(q.Body)
	return q, string(b), err
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// answering answers every request with the same bytes.
func answering(text string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, r *bufio.Reader) {
		for {
			if _, _, err := request(r); err != nil {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// once reads a request, answers with some bytes and closes.
func once(text string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			cork(c)
			_, _ = io.WriteString(c, text)
		}
	}
}

// cork makes the end of a connection go out with what was written before it, so that no
// client finds the one without the other.
func cork(c net.Conn) {
	tc, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
	}
}

// reset ends a connection with RST instead of FIN.
func reset(c net.Conn) {
	if tc, ok := c.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Close()
}

// closedAddress is a loopback address on which nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }
