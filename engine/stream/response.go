package stream

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// ResponseText makes the head of an HTTP/1.1 response, interim or final, of the fields
// of a backend's. Its memory is used again, and it begins with Reset.
type ResponseText struct {
	lines

	whole   []byte // with the status line
	status  int
	trailed bool // trailers may follow its content
}

// Reset begins another one.
func (t *ResponseText) Reset() {
	if cap(t.text)+cap(t.whole) > headKeep {
		*t = ResponseText{}
	}
	*t = ResponseText{lines: lines{t.text[:0], -1}, whole: t.whole[:0]}
}

// Add takes one field; false: the response is malformed. Neither slice is kept.
func (t *ResponseText) Add(name, value []byte) bool {
	switch {
	case isPseudo(name):
		return t.addStatus(name, value)
	case t.status == 0, !isField(name, value), aboutConnection(name):
		return false
	}
	switch string(name) {
	case "te": // requests have it
		return false
	case "content-length":
		return t.addLength(value) // finish says it, where it is how the content is told
	case "trailer":
		t.trailed = true
	case "content-type":
		t.trailed = t.trailed || bytes.HasPrefix(value, grpcType)
	}
	return t.add(name, value)
}

// addStatus takes :status, which stands alone and first (RFC 9113 section 8.3.2).
func (t *ResponseText) addStatus(name, value []byte) bool {
	n, err := strconv.ParseUint(string(value), 10, 16)
	if t.status != 0 || string(name) != ":status" || err != nil || len(value) != 3 || n < 100 || n == http.StatusSwitchingProtocols {
		return false // there is no 101 above HTTP/1.1
	}
	t.status = int(n)
	return true
}

// Complete reports that the fields make a response to that request; ended: nothing
// follows them.
func (t *ResponseText) Complete(to *Request, ended bool) bool {
	return t.status != 0 && (!ended || t.IsFinal() && (t.length <= 0 || wire.WithoutContent(t.status, to.IsHEAD)))
}

// IsFinal reports that no other response follows.
func (t *ResponseText) IsFinal() bool { return t.status >= http.StatusOK }

// Put appends the head to the message of in, or reports that there is no room behind
// interim ones that nobody has read; ended: nothing follows it. The request is a tunnel
// from then on only if this opens it.
func (t *ResponseText) Put(in *Input, to *Request, ended bool) bool {
	switched := to.Tunnel && t.status >= 200 && t.status < 300 // RFC 8441 section 5
	if t.IsFinal() {
		to.Tunnel, in.ended = switched, ended
		if wire.WithoutContent(t.status, to.IsHEAD) {
			in.measured, in.promised, in.chunked = true, 0, false
		} else {
			in.measured, in.promised = t.length >= 0, t.length
			// HTTP/1.1 has trailers only behind chunks.
			in.chunked = !ended && (!in.measured || t.trailed) && !switched
		}
	}
	t.beginLine(switched)
	switch {
	case switched:
		t.whole = append(t.whole, "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "...)
		t.whole = append(to.Key.appendAccept(t.whole), "\r\n"...)
	case in.chunked && t.IsFinal():
		t.whole = append(t.whole, "Transfer-Encoding: chunked\r\n"...)
	case t.length >= 0 && !wire.WithoutLength(t.status):
		t.whole = append(strconv.AppendInt(append(t.whole, "Content-Length: "...), t.length, 10), "\r\n"...)
	case ended && !wire.WithoutContent(t.status, to.IsHEAD):
		t.whole = append(t.whole, "Content-Length: 0\r\n"...)
	}
	t.whole = append(append(t.whole, t.text...), "\r\n"...)
	return in.Head(t.whole)
}

// beginLine writes the status line. Where a tunnel opens, HTTP/1.1 switches protocols.
func (t *ResponseText) beginLine(switched bool) {
	status := t.status
	if switched {
		status = http.StatusSwitchingProtocols
	}
	t.whole = strconv.AppendInt(append(t.whole[:0], "HTTP/1.1 "...), int64(status), 10)
	t.whole = append(append(append(t.whole, ' '), http.StatusText(status)...), "\r\n"...)
}
