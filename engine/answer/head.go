package answer

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// A head is written in three steps, each of which appends to the head so far: Begin,
// field lines, End. Whoever passes on an answer of a backend does the same as who makes
// one, so that there is one order and one rule for what concerns the connection.

// Begin appends the status line of an answer of our own, and Date.
func Begin(dst []byte, status int, date []byte) []byte {
	return BeginAs(dst, status, fasthttp.StatusMessage(status), date)
}

// BeginAs is Begin for an answer of which somebody else is the author: its reason is
// passed on, in our version of HTTP. Without a date there is no Date: it has its own, or
// is not final.
func BeginAs[R string | []byte](dst []byte, status int, reason R, date []byte) []byte {
	dst = strconv.AppendInt(append(dst, "HTTP/1.1 "...), int64(status), 10)
	dst = append(append(append(dst, ' '), reason...), "\r\n"...)
	if len(date) == 0 {
		return dst
	}
	return Field(dst, "Date", date)
}

// Field appends one field line. The value must be fit for one.
func Field[V string | []byte](dst []byte, name string, value V) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// End appends what is said of the content's length and of the connection, and the
// empty line.
func End(dst []byte, content Content, c Connection) []byte {
	switch {
	case content >= 0:
		dst = append(strconv.AppendInt(append(dst, "Content-Length: "...), int64(content), 10), "\r\n"...)
	case content == Chunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(append(dst, connectionLines[c]...), "\r\n"...)
}

// Content is what a head says of the length of its content: so many bytes, or one of
// the values below.
type Content int64

const (
	// Unsized says nothing: the fields have the length already, or there is none to be said.
	Unsized Content = -1
	// Chunked is content whose end is told by its framing.
	Chunked Content = -2
)

// Sized is an answer of our own with so many bytes of content. Some statuses forbid that
// a length is said, and one of a 304 would be that of what the client has (RFC 9110
// section 8.6).
func Sized(status, bytes int) Content {
	if wire.WithoutContent(status, false) {
		return Unsized
	}
	return Content(bytes)
}

// Connection is what a head says of the client's connection.
type Connection uint8

// Close is the zero value: whoever has not asked ConnectionOf has a connection that ends.
const (
	Close     Connection = iota // it ends behind the answer
	Silent                      // nothing is said: it stays, as it does in HTTP/1.1, or is no connection
	KeepAlive                   // it stays, which a client of HTTP/1.0 has to be told
	Upgrade                     // it goes on in the protocol that the field Upgrade names
)

var connectionLines = [...]string{
	Close:     "Connection: close\r\n",
	Silent:    "",
	KeepAlive: "Connection: keep-alive\r\n",
	Upgrade:   "Connection: upgrade\r\n",
}

// ConnectionOf is the rule for the field Connection, of all final answers but those that
// switch to another protocol. stream: the client is a stream of HTTP/2 or HTTP/3, where
// the field is forbidden (RFC 9113 section 8.2.2, RFC 9114 section 4.2). keep: its
// connection may carry another request. minor is the version of HTTP/1 it speaks.
func ConnectionOf(stream, keep bool, minor byte) Connection {
	switch {
	case stream:
		return Silent
	case !keep:
		return Close
	case minor == 0:
		return KeepAlive
	}
	return Silent
}
