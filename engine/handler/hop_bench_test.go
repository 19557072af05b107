package handler

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// errEnd ends fasthttp's accept loop without a line in a log.
var errEnd = errors.New("use of closed network connection")

// job is what is handed to a worker of fasthttp: a connection that is none.
type job struct {
	peer

	run func()
}

func (j *job) Handshake() error { return nil }

func (j *job) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: "job"}
}

func (j *job) Close() error { return nil }

// jobs is a listener that accepts them.
type jobs chan *job

func (j jobs) Accept() (net.Conn, error) {
	if next, ok := <-j; ok {
		return next, nil
	}
	return nil, errEnd
}

func (j jobs) Close() error   { return nil }
func (j jobs) Addr() net.Addr { return &net.TCPAddr{} }

// cpuNanos is the time that the process has spent.
func cpuNanos(tb testing.TB) int64 {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// deep uses n times a kilobyte of stack, as handlers and what they call do.
//
//go:noinline
func deep(n int) byte {
	var room [1024]byte
	if n > 0 {
		room[n] = deep(n - 1)
	}
	return room[n]
}

// BenchmarkHop hands short work from one goroutine, as an event loop is, to another one: to
// a worker of fasthttp.Server, through a listener in memory, or to a goroutine of its own.
func BenchmarkHop(b *testing.B) {
	var done sync.WaitGroup
	work := func() {
		deep(6)
		for began := time.Now(); time.Since(began) < 2*time.Microsecond; { //nolint:revive // work
		}
		done.Done()
	}
	queue := make(jobs, 1024)
	s := &fasthttp.Server{Concurrency: 1 << 20, Handler: func(*fasthttp.RequestCtx) {}}
	s.NextProto("job", func(c net.Conn) error { c.(*job).run(); return nil }) //nolint:errcheck // a panic fails the benchmark
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(queue) }()
	defer func() { close(queue); <-ended }()
	j, f := &job{run: work}, safely.New("hop", work, nil)
	for _, to := range []struct {
		name string
		hand func()
	}{{"none", work}, {"goroutine", f.Go}, {"worker", func() { queue <- j }}} {
		for _, batch := range []int{1, 64} {
			b.Run("to="+to.name+"/batch="+map[int]string{1: "1", 64: "64"}[batch], func(b *testing.B) {
				b.ReportAllocs()
				began := cpuNanos(b)
				for i := 0; i < b.N; i += batch {
					done.Add(batch)
					for range batch {
						to.hand()
					}
					done.Wait()
				}
				b.ReportMetric(float64(cpuNanos(b)-began)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
