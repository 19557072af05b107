package stream

import (
	"io"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// Input is a message on its way to the exchange, as the text of one of HTTP/1.1: heads,
// content, trailers. Content that its head does not measure is told as a chunked body.
// The zero value waits for a head. It must not be copied, and whoever has the stream
// guards it.
type Input struct {
	queue       socket.Fifo // text of heads, then content
	headLeft    int         // bytes of heads in it
	chunks      chunker
	trailers    []byte // field lines
	promised    int64  // content to come, if measured
	measured    bool
	wantsLength bool  // the head has to say that there is no content
	chunked     bool  // content is told as a chunked body
	ended       bool  // by the peer
	dropped     bool  // what had come was dropped: what was read is not the whole
	why         error // what reads say behind what is here
}

// Reset makes it a new one, with the memory that it has.
func (in *Input) Reset() {
	in.queue.Drop()
	*in = Input{trailers: in.trailers[:0]}
}

// Held is how much memory a Reset keeps.
func (in *Input) Held() int { return cap(in.trailers) }

// Head appends text of a head, or reports that there is no room. There is for whatever
// one message may have.
func (in *Input) Head(text []byte) bool {
	ok := in.queue.Append(text)
	if ok {
		in.headLeft += len(text)
	}
	return ok
}

// Append appends content, or reports that there is no room.
func (in *Input) Append(content []byte) bool { return in.queue.Append(content) }

// Counts takes n bytes of content, or of what carries it, off what the head has
// promised, with last the end; false: that was another length.
func (in *Input) Counts(n int64, last bool) bool {
	in.promised -= n
	return !in.measured || in.promised >= 0 && (!last || in.promised == 0)
}

// Trailers takes field lines. Where the content is not told in chunks there is no place
// for them in HTTP/1.1.
func (in *Input) Trailers(lines []byte) {
	if in.chunked {
		in.trailers = append(in.trailers[:0], lines...)
	}
}

// HasTrailers reports that some have come, for which there is a place.
func (in *Input) HasTrailers() bool { return len(in.trailers) > 0 }

// End is the end of the message by the peer.
func (in *Input) End() { in.ended = true }

// Ended reports that.
func (in *Input) Ended() bool { return in.ended }

// Content is how much of it waits to be read.
func (in *Input) Content() int { return in.queue.Len() - in.headLeft }

// HeadWaits reports a head that was not read to its end.
func (in *Input) HeadWaits() bool { return in.headLeft > 0 }

// Fail is the end of the stream: reads say why, the first reason there was, behind what
// is here.
func (in *Input) Fail(why error) {
	if in.why == nil {
		in.why = why
	}
}

// Drop forgets what nobody will read, and returns how much content that was. It is not
// the end of the message.
func (in *Input) Drop() (content int) {
	content = in.Content()
	in.queue.Drop()
	in.headLeft, in.dropped = 0, true
	return content
}

// Read moves text into p: n bytes, of which some were content. 0 and nil: nothing is
// there now.
func (in *Input) Read(p []byte) (n, content int, err error) {
	n, content, whole := in.move(p)
	switch {
	case n > 0:
		return n, content, nil
	case whole:
		return 0, 0, io.EOF
	}
	return 0, 0, in.why
}

// move is Read; whole: this was the end.
func (in *Input) move(p []byte) (n, content int, whole bool) {
	if in.headLeft > 0 {
		n = in.queue.Take(p[:min(len(p), in.headLeft)])
		in.headLeft -= n
		p = p[n:]
	}
	switch {
	case in.headLeft > 0, len(p) == 0, in.dropped:
		return n, 0, false
	case !in.chunked:
		content = in.queue.Take(p)
		return n + content, content, in.ended && in.queue.Len() == 0
	}
	k, content, whole := in.chunks.read(p, in)
	return n + k, content, whole
}
