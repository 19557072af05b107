package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// What HTTP/3 has in common with HTTP/2 is written once, here: which fields make a
// request and what is none (RFC 9114 section 4 repeats RFC 9113 section 8), how
// content is told as a chunked body, and what a peer may cost.

// RequestText makes the head of an HTTP/1.1 request of fields, or the lines of
// trailers. Its memory is used again.
type RequestText struct{ text headText }

// Reset begins another one.
func (t *RequestText) Reset() { t.text.reset() }

// Add takes one field; false: the request is malformed.
func (t *RequestText) Add(f *hpack.Field) bool { return t.text.add(f) }

// AddTrailer takes one field of trailers; false: they are malformed.
func (t *RequestText) AddTrailer(f *hpack.Field) bool { return t.text.addTrailer(f) }

// Complete reports that the fields make a request; ended: nothing follows them.
func (t *RequestText) Complete(ended bool) bool {
	return t.text.line() && (!ended || t.text.length <= 0)
}

// IsHEAD reports the method whose answer has no content.
func (t *RequestText) IsHEAD() bool { return t.text.isHEAD() }

// Tunnels reports an extended CONNECT (RFC 9220).
func (t *RequestText) Tunnels() bool { return t.text.tunnels() }

// Key is that of the WebSocket which the request asks for.
func (t *RequestText) Key() Key { return t.text.key }

// EndWait is how long to wait for the end of the request behind its head, unless
// something comes before; 0 is not at all.
func (t *RequestText) EndWait() time.Duration { return t.text.endWait() }

// Length is that of the content, -1 where it was not said.
func (t *RequestText) Length() int64 { return t.text.length }

// Finish is the whole text, until Reset. chunked: the content has no known length.
func (t *RequestText) Finish(chunked bool) []byte { return t.text.finish(chunked) }

// Trailers are the lines of trailers, until Reset.
func (t *RequestText) Trailers() []byte { return t.text.text }

// Chunker tells content as a chunked body. The zero value begins one.
type Chunker struct{ text chunkText }

// Read moves text of what is in the queue into p; done is the end of the body. After
// ended nothing is added to the queue, and trailers follow.
func (c *Chunker) Read(p []byte, in *pool.Fifo, ended bool, trailers []byte) (n int, done bool) {
	n, _, done = c.text.read(p, in, ended, trailers)
	return n, done
}

// Unchunker reads a chunked body that the engine has written. The zero value begins
// one.
type Unchunker struct{ text unchunk }

// Next reads text up to content or to its end: n bytes of framing were used up, or, if
// n is 0, content bytes begin here, of which Took says how many were taken.
func (u *Unchunker) Next(text []byte) (n, content int, err error) { return u.text.next(text) }

// Took takes n bytes of content.
func (u *Unchunker) Took(n int) { u.text.left -= int64(n) }

// Done reports the end of the body.
func (u *Unchunker) Done() bool { return u.text.done }

// Trailers are the lines behind the body.
func (u *Unchunker) Trailers() []byte { return u.text.trailers }

// Budget bounds the work that a peer causes and that leads to nothing. It is not safe
// for concurrent use.
type Budget struct{ stock budget }

// What things take off a Budget.
const (
	CostReset = costReset
	CostFrame = costFrame
)

// Begin fills it.
func (b *Budget) Begin() { b.stock.begin(pool.Nanos()) }

// Take reports whether there are points left.
func (b *Budget) Take(points int) bool { return b.stock.take(points, pool.Nanos) }

// Answered brings back what a finished answer is worth.
func (b *Budget) Answered() { b.stock.add(earnAnswer) }
