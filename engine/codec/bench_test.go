package codec

import (
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"testing"
)

// BenchmarkAppend compresses 16 KiB of JSON in one call; lib=std is gzip of the standard
// library, for comparison.
func BenchmarkAppend(b *testing.B) {
	content := document(b, 16<<10, 50)
	for c := Gzip; int(c) < codings; c++ {
		for l := range Level(levels) {
			b.Run(fmt.Sprintf("coding=%s/level=%s", c, l), func(b *testing.B) {
				out := make([]byte, 0, 32<<10)
				b.SetBytes(int64(len(content)))
				b.ReportAllocs()
				for b.Loop() {
					out = appendWhole(out[:0], content, c, l)
				}
				b.ReportMetric(float64(len(out)), "bytes")
			})
		}
	}
	b.Run("coding=gzip/level=5/lib=std", func(b *testing.B) {
		w, err := stdgzip.NewWriterLevel(io.Discard, 5)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for b.Loop() {
			w.Reset(io.Discard)
			_, _ = w.Write(content)
			_ = w.Close()
		}
	})
}

// BenchmarkEvent passes an event of 200 bytes through an open stream.
func BenchmarkEvent(b *testing.B) {
	content := document(b, 1<<20, 51)
	for c := Gzip; int(c) < codings; c++ {
		b.Run("coding="+c.String(), func(b *testing.B) {
			s := Open(c, Default, false)
			defer s.Release()
			out := make([]byte, 0, 64<<10)
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				out = s.Append(out[:0], content[at:at+200], true, false)
				at = (at + 200) % (len(content) - 200)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	p := policy(b, nil)
	q := request(b, "GET", "Accept: */*\r\nUser-Agent: x\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n")
	a := answerOf(response(b, 200, jsonType+"Server: x\r\nDate: y\r\nCache-Control: private\r\nVary: Origin\r\n"))
	b.Run("step=offer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Offer(q)
		}
	})
	b.Run("step=decide", func(b *testing.B) {
		b.ReportAllocs()
		o := p.Offer(q)
		for b.Loop() {
			p.Decide(o, a)
		}
	})
}
