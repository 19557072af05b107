package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A body that drips below the minimum rate is given up although no single gap is
// too long; one above it takes as long as it takes.
func TestMinimumRateOfBodies(t *testing.T) {
	r := start(t, impatient("timeouts: {body: 300ms}, limits: {min_rate: 200B}"), backend(t, echo))
	for _, tc := range []struct {
		name   string
		piece  int
		reused bool
		want   int
	}{
		{"below", 4, false, http.StatusRequestTimeout},
		{"below, in the loop", 4, true, http.StatusRequestTimeout},
		{"above", 50, false, http.StatusOK},
		{"above, in the loop", 50, true, http.StatusOK},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.dial()
			if tc.reused {
				c.get("/")
			}
			c.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n")
			var wg sync.WaitGroup
			wg.Go(func() {
				tick := time.NewTicker(30 * time.Millisecond)
				defer tick.Stop()
				for left := 1000; left > 0; left -= tc.piece {
					if _, err := io.WriteString(c, strings.Repeat("x", min(tc.piece, left))); err != nil {
						return
					}
					<-tick.C
				}
			})
			if a := c.receive("PUT"); a.StatusCode != tc.want {
				t.Errorf("got %d; want %d", a.StatusCode, tc.want)
			}
			_ = c.Close()
			wg.Wait()
		})
	}
}

// A client that reads slowly but steadily is not cut by the write timeout, holds
// its backend back, and costs a buffer, not the answer.
func TestSlowReaderKeepsItsAnswer(t *testing.T) {
	const size = 48 << 20
	r := start(t, impatient("timeouts: {write: 200ms}"), scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if readHead(in) == nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50331648\r\n\r\n")
		for piece, sent := make([]byte, 64<<10), 0; sent < size; sent += len(piece) {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}))
	c := r.dial()
	var before, during runtime.MemStats
	runtime.ReadMemStats(&before)
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	got, buf := 0, make([]byte, 1<<20)
	for got < size {
		<-tick.C
		n, err := io.ReadFull(resp.Body, buf)
		if got += n; err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		if got == size/2 {
			runtime.ReadMemStats(&during)
		}
	}
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 3<<20 {
		t.Errorf("the heap grew by %d bytes in the middle of the answer; want less than this test's own buffer and ours", grown)
	}
}
