package codec

import (
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

// Stream compresses one content, piece by piece. It is made by Open and must be released,
// which hands its memory to the next one. It is not safe for concurrent use, but need not
// stay with one goroutine. README.md states the memory an open stream takes.
type Stream struct {
	out    sink
	w      writer
	coding Coding
	level  Level
	each   bool // flush behind every piece
	held   int  // bytes taken since the last flush
	state  state
}

// state is where a stream is: in the pool, open, or behind its end.
type state uint8

const (
	stateIdle state = iota
	stateOpen
	stateEnded
	stateBroken // inside a call; it stays so where that panics
)

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

// idle holds released streams by coding and level.
var idle [codings][levels]sync.Pool

// Open begins a content; each is whether every piece is flushed. The coding must not be
// Identity.
func Open(c Coding, l Level, each bool) *Stream {
	s, _ := idle[c][l].Get().(*Stream)
	if s == nil {
		s = &Stream{w: newWriter(c, l), coding: c, level: l}
	}
	s.begin(each)
	return s
}

func (s *Stream) begin(each bool) {
	s.each, s.held, s.state = each, 0, stateOpen
	s.w.Reset(&s.out)
}

// Append takes a piece of content, which it does not keep, and appends to dst what is to
// be sent of it now: possibly nothing. With flush that is all that was taken so far: no
// more content is there at the moment, as behind an event. It costs some bytes, so that it
// is not for each piece of a fast answer, and nothing where nothing is held back. With
// last the coding ends; after it there is only Release. It panics where an encoder fails,
// which none does that writes to memory.
func (s *Stream) Append(dst, piece []byte, flush, last bool) []byte {
	if s.state != stateOpen {
		panic("BUG: content behind the end of its stream")
	}
	s.state, s.out.b = stateBroken, dst
	if len(piece) > 0 {
		_, err := s.w.Write(piece)
		s.check(err)
		s.held += len(piece)
	}
	next := stateOpen
	switch {
	case last:
		s.check(s.w.Close())
		next = stateEnded
	case s.held > 0 && (flush || s.each || s.held >= HeldBytesMax):
		s.check(s.w.Flush())
		s.held = 0
	}
	dst = s.out.b
	s.state, s.out.b = next, nil
	return dst
}

func (s *Stream) check(err error) {
	if err != nil {
		panic("BUG: cannot compress by " + s.coding.String() + ": " + err.Error())
	}
}

// Release ends the use of a stream, whether or not its content has come to its end.
func (s *Stream) Release() {
	switch s.state {
	case stateIdle:
		panic("BUG: stream released twice")
	case stateBroken: // its encoder is in no state to be used again
		s.state, s.out.b = stateIdle, nil
		return
	case stateOpen, stateEnded:
	}
	s.state = stateIdle
	idle[s.coding][s.level].Put(s)
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
