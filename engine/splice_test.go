package engine

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// large is content that the pool takes through a pipe.
const large = 8 << 20

// sized answers GET /N with N bytes of content, and counts connections.
func sized(t *testing.T, content []byte, connections *atomic.Int64) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		connections.Add(1)
		for q := readHead(in); q != nil; q = readHead(in) {
			n, err := strconv.Atoi(q.URL.Path[1:])
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n)
			if _, err := c.Write(content[:n]); err != nil {
				return
			}
		}
	})
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// sumOf reads a response and returns the hash of its content.
func (c *client) sumOf() [sha256.Size]byte {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, &steady{resp.Body, c.Conn, 0}); err != nil {
		c.t.Fatal(err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// largePipes counts the pipes of this process that have the pool's size.
func largePipes(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range fds {
		fd, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if room, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && room == 1<<20 {
			n++
		}
	}
	return n / 2
}

func TestLargeAnswersArriveWholeOnOneConnection(t *testing.T) {
	content := noise(64 << 20)
	var connections atomic.Int64
	r := start(t, plain, sized(t, content, &connections))
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0\r\nConnection: keep-alive"} {
		c := r.dial()
		for _, n := range []int{0, 1, 32 << 10, 512 << 10, 544<<10 - 1, 544<<10 + 1, 1 << 20, 3 << 20, 5<<20 + 12345, large, 64 << 20, 2} {
			c.send(fmt.Sprintf("GET /%d %s\r\nHost: t\r\n\r\n", n, version))
			if got := c.sumOf(); got != sha256.Sum256(content[:n]) {
				t.Errorf("%.8s: %d bytes arrived changed", version, n)
			}
		}
	}
	if n := connections.Load(); n > 2 {
		t.Errorf("the backend saw %d connections; want one for each of two shards, used again after each answer", n)
	}
	if os.Geteuid() == 0 && largePipes(t) == 0 {
		t.Error("no content went through a pipe")
	}
}

// The client begins to read when everybody else has stopped: the exchange has
// gone from the loop to a goroutine with a pipe that is partly written.
func TestSlowClientOfALargeAnswer(t *testing.T) {
	t.Parallel()
	content := noise(128 << 20)
	var sent atomic.Int64
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		for readHead(in) != nil {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(content))
			for rest := content; len(rest) > 0; {
				n, err := c.Write(rest[:min(len(rest), 64<<10)])
				if err != nil {
					return
				}
				sent.Add(int64(n))
				rest = rest[n:]
			}
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	last := heldBack(t, &sent)
	if last > 80<<20 {
		t.Errorf("the backend sent %d bytes to a client that reads nothing; want it held back", last)
	}
	if got := c.sumOf(); got != sha256.Sum256(content) {
		t.Error("the content arrived changed")
	}
}

func TestLargeAnswerThatEndsEarly(t *testing.T) {
	r := start(t, plain, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if readHead(in) != nil {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", large)
			_, _ = c.Write(make([]byte, large/2))
		}
	}))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != large/2 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %d bytes, %v; want %d and an end that is too early", n, err, large/2)
	}
	eventually(t, func() string { return "the backend is blamed" }, func() bool { return r.failures() == 1 })
}

// What clients that leave have not taken is closed with its pipe: the next one
// gets its own content, and nothing stays open but empty pipes.
func TestClientsThatLeaveALargeAnswer(t *testing.T) {
	content := noise(large)
	var connections atomic.Int64
	descriptors := func() int {
		_, n := usage(t)
		return n - 2*largePipes(t)
	}
	before := descriptors()
	t.Cleanup(func() { // after everything else has ended
		eventually(t, func() string {
			return fmt.Sprintf("%d descriptors beside pipes, as before; there are %d", before, descriptors())
		},
			func() bool { return descriptors() <= before })
		if n := largePipes(t); n > 64 {
			t.Errorf("%d pipes are open; want at most 64", n)
		}
	})
	r := start(t, plain, sized(t, content, &connections))
	for range 20 {
		c := r.dial()
		c.send(fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: t\r\n\r\n", large))
		if _, err := io.CopyN(io.Discard, c.r, 100_000); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	r.checkGone(t)
	if n := r.failures(); n != 0 {
		t.Errorf("the backend was blamed %d times; want 0", n)
	}
	c := r.dial()
	c.send(fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: t\r\n\r\n", large))
	if got := c.sumOf(); got != sha256.Sum256(content) {
		t.Error("the next client got something else than the content")
	}
}
