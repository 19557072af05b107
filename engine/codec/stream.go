package codec

import (
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// HeldBytesMax is how many bytes of content a stream may hold back, to compress them
// together with what follows. Then it flushes itself. It costs 0.1 % of the size (gzip)
// to 0.3 % (brotli) of 4 MiB of JSON, and keeps brotli, which would otherwise gather up
// to its window, from holding 1 MiB more.
const HeldBytesMax = 128 << 10

// Stream compresses one content, piece by piece. It is made by Open and must be closed,
// which hands its memory to the next one. It is not safe for concurrent use, but need not
// stay with one goroutine. README.md states the memory an open stream takes.
type Stream struct {
	out    sink
	w      writer
	coding Coding
	level  Level
	held   int // bytes taken since the last flush
	open   bool
	ended  bool // by Finish
	failed bool // the writer is not used again
}

// writer is what the libraries' encoders have in common.
type writer interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// sink appends what an encoder writes to the slice of the call that is running.
type sink struct{ b []byte }

// Write never fails.
func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// idle holds closed streams by coding and level.
var idle [codings][levels]sync.Pool

// Open begins a content. The coding must not be Identity.
func Open(c Coding, l Level) *Stream {
	s, _ := idle[c][l].Get().(*Stream) //nolint:errcheck // an empty pool gives nil
	if s == nil {
		s = &Stream{w: newWriter(c, l), coding: c, level: l}
	}
	s.held, s.open, s.ended = 0, true, false
	s.w.Reset(&s.out)
	return s
}

// Append takes a piece of content, which it does not keep, and appends to dst what is to
// be sent of it now: possibly nothing. It returns dst as the built-in append does. An
// error is a fault of the encoder; the content cannot be continued.
func (s *Stream) Append(dst, piece []byte) ([]byte, error) {
	s.out.b = dst
	_, err := s.w.Write(piece)
	if s.held += len(piece); err == nil && s.held >= HeldBytesMax {
		s.held = 0
		err = s.w.Flush()
	}
	return s.take(err)
}

// Flush appends everything that is still held back, so that the client can decode all
// that was taken. Call it when no more content is there now: after an event, not after
// each piece of a fast answer. It costs some bytes, and nothing when nothing is held.
func (s *Stream) Flush(dst []byte) ([]byte, error) {
	if s.held == 0 {
		return dst, nil
	}
	s.held = 0
	s.out.b = dst
	return s.take(s.w.Flush())
}

// Finish appends what is held back and the end of the coding. After it there is only
// Close.
func (s *Stream) Finish(dst []byte) ([]byte, error) {
	if s.ended {
		panic("BUG: content finished twice")
	}
	s.ended = true
	s.out.b = dst
	return s.take(s.w.Close())
}

// take ends a call: the caller's slice goes back to it.
func (s *Stream) take(err error) ([]byte, error) {
	dst := s.out.b
	s.out.b = nil
	if err != nil {
		s.failed = true
		return dst, fmt.Errorf("cannot compress by %s: %w", s.coding, err)
	}
	return dst, nil
}

// Close ends the use of a stream, whether or not it was finished.
func (s *Stream) Close() {
	if !s.open {
		panic("BUG: stream closed twice")
	}
	if s.open = false; !s.failed {
		idle[s.coding][s.level].Put(s)
	}
}

// Append compresses a whole content and appends it to dst.
func Append(dst, content []byte, c Coding, l Level) ([]byte, error) {
	s := Open(c, l)
	defer s.Close()
	dst, err := s.Append(dst, content)
	if err != nil {
		return dst, err
	}
	return s.Finish(dst)
}

// gzipLevels: 6 is the cheapest that stays within 1.03 of the size of zlib's level 5 with
// some room: 1.02 on 16 KiB of JSON, where 5 is at 1.026 and saves a tenth of the time.
var gzipLevels = [levels]int{Default: 6, Fastest: 1, Best: 9}

// brotliLevels: 4 takes four times as long as gzip and is no smaller; 5 is 9 % smaller.
// From 7 on a stream takes 8 MiB.
var brotliLevels = [levels]int{Default: 5, Fastest: 1, Best: 6}

// zstdLevels: the library's best takes 34 MiB for a stream.
var zstdLevels = [levels]zstd.EncoderLevel{Default: zstd.SpeedDefault, Fastest: zstd.SpeedFastest, Best: zstd.SpeedBetterCompression}

const (
	// brotliWindowBits is a window of 256 KiB: 2.5 MiB instead of 10 with the default.
	brotliWindowBits = 18
	// zstdWindowBytes keeps a stream at 2.2 MiB instead of 18. RFC 9659 allows 8 MiB.
	zstdWindowBytes = 512 << 10
)

// newWriter makes an encoder. Reset gives it its destination.
func newWriter(c Coding, l Level) writer {
	switch c {
	case Gzip:
		w, err := gzip.NewWriterLevel(nil, gzipLevels[l])
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return w
	case Brotli:
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: brotliLevels[l], LGWin: brotliWindowBits})
	case Zstd:
		return newZstd(zstdLevels[l])
	case Identity:
	}
	panic("BUG: no encoder for " + c.String())
}

// newZstd makes an encoder that works in the goroutine that calls it.
func newZstd(level zstd.EncoderLevel) *zstd.Encoder {
	w, err := zstd.NewWriter(nil,
		zstd.WithEncoderConcurrency(1), // default: GOMAXPROCS, with a goroutine a block
		zstd.WithEncoderLevel(level),
		zstd.WithWindowSize(zstdWindowBytes), // default: 4 to 8 MiB by level
		zstd.WithLowerEncoderMem(true),       // default: twice the window, at the same speed
		zstd.WithEncoderCRC(false),           // default: a checksum; the transport has its own
		zstd.WithZeroFrames(true),            // no content is a frame as well
	)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return w
}
