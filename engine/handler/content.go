package handler

import (
	"errors"
	"io"
	"sync"
)

// pieceBytes is how much of a stream is copied at once.
const pieceBytes = 16 << 10

var pieces sync.Pool // of *[pieceBytes]byte

// content is the body of one message as a stream for handlers. Those that wrap it in
// another stream read it in goroutines of their own, maybe longer than the exchange lasts:
// behind detach it has nothing, and waits for nobody.
type content struct {
	mu   sync.Mutex
	from io.Reader // nil: nothing is left to be read, or may be
	err  error     // what Read says then

	memoryMax int64
	read      int64 // bytes that somebody has read
	tooLarge  bool  // it did not fit into memory
}

// attach begins with a body. Nobody else knows of c.
func (c *content) attach(from io.Reader, memoryMax int64) {
	c.from, c.err, c.memoryMax, c.read, c.tooLarge = from, nil, memoryMax, 0, false
}

// detach ends it. It waits for a Read that is under way: whoever carries the exchange has
// ended that before.
func (c *content) detach() {
	c.mu.Lock()
	c.from, c.err = nil, errGone
	c.mu.Unlock()
}

// state is what has become of it.
func (c *content) state() (read int64, tooLarge bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read, c.tooLarge
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from == nil {
		return 0, c.err
	}
	n, err := c.from.Read(p)
	c.read += int64(n)
	if err != nil {
		c.from, c.err = nil, err
	}
	return n, err
}

// Close is called by fasthttp where the body is replaced: what is left is not wanted.
func (c *content) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from != nil {
		c.from, c.err = nil, io.EOF
	}
	return nil
}

// SupportsBodyWriteTo has fasthttp call WriteTo.
func (c *content) SupportsBodyWriteTo() bool { return true }

// buffer is what fasthttp's buffers of bodies have and other writers have not.
type buffer interface{ SetString(s string) }

// WriteTo copies what is left. Into memory, which is where fasthttp takes a body whole,
// it copies memoryMax at most.
func (c *content) WriteTo(w io.Writer) (total int64, err error) {
	bound := int64(-1)
	if _, ok := w.(buffer); ok {
		bound = c.memoryMax
	}
	piece, ok := pieces.Get().(*[pieceBytes]byte)
	if !ok {
		piece = new([pieceBytes]byte)
	}
	defer pieces.Put(piece)
	for {
		n, err := c.Read(piece[:])
		if total += int64(n); bound >= 0 && total > bound {
			c.refuse()
			return total - int64(n), ErrBodyTooLarge
		}
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return total, err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func (c *content) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.err, c.tooLarge = nil, ErrBodyTooLarge, true
}
