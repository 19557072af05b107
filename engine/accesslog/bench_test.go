package accesslog

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// BenchmarkLine makes a line of the usual fields; by=zerolog is the same with the library.
func BenchmarkLine(b *testing.B) {
	e := usualEntry(b)
	dst := make([]byte, 0, 4<<10)
	for _, format := range []string{"json", "logfmt", "combined"} {
		p := program(format, redactedByDefault)
		b.Run("by=program/format="+format, func(b *testing.B) {
			timed(b, func() { dst = p.Append(dst[:0], e) })
		})
	}
	log := zerolog.New(io.Discard).With().Timestamp().Str("level", "info").Str("log", "access").Logger()
	b.Run("by=zerolog/format=json", func(b *testing.B) {
		timed(b, func() {
			dst = e.Client.AppendTo(dst[:0])
			log.Log().Bytes("client", dst).Str("peer", e.Peer).Bytes("request_id", e.ID).Bytes("method", e.Head.Method).
				Bytes("host", e.Head.Host).Bytes("target", e.Head.Target).Int("status", e.Status).Dur("took_ms", time.Duration(e.TookNanos)).
				Dur("backend_ms", time.Duration(e.BackendNanos)).Int64("bytes_in", e.BytesIn).Int64("bytes_out", e.BytesOut).
				Str("listener", e.Listener).Str("protocol", e.Protocol).Str("route", e.Route).Str("pool", e.Pool).Str("backend", e.Backend).
				Int("attempts", e.Attempts).Str("no_retry", e.NoRetry).Str("cause", e.End.Word()).Send()
		})
	})
}

// timed runs f, and reports the CPU time of the process too, which other programs on the
// machine disturb less.
func timed(b *testing.B, f func()) {
	b.Helper()
	b.ReportAllocs()
	began := processTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(processTime()-began)/float64(b.N), "cpu-ns/op")
}

func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
