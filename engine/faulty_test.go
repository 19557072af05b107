package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/rig/leak"
)

// Times of faultyText, as bounds of the table: an exchange that has to wait for
// one of them takes at least it and at most faultLate more.
const (
	faultConnect = 150 * time.Millisecond
	faultRead    = 200 * time.Millisecond
	faultClient  = 300 * time.Millisecond
	faultLate    = 3 * time.Second // two cores, the race detector, and company
)

const faultyText = `
listeners: {web: {address: "127.0.0.1:0", timeouts: {header: 300ms, body: 300ms, idle: 300ms, write: 300ms}}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}], connections: {idle: 50ms}, timeouts: {connect: 150ms, read: 200ms, write: 200ms}}}
shutdown: {drain: 5s}
`

// faulty is a backend's behaviour on one connection, from its first byte on.
type faulty func(c *net.TCPConn, in *bufio.Reader)

// backend runs f on every connection, until the test ends.
func (f faulty) backend(t *testing.T) string {
	t.Helper()
	return scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if tcp, isTCP := c.(*net.TCPConn); isTCP {
			f(tcp, in)
		}
	})
}

// onSecond serves the first request that comes, and is faulty from the second
// one on its connection, and on any other connection at once.
func (f faulty) onSecond() faulty {
	var served atomic.Bool
	return func(c *net.TCPConn, in *bufio.Reader) {
		if served.CompareAndSwap(false, true) {
			if readHead(in) == nil {
				return
			}
			_, _ = io.WriteString(c, ok)
			if _, err := in.Peek(1); err != nil {
				return
			}
		}
		f(c, in)
	}
}

// breakOff is reset for a connection of which only the interface is at hand.
func breakOff(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		reset(tcp)
	}
}

// reset ends a connection as a crashed process does.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// says reads the head of a request and says text; what follows comes next.
func says(text string, next func(*net.TCPConn, *bufio.Reader)) faulty {
	return func(c *net.TCPConn, in *bufio.Reader) {
		if readHead(in) == nil {
			return
		}
		_, _ = io.WriteString(c, text)
		next(c, in)
	}
}

func closes(*net.TCPConn, *bufio.Reader)        {}
func resets(c *net.TCPConn, _ *bufio.Reader)    { reset(c) }
func stalls(_ *net.TCPConn, in *bufio.Reader)   { _, _ = io.Copy(io.Discard, in) }
func shutsDown(c *net.TCPConn, _ *bufio.Reader) { _ = c.CloseWrite() }

// endlessly repeats text until nobody takes it.
func endlessly(text string) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, _ *bufio.Reader) {
		for piece := []byte(strings.Repeat(text, 1+4096/len(text))); ; {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
}

// drips says the pieces one by one, each time well within the read timeout, and
// all of it well beyond.
func drips(pieces ...string) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, in *bufio.Reader) {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for _, piece := range pieces {
			if _, err := io.WriteString(c, piece); err != nil {
				return
			}
			<-tick.C
		}
		stalls(c, in)
	}
}

// blackHole is an address that takes no connection and refuses none: its queue
// is full and nobody accepts.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, address := bound(t)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 16 {
		c, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this kernel queues connections without bound")
	return ""
}

// usage is what the process holds: goroutines and descriptors. Sweepers of
// fasthttp are not counted: they sleep for seconds, then end by themselves.
func usage(t *testing.T) (goroutines, descriptors int) {
	t.Helper()
	buf := make([]byte, 4<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !leak.IsSweeper(g) {
			goroutines++
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return goroutines, len(fds)
}

// checkUsage finds, after everything else of the test was cleaned up, that the
// process holds no more than now.
func checkUsage(t *testing.T) {
	t.Helper()
	goroutines, descriptors := usage(t)
	t.Cleanup(func() {
		g, d := 0, 0
		eventually(t, func() string {
			return fmt.Sprintf("%d goroutines and %d descriptors, as before; there are %d and %d", goroutines, descriptors, g, d)
		}, func() bool {
			g, d = usage(t)
			return g <= goroutines && d <= descriptors
		})
	})
}

// counters are the metrics that count exchanges, without their labels but code
// and reason.
func (r *rig) counters(t *testing.T) []string {
	t.Helper()
	var text bytes.Buffer
	r.engine.registry.WriteMetrics(&text, "")
	line := regexp.MustCompile(`(?m)^isame_(requests|backend_requests|retries)_total\{.*(?:code|reason)="([^"]+)"\} ([1-9][0-9]*)$`)
	var all []string
	for _, m := range line.FindAllStringSubmatch(text.String(), -1) {
		all = append(all, m[1]+" "+m[2]+" "+m[3])
	}
	slices.Sort(all)
	return all
}

// outcome sends a request and says in one line what came of it: the summary of
// the answer, "broken" behind it when it was not whole.
func (c *client) outcome(t *testing.T, request string) string {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "nothing"
	}
	body, err := io.ReadAll(resp.Body)
	if cause := resp.Header.Get("X-Isame-Error"); cause != "" {
		return fmt.Sprintf("%d %s", resp.StatusCode, cause)
	}
	if err != nil {
		return fmt.Sprintf("%d broken", resp.StatusCode)
	}
	return fmt.Sprintf("%d %.20s", resp.StatusCode, body)
}
