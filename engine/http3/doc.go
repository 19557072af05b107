// Package http3 makes a connection of QUIC a server of HTTP/3 (RFC 9114): every
// request stream becomes a socket.Stream, on which the engine reads the text of an
// HTTP/1.1 request and writes that of an answer, as it does with HTTP/2. What text that
// is, is the matter of package stream, below this one, which HTTP/2 has as well.
//
//	session.go   all that is known of a connection and of its streams; what ends it
//	run.go       what carries it: it accepts streams, has deadlines, and a drain
//	control.go   the peer's unidirectional streams: SETTINGS, QPACK, GOAWAY
//	input.go     the goroutine that reads a request stream; fields.go: field sections,
//	             by QPACK without a dynamic table
//	stream.go    a request stream as the engine writes and closes it
//	output.go    the goroutine that writes answers; answer.go: their text into frames
//	end.go       how a stream ends
//	queue.go     what of a request waits to be read by its exchange
//	frame.go     types and lengths of frames, which may come where, and how one is read
//	fault.go     what peers do wrong; package errcode has the error codes
//
// A request goes through them in this order, and so do calls: a file knows those below
// it, and session.go.
//
// Package quic blocks where the loop must not. So a stream has a goroutine that reads
// it into a bounded queue for as long as the request comes, and one that writes
// another bounded queue for as long as something is in it: back-pressure of either
// side is QUIC's flow control. A connection has two that accept streams.
package http3
