package stream

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Output takes the text of a message apart, which an exchange writes: that of an answer,
// or of a request to a backend. The text is the engine's own, so its rules are known: a
// head comes in one piece, and what stands in it is right.
//
// Next says what the text begins with; the caller sends that, and for content says by
// Took how much of it has gone. The zero value begins one message. It must not be
// copied, and whoever has the stream guards it.
//
//	head --Next--> head      an interim answer
//	            -> length    Content-Length: left bytes, counted by Took
//	            -> chunked   until its last chunk and trailers
//	            -> tunnel    until CloseTunnel
//	            -> done      there is no content; text is dropped, which the method
//	                         of the request forbids
//	length, chunked, tunnel --> done
type Output struct {
	at   place
	left int64 // of length
	head wire.ResponseHead
	body unchunker
}

// place is where the text is.
type place uint8

const (
	inHead place = iota
	inLength
	inChunked
	inTunnel
	atDone
)

// Part is what a text begins with.
type Part uint8

// What a text begins with, and what to do with it.
const (
	// PartNone carries nothing: it was used up.
	PartNone Part = iota
	// PartHead is a head, of which Status and Field tell.
	PartHead
	// PartContent is content, of which as much is sent as there is room for.
	PartContent
	// PartEnd is the end of the content; Trailers are behind it.
	PartEnd
)

// Piece is the beginning of a text.
type Piece struct {
	Part  Part
	Bytes int  // of the text
	Last  bool // nothing follows it
}

// limits of a head are as wide as the engine's own.
var limits = wire.Limits{HeadBytes: headMax, Fields: 1 << 10}

// Reset makes it a new one, with the memory that it has.
func (o *Output) Reset() {
	o.head.Reset()
	o.at, o.left = inHead, 0
	o.body = unchunker{trailers: o.body.trailers[:0]}
}

// Held is how much memory a Reset keeps.
func (o *Output) Held() int { return cap(o.body.trailers) }

// AtHead reports that a head is next.
func (o *Output) AtHead() bool { return o.at == inHead }

// InTunnel reports that what comes is what a tunnel carries.
func (o *Output) InTunnel() bool { return o.at == inTunnel }

// Done reports that all of the message was taken.
func (o *Output) Done() bool { return o.at == atDone }

// CloseTunnel is the end of our side of a tunnel; false: it is none.
func (o *Output) CloseTunnel() bool {
	if o.at != inTunnel {
		return false
	}
	o.at = atDone
	return true
}

// Next is what text, which is not empty, begins with: an answer to the request.
func (o *Output) Next(text []byte, to *Request) (Piece, error) {
	switch o.at {
	case inHead:
		return o.nextHead(text, to)
	case inLength:
		n := min(int64(len(text)), o.left)
		return Piece{PartContent, int(n), n == o.left}, nil
	case inChunked:
		return o.nextChunked(text)
	case inTunnel:
		return Piece{PartContent, len(text), false}, nil
	case atDone:
	}
	return Piece{PartNone, len(text), false}, nil
}

// Took says that n bytes of the content were sent that Next has told of.
func (o *Output) Took(n int) {
	switch o.at {
	case inLength:
		if o.left -= int64(n); o.left == 0 {
			o.at = atDone
		}
	case inChunked:
		o.body.left -= int64(n)
	case inHead, inTunnel, atDone:
	}
}

// Take gives the parts of a text to take, which is a method of S, named as such: bound to
// a value it would be an allocation. full: it took nothing of what is left.
func Take[S any](parts *[3][]byte, of S, take func(of S, text []byte) (int, error)) (taken int, full bool, err error) {
	for i := range parts {
		for len(parts[i]) > 0 {
			n, err := take(of, parts[i])
			taken += n
			parts[i] = parts[i][n:]
			if err != nil || n == 0 {
				return taken, n == 0, err
			}
		}
	}
	return taken, false, nil
}

// nextHead takes a head: interim or final.
func (o *Output) nextHead(text []byte, to *Request) (Piece, error) {
	h := &o.head
	n, err := h.Parse(text, &limits, to.IsHEAD)
	switch {
	case err != nil || n == 0:
		return Piece{}, ErrText
	case h.Status == 101 && to.Tunnel:
		o.openTunnel()
	case h.Interim():
	default:
		return Piece{PartHead, n, o.behind(h.Framing, h.ContentLength)}, nil
	}
	return Piece{PartHead, n, false}, nil
}

// openTunnel is a head that has switched protocols. Above HTTP/1.1 there is no key that
// would have to be accepted (RFC 8441 section 5).
func (o *Output) openTunnel() {
	o.at = inTunnel
	for i := range o.head.Fields {
		if f := &o.head.Fields[i]; wire.EqualFold(o.head.Name(f), "sec-websocket-accept") {
			f.Drop = true
		}
	}
}

// behind is what follows a head; none: nothing.
func (o *Output) behind(f wire.Framing, length int64) (none bool) {
	switch {
	case f == wire.ChunkedBody:
		o.at = inChunked
	case f == wire.Length && length > 0:
		o.at, o.left = inLength, length
	default:
		o.at = atDone
		return true
	}
	return false
}

// NextRequest is Next for the head of a request, which is parsed into h.
func (o *Output) NextRequest(text []byte, h *wire.RequestHead) (Piece, error) {
	n, err := h.Parse(text, &limits)
	switch {
	case err != nil || n == 0:
		return Piece{}, ErrText
	case h.UpgradeWanted:
		o.at = inTunnel
		return Piece{PartHead, n, false}, nil
	}
	return Piece{PartHead, n, o.behind(h.Framing, h.ContentLength)}, nil
}

// Status is that of the head. What switches protocols in HTTP/1.1 opens a tunnel above
// it (RFC 8441 section 5).
func (o *Output) Status() int {
	if o.at == inTunnel {
		return 200
	}
	return o.head.Status
}

// Fields is how many fields the head has.
func (o *Output) Fields() int { return len(o.head.Fields) }

// Field is one of them; false: only HTTP/1.1 has it. It stays small enough to be inlined.
func (o *Output) Field(i int) (name, value []byte, ok bool) {
	f := &o.head.Fields[i]
	return o.head.Name(f), o.head.FieldValue(f), !f.Drop
}

// nextChunked takes a part of a chunked body.
func (o *Output) nextChunked(text []byte) (Piece, error) {
	n, content, err := o.body.next(text)
	switch {
	case err != nil:
		return Piece{}, err
	case content > 0: // n is 0: content begins here
		return Piece{PartContent, content, false}, nil
	case o.body.done:
		o.at = atDone
		return Piece{PartEnd, n, true}, nil
	}
	return Piece{PartNone, n, false}, nil
}

// Trailers are the field lines behind the content; NextField takes them apart.
func (o *Output) Trailers() []byte { return o.body.trailers }

// NextField is the first of field lines, which are not empty, and those behind it.
func NextField(lines []byte) (name, value, rest []byte) {
	line, rest, _ := bytes.Cut(lines, crlf)
	name, value, _ = bytes.Cut(line, colon)
	return name, wire.TrimOWS(value), rest
}

var crlf, colon = []byte("\r\n"), []byte(":")
