package codec

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// everyCoding runs f for each coding at each level.
func everyCoding(t *testing.T, f func(t *testing.T, c Coding, l Level)) {
	t.Helper()
	for c := Gzip; int(c) < codings; c++ {
		for l := range Level(levels) {
			t.Run(fmt.Sprintf("%s/%s", c, l), func(t *testing.T) { f(t, c, l) })
		}
	}
}

// decoder reads a coding by the libraries' own decoder, gzip by that of Go.
func decoder(t testing.TB, c Coding, r io.Reader) io.Reader {
	t.Helper()
	switch c {
	case Gzip:
		d, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return d
	case Brotli:
		return brotli.NewReader(r)
	case Zstd:
		// What a browser bears at most (RFC 9659 section 3).
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	case Identity:
	}
	t.Fatalf("no decoder for %s", c)
	return nil
}

// encode compresses content in pieces of this size and flushes behind each
// flushEvery-th piece; 0 never. It releases the stream.
func encode(s *Stream, content []byte, piece, flushEvery int) (out []byte) {
	defer s.Release()
	for n := 1; len(content) > 0; n++ {
		size := min(piece, len(content))
		out = s.Append(out, content[:size], flushEvery > 0 && n%flushEvery == 0, false)
		content = content[size:]
	}
	return s.Append(out, nil, false, true)
}

func TestContentComesBack(t *testing.T) {
	contents := map[string][]byte{
		"empty": nil, "byte": []byte("x"), "json": document(t, 150<<10, 1), "noise": noise(140 << 10), "zeros": make([]byte, 300<<10),
	}
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		for name, content := range contents {
			for _, cut := range []struct{ piece, flushEvery int }{{1 << 30, 0}, {16 << 10, 0}, {4000, 3}, {1 << 17, 1}} {
				out := encode(Open(c, l, false), content, cut.piece, cut.flushEvery)
				back, err := io.ReadAll(decoder(t, c, bytes.NewReader(out)))
				if err != nil || !bytes.Equal(back, content) {
					t.Errorf("%s in pieces of %d: got %d bytes, %v; want the %d that went in", name, cut.piece, len(back), err, len(content))
				}
			}
		}
	})
}

// TestProgramsOfOthersDecode gives streams, flushed and not, to the reference decoders.
func TestProgramsOfOthersDecode(t *testing.T) {
	content := document(t, 150<<10, 2)
	programs := map[Coding]string{Gzip: "gzip", Brotli: "brotli", Zstd: "zstd"}
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		for _, cut := range []struct{ piece, flushEvery int }{{1 << 30, 0}, {5000, 4}} {
			for _, content := range [][]byte{nil, content} {
				out := encode(Open(c, l, false), content, cut.piece, cut.flushEvery)
				if back := pipe(t, out, programs[c], "-d", "-c"); !bytes.Equal(back, content) {
					t.Errorf("got %d bytes; want the %d that went in", len(back), len(content))
				}
			}
		}
	})
}

// TestEventPasses: behind a flush, asked for or by each piece, the client has every byte
// that was taken, without the end of the stream.
func TestEventPasses(t *testing.T) {
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		for _, each := range []bool{false, true} {
			s := Open(c, l, each)
			t.Cleanup(s.Release)
			r, w := io.Pipe()
			t.Cleanup(func() { _ = r.Close() })
			var client io.Reader
			for i := range 50 {
				event := fmt.Appendf(nil, "id: %d\ndata: %s\n\n", i, words[i%len(words)])
				out := s.Append(nil, event, !each, false)
				sent := make(chan error, 1)
				go func() { _, err := w.Write(out); sent <- err }()
				if client == nil {
					client = decoder(t, c, r)
				}
				got := make([]byte, len(event))
				if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, event) {
					t.Fatalf("event %d: got %q, %v; want %q", i, got, err, event)
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestFlushOfNothingIsNothing(t *testing.T) {
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		s := Open(c, l, true)
		defer s.Release()
		if out := s.Append(nil, nil, true, false); len(out) > 0 {
			t.Errorf("before content: got %d bytes; want none", len(out))
		}
		if out := s.Append(nil, []byte("content"), true, false); len(out) == 0 {
			t.Fatal("got no bytes; want those of the content")
		}
		if out := s.Append(nil, nil, true, false); len(out) > 0 {
			t.Errorf("second time: got %d bytes; want none", len(out))
		}
	})
}

// TestLittleIsHeldBack: without a flush of the caller's, all content but HeldBytesMax is
// on its way.
func TestLittleIsHeldBack(t *testing.T) {
	content := document(t, 500<<10, 3)
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		s := Open(c, l, false)
		defer s.Release()
		var out []byte
		for at := 0; at < len(content); at += 10_000 {
			out = s.Append(out, content[at:min(at+10_000, len(content))], false, false)
		}
		back, _ := io.ReadAll(decoder(t, c, bytes.NewReader(out))) // the end of the coding is missing
		if held := len(content) - len(back); held >= HeldBytesMax || !bytes.HasPrefix(content, back) {
			t.Errorf("got %d bytes held back; want less than %d", held, HeldBytesMax)
		}
	})
}

