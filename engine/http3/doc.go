// Package http3 makes a connection of QUIC a server of HTTP/3 (RFC 9114): every
// request stream becomes a socket.Stream, on which the engine reads the text of an
// HTTP/1.1 request and writes that of an answer, as it does with HTTP/2. What text that
// is, is the matter of package stream, below this one, which HTTP/2 has as well.
//
//	session.go   a connection: its streams, what ends it, its drain
//	control.go   the peer's unidirectional streams: SETTINGS, QPACK, GOAWAY
//	frame.go     types and lengths of frames, and which may come where
//	stream.go    a request stream as the engine uses it
//	input.go     the goroutine that reads one
//	answer.go    text of answers into frames; output.go the goroutine that writes them
//	fields.go    field sections, by QPACK without a dynamic table
//	fault.go     what peers do wrong; package errcode has the error codes
//
// Package quic blocks where the loop must not. So a stream has a goroutine that reads
// it into a bounded queue for as long as the request comes, and one that writes
// another bounded queue for as long as something is in it: back-pressure of either
// side is QUIC's flow control. A connection has two that accept streams.
package http3
