package attempt

import (
	"math"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Body takes one message's content out of a Buffer: it knows where the message
// ends and never reads beyond. The zero value is a message without content.
type Body struct {
	framing wire.Framing
	left    int64 // bytes of a fixed length still to come
	chunked wire.Chunked
	done    bool
}

// Begin prepares for one message; length counts only with wire.Length.
func (d *Body) Begin(framing wire.Framing, length int64) {
	d.framing, d.left = framing, length
	d.done = framing == wire.NoBody || (framing == wire.Length && length == 0)
	if framing == wire.ChunkedBody {
		d.chunked.Reset()
	}
}

// Done reports that the last byte, trailers included, was taken.
func (d *Body) Done() bool { return d.done }

// End is the peer's end of stream: it completes a message that is delimited by
// it, and reports false for one that is cut short.
func (d *Body) End() bool {
	if d.framing == wire.UntilClose {
		d.done = true
	}
	return d.done
}

// Limit is how many more bytes may be read from the socket without taking
// bytes of the next message.
func (d *Body) Limit() int64 {
	if d.framing == wire.Length {
		return d.left
	}
	return math.MaxInt64 - 1 // callers add one, to see bytes behind the end
}

// Raw is how many bytes of a content whose length is known are still to come,
// and may be moved as they are; 0 for any other framing.
func (d *Body) Raw() int64 {
	if d.framing != wire.Length {
		return 0
	}
	return d.left
}

// Moved counts n bytes, at most Raw, that were taken from the socket past the
// Buffer, which must be empty.
func (d *Body) Moved(n int) {
	d.left -= int64(n)
	d.done = d.left == 0
}

// Take consumes from b and returns content bytes; they alias b's memory and are
// valid until the next call on b. No bytes, no error and not Done means: read
// more. The error is a *wire.Refusal: the framing is broken.
func (d *Body) Take(b *socket.Buffer) ([]byte, error) {
	switch {
	case d.done:
		return nil, nil
	case d.framing == wire.Length:
		data := b.Bytes()
		if int64(len(data)) > d.left {
			data = data[:d.left]
		}
		b.Discard(len(data))
		d.left -= int64(len(data))
		d.done = d.left == 0
		return data, nil
	case d.framing == wire.ChunkedBody:
		return d.takeChunked(b)
	}
	data := b.Bytes()
	b.Discard(len(data))
	return data, nil
}

func (d *Body) takeChunked(b *socket.Buffer) ([]byte, error) {
	for b.Len() > 0 { // each turn consumes at least one byte
		data, n, err := d.chunked.Next(b.Bytes())
		if err != nil {
			return nil, err
		}
		b.Discard(n)
		d.done = d.chunked.Done()
		if len(data) > 0 || d.done || n == 0 {
			return data, nil
		}
	}
	return nil, nil
}

// Trailers are the fields behind the last chunk, those that may not be passed
// on marked Drop; empty for any other framing.
func (d *Body) Trailers() *wire.Head { return d.chunked.Trailers() }