// TestStreamsAreIndependent: what one content was, or how it ended, does not show in the
// next one of the same memory.
func TestStreamsAreIndependent(t *testing.T) {
	content := document(t, 40<<10, 4)
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		want := encode(fresh(c, l, nil), content, 7000, 2)
		used := newWriter(c, l)
		fresh(c, l, used).Append(nil, noise(100_000), false, false) // and left
		encode(fresh(c, l, used), document(t, 140<<10, 5), 9000, 2)
		if got := encode(fresh(c, l, used), content, 7000, 2); !bytes.Equal(got, want) {
			t.Errorf("got %d bytes that differ; want the %d a new stream makes", len(got), len(want))
		}
	})
}

// fresh is an open stream that no pool has had, with this encoder, or nil for a new one.
func fresh(c Coding, l Level, w writer) *Stream {
	if w == nil {
		w = newWriter(c, l)
	}
	s := &Stream{w: w, coding: c, level: l}
	s.begin(false)
	return s
}

func TestDestinationIsAppendedTo(t *testing.T) {
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		content := document(t, 3000, 6)
		out := appendWhole([]byte("head"), content, c, l)
		if !bytes.HasPrefix(out, []byte("head")) {
			t.Fatalf("got %q; want what was there first", out[:min(8, len(out))])
		}
		back, err := io.ReadAll(decoder(t, c, bytes.NewReader(out[len("head"):])))
		if err != nil || !bytes.Equal(back, content) {
			t.Errorf("got %d bytes, %v; want the %d that went in", len(back), err, len(content))
		}
	})
}

// TestZstdWindow reads the window each kind of frame announces (RFC 8878 section 3.1.1).
func TestZstdWindow(t *testing.T) {
	for l := range Level(levels) {
		for _, size := range []int{1000, 100_000, 1 << 20} {
			for _, piece := range []int{1 << 30, 16 << 10} {
				frame := encode(Open(Zstd, l, false), document(t, size, 8), piece, 1)
				if got := window(frame); got > zstdWindowBytes || got == 0 {
					t.Errorf("%s, %d bytes in pieces of %d: got a window of %d bytes; want at most %d", l, size, piece, got, zstdWindowBytes)
				}
			}
		}
	}
}

// window is the window of a zstd frame, that of a single segment being its content.
func window(frame []byte) uint64 {
	descriptor, rest := frame[4], frame[5:]
	if descriptor&0x20 == 0 {
		base := uint64(1) << (10 + rest[0]>>3)
		return base + base/8*uint64(rest[0]&7)
	}
	switch descriptor >> 6 {
	case 0:
		return uint64(rest[0])
	case 1:
		return uint64(binary.LittleEndian.Uint16(rest)) + 256
	case 2:
		return uint64(binary.LittleEndian.Uint32(rest))
	default:
		return binary.LittleEndian.Uint64(rest)
	}
}

func TestMisuseIsABug(t *testing.T) {
	for name, misuse := range map[string]func(s *Stream){
		"identity":          func(*Stream) { Open(Identity, Default, false) },
		"released twice":    func(s *Stream) { s.Release(); s.Release() },
		"ended twice":       func(s *Stream) { s.Append(s.Append(nil, nil, false, true), nil, false, true) },
		"a failing encoder": func(s *Stream) { s.w = failing{s.w}; s.Append(nil, []byte("x"), false, false) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic; want one")
				}
			}()
			misuse(fresh(Gzip, Default, nil))
		})
	}
}

// failing is an encoder that takes nothing.
type failing struct{ writer }

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestBrokenStreamIsNotUsedAgain: one whose encoder has panicked is released, and gone.
func TestBrokenStreamIsNotUsedAgain(t *testing.T) {
	s := fresh(Gzip, Best, nil)
	s.w = failing{s.w}
	func() {
		defer func() { _ = recover() }()
		s.Append(nil, []byte("x"), false, false)
	}()
	s.Release()
	for range 10 {
		if next := Open(Gzip, Best, false); next == s {
			t.Fatal("got the broken stream again")
		}
	}
}

// FuzzStream cuts contents at random and decodes them.
func FuzzStream(f *testing.F) {
	f.Add([]byte("hello hello hello"), uint64(1))
	f.Add(document(f, 5000, 9), uint64(2))
	f.Add(noise(3000), uint64(3))
	f.Fuzz(func(t *testing.T, content []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		c, l := Coding(1+r.IntN(codings-1)), Level(r.IntN(levels))
		out := encode(Open(c, l, false), content, 1+r.IntN(len(content)+1), r.IntN(4))
		back, err := io.ReadAll(decoder(t, c, bytes.NewReader(out)))
		if err != nil || !bytes.Equal(back, content) {
			t.Errorf("%s/%s: got %d bytes, %v; want the %d that went in", c, l, len(back), err, len(content))
		}
	})
}
