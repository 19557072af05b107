//go:build !race

package load

import (
	"bufio"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// plainServer answers every read with the same bytes and allocates nothing.
func plainServer(answer []byte) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, _ *bufio.Reader) {
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}
}

// drive opens a worker's connections and returns a function that goes on until n
// more answers have come.
func drive(tb testing.TB, p Plan) func(n uint64) {
	tb.Helper()
	p.Threads = 1
	target, err := resolve(p)
	if err != nil {
		tb.Fatal(err)
	}
	var stop atomic.Bool
	w, err := newWorker(target, 0, &stop, &atomic.Int64{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.close)
	w.open(time.Now())
	return func(n uint64) {
		for until := w.record.answers + n; w.record.answers < until; {
			now := w.now()
			w.meter.start(now, 0)
			w.timeOut(now)
			w.dispatch(now)
			w.turn(now)
			w.record.publish()
		}
	}
}

func TestRequestAllocs(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		rate         float64
	}{
		{"fixed", okAnswer, 0},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 0},
		{"open loop", okAnswer, 100000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url := raw(t, plainServer([]byte(tc.answer)))
			until := drive(t, Plan{URL: url, Connections: 4, Duration: time.Hour, Rate: tc.rate})
			until(200)
			if n := testing.AllocsPerRun(10, func() { until(100) }); n != 0 {
				t.Errorf("got %v allocations for 100 requests; want 0", n)
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	url := raw(b, plainServer([]byte(okAnswer)))
	until := drive(b, Plan{URL: url, Connections: 64, Duration: time.Hour})
	until(100)
	b.ReportAllocs()
	for b.Loop() {
		until(1)
	}
}
