package socket

import (
	"os"
)

// Read reads what is there, at most len(p) bytes, and waits for the first one.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return c.read(p, nil)
}

// readLate reads into b, which gets its memory only once bytes are there. When
// it fails b may have no memory.
func (c *Conn) readLate(b *Buffer) (int, error) { return c.read(nil, b) }

func (c *Conn) read(p []byte, late *Buffer) (int, error) {
	h := &c.rd
	for {
		if h.state.Load()&(bitReady|bitHung) != 0 && h.state.Load()&bitAborted == 0 {
			n, err := c.tryRead(p, late)
			if n != 0 || err != nil {
				return n, err
			}
		}
		if late != nil {
			late.giveBackEmpty() // nothing is there: whoever waits holds no memory
			if c.secure != nil {
				c.secure.shrink()
			}
		}
		err := c.AwaitRead()
		if err == os.ErrDeadlineExceeded { //nolint:errorlint // our own, unwrapped
			return c.lastRead(p, late)
		}
		if err != nil {
			return 0, err
		}
	}
}

// AwaitRead follows a try that found nothing: it waits until another one is
// worth while, or says why it does not.
func (c *Conn) AwaitRead() error {
	err := c.rd.blocked()
	if err == nil || err == ErrWouldBlock { //nolint:errorlint // our own, unwrapped
		c.rd.arm(c.readTimer())
	}
	if err == nil {
		c.rd.sleep(nil)
	}
	return err
}

// lastRead looks at the socket itself when the deadline has passed: a loop that
// is behind with its events must not make a peer late that was not.
func (c *Conn) lastRead(p []byte, late *Buffer) (int, error) {
	c.rd.state.Or(bitReady)
	n, err := c.tryRead(p, late)
	if n != 0 || err != nil {
		return n, err
	}
	if late != nil {
		late.giveBackEmpty()
	}
	return 0, os.ErrDeadlineExceeded
}

// Suspect makes the next Read look at the socket itself, whatever the loop was told.
// Only the reader may call it.
func (c *Conn) Suspect() { c.rd.state.Or(bitReady) }

// tryRead is one read that does not wait; 0 and nil mean that nothing is there.
func (c *Conn) tryRead(p []byte, late *Buffer) (int, error) {
	if late != nil {
		late.take()
		p = late.free()
	}
	switch {
	case c.stream != nil:
		return c.tryStream(p)
	case c.secure != nil:
		return c.secure.tryRead(p)
	}
	return c.trySocket(p)
}

// ReadFrom reads once from c, at most limit bytes, behind what is already
// there. A buffer without memory gets it when bytes arrive. There must be room:
// see Full.
func (b *Buffer) ReadFrom(c *Conn, limit int64) (int, error) {
	checkUnpinned(b.pinned)
	if b.Overflows() {
		b.Forgo()
	}
	if b.mem != nil && !b.kept {
		mangle(b.mem.b[:b.r])
	}
	if b.r == b.w && !b.kept {
		b.r, b.w = 0, 0
	}
	if b.mem != nil && b.w == len(b.mem.b) {
		b.Compact()
	}
	b.limit = limit
	n, err := c.readLate(b)
	b.w += n
	return n, err
}
