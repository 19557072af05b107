package socket

import (
	"math/bits"
	"sync"
)

// Sizes of buffers: powers of two between the two bounds.
const (
	BufferSizeMin = 4 << 10
	BufferSizeMax = 1 << 20
	classes       = 9 // 4 KiB to 1 MiB
)

// memory is one pooled block; sync.Pool keeps the pointer, so that putting it
// back boxes nothing.
type memory struct{ b []byte }

var memories [classes]sync.Pool

func classOf(size int) int {
	if size <= BufferSizeMin {
		return 0
	}
	return min(bits.Len(uint(size-1))-bits.Len(uint(BufferSizeMin-1)), classes-1)
}

// takeMemory returns a block of at least size bytes, or of the largest size.
func takeMemory(size int) *memory {
	k := classOf(size)
	if m, ok := memories[k].Get().(*memory); ok {
		return m
	}
	return &memory{b: make([]byte, BufferSizeMin<<k)}
}

// giveMemory gives a block back; nobody may use it afterwards.
func giveMemory(m *memory) { memories[classOf(len(m.b))].Put(m) }

// Buffer is a window on pooled memory: bytes that were read from a socket and
// not yet consumed. It has memory only between take and Release, so what is
// idle holds none. The zero value with a size is ready; it must not be copied
// while it has memory. One goroutine owns it.
type Buffer struct {
	mem   *memory
	r, w  int
	size  int
	limit int64 // of the read under way
	kept  bool  // what was consumed is still in front of r

	pinned bool // spans of what was consumed are in use: see Pin
}

// Sized sets how many bytes the next memory will have: size rounded up to a
// power of two between 4 KiB and 1 MiB.
func (b *Buffer) Sized(size int) { b.size = size }

// Bytes is what was read and not consumed. It is valid until the next call of
// any other method.
func (b *Buffer) Bytes() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem.b[b.r:b.w]
}

// Held reports that the buffer has memory now.
func (b *Buffer) Held() bool { return b.mem != nil }

// Len is len(b.Bytes()).
func (b *Buffer) Len() int { return b.w - b.r }

// Full reports that no byte can be added even after Compact.
func (b *Buffer) Full() bool { return b.mem != nil && b.r == 0 && b.w == len(b.mem.b) }

// Discard drops n bytes from the front.
func (b *Buffer) Discard(n int) { b.r += n }

// Keep makes the buffer hold on to what is consumed from now on, so that Rewind
// can bring it back. It does so until its memory is full; Kept then reports
// false, and the buffer goes on like any other. The buffer must be empty.
func (b *Buffer) Keep() { b.r, b.w, b.kept = 0, 0, true }

// Kept reports that everything since Keep is still there.
func (b *Buffer) Kept() bool { return b.kept }

// Overflows reports that the next ReadFrom has to drop what was kept.
func (b *Buffer) Overflows() bool { return b.kept && b.mem != nil && b.w == len(b.mem.b) }

// Forgo ends what Keep began.
func (b *Buffer) Forgo() { b.kept = false }

// Rewind makes everything since Keep unread again. It may only be called while
// Kept.
func (b *Buffer) Rewind() { b.r = 0 }

// Pin says that spans of what was consumed, those of a head, are in use: until
// Unpin nothing may be added to the buffer, moved in it or released. The methods
// that do so all the same panic under the race detector, so that every test finds
// who comes too early. Else a span would show what came later as what came first.
func (b *Buffer) Pin() { b.pinned = true }

// Unpin ends what Pin began: the spans are not used any more.
func (b *Buffer) Unpin() { b.pinned = false }

// Room is how many bytes Append would take now.
func (b *Buffer) Room() int {
	if b.mem == nil {
		return BufferSizeMin << classOf(b.size)
	}
	return len(b.mem.b) - b.Len()
}

// Compact moves what is left to the front, to make room behind it. Slices of
// Bytes taken before are invalid afterwards.
func (b *Buffer) Compact() {
	if b.mem == nil || b.r == 0 {
		return
	}
	checkUnpinned(b.pinned)
	end := b.w
	b.w = copy(b.mem.b, b.mem.b[b.r:b.w])
	b.r = 0
	mangle(b.mem.b[b.w:end])
}

// Release gives the memory back and drops what was not consumed.
func (b *Buffer) Release() {
	b.kept = false
	if b.mem == nil {
		return
	}
	checkUnpinned(b.pinned)
	mangle(b.mem.b)
	giveMemory(b.mem)
	b.mem, b.r, b.w = nil, 0, 0
}

// Grow gives a full buffer memory of size bytes, with what is in it, and reports
// whether there is more room now. Slices of Bytes taken before are invalid afterwards.
func (b *Buffer) Grow(size int) bool {
	if b.mem == nil || size <= len(b.mem.b) {
		return false
	}
	checkUnpinned(b.pinned)
	larger := takeMemory(size)
	n := copy(larger.b, b.mem.b[b.r:b.w])
	mangle(b.mem.b)
	giveMemory(b.mem)
	b.mem, b.r, b.w = larger, 0, n
	return true
}

// Append copies p behind what is there and reports whether it fitted. The
// buffer must not keep what was consumed.
func (b *Buffer) Append(p []byte) bool {
	checkUnpinned(b.pinned)
	b.take()
	b.Compact()
	if len(p) > len(b.mem.b)-b.w {
		return false
	}
	b.w += copy(b.mem.b[b.w:], p)
	return true
}

func (b *Buffer) take() {
	if b.mem != nil {
		return
	}
	b.mem = takeMemory(b.size)
}

// free is the room behind what was read, as far as the limit of this read goes.
func (b *Buffer) free() []byte {
	p := b.mem.b[b.w:]
	if int64(len(p)) > b.limit {
		p = p[:b.limit]
	}
	return p
}

// giveBackEmpty releases memory that holds nothing, in the middle of a read that
// has to wait; what it held was released before or is spoken for by nobody.
func (b *Buffer) giveBackEmpty() {
	if b.mem != nil && b.r == b.w && (!b.kept || b.w == 0) {
		giveMemory(b.mem)
		b.mem, b.r, b.w = nil, 0, 0
	}
}
