package stream

import (
	"bytes"
	"time"
)

// How long the end of a request is awaited behind its head: most have no content, and
// some clients say so only behind the head, at once. HTTP/1.1 has to know then, and a GET
// with a chunked body of nothing is refused by some backends. A method that has content
// by its nature may wait for an answer before it sends some.
const (
	endWait     = 100 * time.Millisecond
	contentWait = 5 * time.Millisecond
)

// grpcType begins the media types of gRPC, whose clients may want an answer first, and
// whose trailers are not announced.
var grpcType = []byte("application/grpc")

// noteContent notes fields which say that content follows, maybe late: a client that
// waits for 100 (Continue) sends none before, and one of gRPC may want an answer first.
func (t *RequestText) noteContent(name, value []byte) {
	if string(name) == "expect" || string(name) == "content-type" && bytes.HasPrefix(value, grpcType) {
		t.expected = true
	}
}

// EndWait is how long to wait for the end of the request behind its head, unless content
// comes before; 0: that would tell nothing, or must not be done.
func (t *RequestText) EndWait() time.Duration {
	switch {
	case !t.isOpen(), t.expected:
		return 0
	case wantsLength(t.of(t.method)):
		return contentWait
	}
	return endWait
}

// isOpen reports that the head does not say how much content there is.
func (t *RequestText) isOpen() bool { return t.length < 0 && !t.tunnels() }

// wantsLength reports a method whose request has content by its nature: one without
// says so (RFC 9110 section 8.6).
func wantsLength(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH", "QUERY":
		return true
	}
	return false
}

// The ends of a head as text, behind its fields.
var (
	tailChunked = []byte("Transfer-Encoding: chunked\r\n\r\n")
	tailEmpty   = []byte("Content-Length: 0\r\n\r\n")
	tailNone    = []byte("\r\n")
)

// EndHead ends the head of a request that was Put; more: there is something behind it,
// or may be.
func (in *Input) EndHead(more bool) {
	in.chunked = in.chunked && more
	switch {
	case in.chunked:
		in.Head(tailChunked)
	case in.wantsLength:
		in.Head(tailEmpty)
	default:
		in.Head(tailNone)
	}
}
