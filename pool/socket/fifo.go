package socket

// Fifo holds bytes between who brings and who takes them, in pooled memory that it
// has only meanwhile. It grows as far as the largest block of memory. The zero
// value is empty. It is not safe for concurrent use and must not be copied.
type Fifo struct {
	mem  *memory
	r, w int
}

// Len is how many bytes are held.
func (f *Fifo) Len() int { return f.w - f.r }

// Bytes are those that are held, valid until the next call of another method.
func (f *Fifo) Bytes() []byte {
	if f.mem == nil {
		return nil
	}
	return f.mem.b[f.r:f.w]
}

// Append appends a copy of p, or reports that there is no room.
func (f *Fifo) Append(p []byte) bool {
	if f.mem == nil || f.w+len(p) > len(f.mem.b) {
		if f.Len()+len(p) > BufferSizeMax {
			return false
		}
		f.grow(len(p))
	}
	f.w += copy(f.mem.b[f.w:], p)
	return true
}

// grow makes room for n more bytes behind those that are held.
func (f *Fifo) grow(n int) {
	old, kept := f.mem, 0
	if old == nil || f.w-f.r+n > len(old.b) {
		f.mem = takeMemory(f.w - f.r + n)
	}
	if old != nil {
		kept = copy(f.mem.b, old.b[f.r:f.w])
	}
	if old != nil && old != f.mem {
		giveMemory(old)
	}
	f.r, f.w = 0, kept
}

// Discard drops n bytes from the front.
func (f *Fifo) Discard(n int) {
	if f.r += n; f.r == f.w {
		f.Drop()
	}
}

// Take moves bytes into p and returns their number.
func (f *Fifo) Take(p []byte) int {
	n := copy(p, f.Bytes())
	f.Discard(n)
	return n
}

// Drop forgets all bytes and gives the memory back.
func (f *Fifo) Drop() {
	if f.mem != nil {
		mangle(f.mem.b)
		giveMemory(f.mem)
	}
	f.mem, f.r, f.w = nil, 0, 0
}
