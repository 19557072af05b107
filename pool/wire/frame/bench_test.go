package frame

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/net/http2"
)

// benchFrames are the frames of a small request and of what comes around it.
func benchFrames() (raw []byte, frames int) {
	raw = AppendHeaders(nil, Header{Stream: 1}, make([]byte, 60), PayloadBytesMin)
	raw = append(AppendDataHeader(raw, 1, 100, true), make([]byte, 100)...)
	raw = AppendWindowUpdate(AppendWindowUpdate(raw, 0, 100), 1, 100)
	return AppendPing(raw, [8]byte{}), 5
}

func BenchmarkRead(b *testing.B) {
	raw, frames := benchFrames()
	b.Run("frames=5/codec=ours", func(b *testing.B) {
		var s Sequence
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			for rest := raw; len(rest) > 0; n++ {
				h, ok := Parse(rest)
				if !ok || Check(h, PayloadBytesMin) != nil || s.Next(h) != nil {
					b.Fatal("refused")
				}
				payload := rest[HeaderBytes : HeaderBytes+int(h.Length)]
				if fault := read(h, payload); fault != nil {
					b.Fatal(fault)
				}
				rest = rest[HeaderBytes+int(h.Length):]
			}
			if n != frames {
				b.Fatalf("got %d frames; want %d", n, frames)
			}
		}
	})
	b.Run("frames=5/codec=xnet", func(b *testing.B) {
		src := bytes.NewReader(raw)
		f := http2.NewFramer(io.Discard, src)
		f.SetReuseFrames()
		b.ReportAllocs()
		for b.Loop() {
			src.Reset(raw)
			for range frames {
				if _, err := f.ReadFrame(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	block := make([]byte, 60)
	b.Run("frames=3/codec=ours", func(b *testing.B) {
		dst := make([]byte, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			dst = AppendHeaders(dst[:0], Header{Stream: 1}, block, PayloadBytesMin)
			dst = AppendDataHeader(dst, 1, 0, true)
			dst = AppendWindowUpdate(dst, 0, 100)
		}
	})
	b.Run("frames=3/codec=xnet", func(b *testing.B) {
		f := http2.NewFramer(io.Discard, nil)
		b.ReportAllocs()
		for b.Loop() {
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}) != nil ||
				f.WriteData(1, true, nil) != nil || f.WriteWindowUpdate(0, 100) != nil {
				b.Fatal("refused")
			}
		}
	})
}

// read reads a payload with what fits.
func read(h Header, payload []byte) (fault *Fault) {
	switch h.Type {
	case TypeData:
		_, fault = Data(h, payload)
	case TypeHeaders:
		_, fault = Headers(h, payload)
	case TypeRSTStream:
		_, fault = RSTStream(payload)
	case TypePing:
		_, fault = Ping(payload)
	case TypeGoAway:
		_, fault = GoAway(payload)
	case TypeWindowUpdate:
		_, fault = WindowUpdate(h, payload)
	case TypeSettings:
		for fault == nil && len(payload) > 0 {
			_, payload, fault = NextSetting(payload, FromServer)
		}
	default:
	}
	return fault
}
