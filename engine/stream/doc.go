// Package stream is what a stream of HTTP/2 and one of HTTP/3 have in common: how
// fields and content become the text of an HTTP/1.1 message, and how such a text is
// taken apart again.
//
//	request.go   the fields of a request become the head of one (RFC 9113 section 8,
//	             which RFC 9114 section 4 repeats), ahead.go how that ends
//	response.go  the same for the answer of a backend
//	field.go     which names and values no field may have
//	input.go     a message on its way in: its text, in the order that it is read;
//	chunk.go     content of no known length in it
//	output.go    the text that an exchange writes, piece by piece: what a stream
//	             has to send; unchunk.go for the content of no known length
//	key.go       the handshake of a WebSocket, which only HTTP/1.1 has
//	budget.go    what a peer may cost
//	host.go      whom a session tells
//
// Nothing here knows frames, windows, a lock or a clock: each type is guarded by who
// has it. An [Output] does not send: it says what comes next, and its caller, who
// knows how, says how much of it has gone. A call of a writer in its place would cost
// an allocation for each answer, or two forms of the same machine.
//
// Start reading at [Input] and [Output]. Packages http2 and http3 import it; it
// imports pool/socket for the queue of bytes, pool/wire, and the standard library.
package stream

import (
	"errors"
	"time"
)

// Bounds that hold for streams of both protocols.
const (
	// Window is how much of a request's body a peer may send before a backend takes
	// it, SessionWindow the same for all streams of a session together.
	Window        = 256 << 10
	SessionWindow = 1 << 20
	// OutSoft is how many bytes of frames wait before content has to.
	OutSoft = 64 << 10
	// headMax bounds the head of a message that an exchange writes. It is more than
	// what backends, or clients, may send.
	headMax = 512 << 10
	// headKeep is how much memory is kept for the next head.
	headKeep = 32 << 10
)

// NewTime is how long the first request of a session may take to come before a drain begins for
// it: hardly anybody connects for nothing. Clients take a connection that sends them away, or is
// closed, before they could use it for one that cannot be had, and try no other (Go's net/http,
// quic-go).
const NewTime = time.Second

var (
	// ErrText is a text that is not what an engine writes.
	ErrText = errors.New("BUG: the text is not that of a message")
	// ErrReset is the end of a stream by its peer, and what is read or written of one
	// that we have ended.
	ErrReset = errors.New("the peer has reset the stream")
)
