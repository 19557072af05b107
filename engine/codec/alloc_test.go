//go:build !race

package codec

import (
	"runtime"
	"testing"
)

func TestDecisionDoesNotAllocate(t *testing.T) {
	p := policy(t, nil)
	q := request(t, "GET", "Accept-Encoding: gzip, deflate, br;q=0.9, zstd\r\nCache-Control: no-cache\r\n")
	a := answerOf(response(t, 200, jsonType+"Vary: Origin\r\nCache-Control: private\r\nContent-Encoding: identity\r\n"))
	out := make([]byte, 0, 256)
	tag, weak := []byte(`"x"`), []byte(`W/"x", W/"y"`)
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"offer and decide", func() { p.Decide(p.Offer(q), a) }},
		{"encoding", func() { a.SeeEncoding(tag) }},
		{"weak", func() { out, _ = AppendWeak(out[:0], tag) }},
		{"if-none-match", func() { out, _ = AppendIfNoneMatch(out[:0], weak) }},
		{"not modified", func() { HoldsWeakened(weak, tag) }},
		{"type in capitals", func() { p.types.has([]byte("Application/PROBLEM+JSON; charset=utf-8")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, c.run); got != 0 {
				t.Errorf("got %v allocations; want none", got)
			}
		})
	}
}

// TestPieceDoesNotAllocate: a warm stream takes and flushes pieces without an allocation.
func TestPieceDoesNotAllocate(t *testing.T) {
	content := document(t, 4<<20, 40)
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		s := Open(c, l, false)
		defer s.Release()
		out := make([]byte, 0, 1<<20)
		at := 0
		next := func(size int, flush bool) {
			out = s.Append(out[:0], content[at:at+size], flush, false)
			at = (at + size) % (2 << 20)
		}
		for _, flush := range []bool{true, false} {
			for range 100 {
				next(16<<10, flush)
			}
		}
		for _, flush := range []bool{true, false} {
			for _, size := range []int{200, 16 << 10} {
				if got := testing.AllocsPerRun(50, func() { next(size, flush) }); got != 0 {
					t.Errorf("pieces of %d bytes, flushed %v: got %v allocations; want none", size, flush, got)
				}
			}
		}
	})
}

// TestStreamAllocatesLittle: a whole content by pooled memory. Zstd writes the head of a
// frame from memory of its own, 14 bytes.
func TestStreamAllocatesLittle(t *testing.T) {
	content := document(t, 16<<10, 41)
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		out := make([]byte, 0, 1<<20)
		got := testing.AllocsPerRun(20, func() {
			s := Open(c, l, false)
			out = s.Append(out[:0], content[:8<<10], true, false)
			out = s.Append(out, content[8<<10:], false, true)
			s.Release()
		})
		if got > 1 {
			t.Errorf("got %v allocations; want at most 1", got)
		}
	})
}

// TestMemoryOfOpenStreams measures what README.md states.
func TestMemoryOfOpenStreams(t *testing.T) {
	content := document(t, 4<<20, 42)
	everyCoding(t, func(t *testing.T, c Coding, l Level) {
		t.Helper()
		event := openMemory(t, c, l, func(s *Stream, out []byte) {
			s.Append(out[:0], content[:200], true, false)
		})
		long := openMemory(t, c, l, func(s *Stream, out []byte) {
			for at := 0; at < len(content); at += 16 << 10 {
				out = s.Append(out[:0], content[at:at+16<<10], false, false)
			}
		})
		most := memoryMax[c][l]
		t.Logf("%.2f MiB after an event, %.2f after %d MiB", event, long, len(content)>>20)
		if event > most.event || long > most.long {
			t.Errorf("got %.2f MiB after an event and %.2f after 4 MiB; want at most %.1f and %.1f", event, long, most.event, most.long)
		}
	})
}

// openMemory is how much each of some streams holds after use, in MiB.
func openMemory(t *testing.T, c Coding, l Level, use func(s *Stream, out []byte)) float64 {
	t.Helper()
	const streams = 2
	out := make([]byte, 0, 1<<20)
	held := make([]*Stream, 0, streams)
	before := heapBytes()
	for range streams {
		s := fresh(c, l, nil)
		use(s, out)
		held = append(held, s)
	}
	after := heapBytes()
	runtime.KeepAlive(held)
	runtime.KeepAlive(out)
	return float64(after-before) / streams / (1 << 20)
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // what pools held before the first one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
