package sink

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// logLine writes an access line of the usual length.
func logLine(l *zerolog.Logger) {
	l.Log().Str("client", "192.0.2.17").Str("peer", "10.0.0.1").Bytes("request_id", []byte("0123456789abcdef0123456789abcdef")).
		Bytes("method", []byte("GET")).Bytes("host", []byte("www.example.org")).Bytes("target", []byte("/path/to/something?query=1")).
		Int("status", 200).Dur("took_ms", 1234567).Dur("backend_ms", 1134567).Int64("bytes_in", 456).Int64("bytes_out", 7890).
		Str("listener", "web").Str("protocol", "HTTP/1.1").Str("route", "all").Str("pool", "api").Str("backend", "10.0.0.2:8080").Int("attempts", 1).Send()
}

// BenchmarkAccessLine is the CPU time of the process for a line, whoever reads it,
// at a pace that a busy shard has: lines come in bursts of one turn of its loop.
func BenchmarkAccessLine(b *testing.B) {
	for _, way := range []string{"discard", "direct", "sink"} {
		b.Run("to="+way, func(b *testing.B) {
			cat := exec.Command("cat")
			in, err := cat.StdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			cat.Stdout, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err := cat.Start(); err != nil {
				b.Fatal(err)
			}
			defer func() {
				_ = in.Close()
				_ = cat.Wait()
			}()
			fd, _ := in.(*os.File)
			var out io.Writer = fd
			var s *Sink
			switch way {
			case "discard":
				out = io.Discard
			case "sink":
				s = New(fd, 1)
				out = s.Access(0)
			}
			log := zerolog.New(out).With().Timestamp().Str("level", "info").Str("log", "access").Logger()
			b.ReportAllocs()
			began := processTime()
			for b.Loop() {
				logLine(&log)
			}
			if s != nil {
				s.Close(time.Second)
				if _, dropped := s.Dropped(); dropped > 0 {
					b.ReportMetric(float64(dropped)/float64(b.N), "dropped/op")
				}
			}
			b.ReportMetric(float64(processTime()-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkFileLine is the CPU time of the process for a line of the usual length that is
// made already, from a lane into a file that grows: run it with -benchtime of some 100000x.
func BenchmarkFileLine(b *testing.B) {
	log := zerolog.Nop()
	s, err := OpenFile(filepath.Join(b.TempDir(), "access.log"), 1, Rotation{}, &log)
	if err != nil {
		b.Fatal(err)
	}
	line := append(bytes.Repeat([]byte{'x'}, 420), '\n')
	lane := s.Access(0)
	b.ReportAllocs()
	turn := time.NewTicker(5 * time.Millisecond)
	defer turn.Stop()
	began := processTime()
	for n := 1; b.Loop(); n++ {
		if _, _ = lane.Write(line); n%250 == 0 { // 50,000 a second
			<-turn.C
		}
	}
	s.Close(time.Second)
	b.ReportMetric(float64(processTime()-began)/float64(b.N), "cpu-ns/op")
	_, dropped := s.Dropped()
	b.ReportMetric(float64(dropped)/float64(b.N), "dropped/op")
}

// processTime is the CPU time of the process.
func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
