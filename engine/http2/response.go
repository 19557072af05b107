package http2

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// grpcType begins the media types of gRPC, whose trailers are not announced.
var grpcType = []byte("application/grpc")

// readResponse makes the text of a response head of the block that d has begun, but
// for what finishResponse adds.
func (t *headText) readResponse(d *hpack.Decoder) (headFault, error) {
	fault, err := t.fields(d, (*headText).addResponse)
	if err == nil && fault == headGood && t.status == 0 {
		fault = headMalformed
	}
	return fault, err
}

// addResponse takes one field; false: the response is malformed.
func (t *headText) addResponse(f *hpack.Field) bool {
	if len(f.Name) > 0 && f.Name[0] == ':' {
		return t.addStatus(f)
	}
	if t.status == 0 || !validName(f.Name) || !validValue(f.Value) {
		return false
	}
	switch string(f.Name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te":
		return false
	case "content-length":
		return t.addLength(f) // finishResponse says it, where it is how the content is told
	case "trailer":
		t.trailed = true
	case "content-type":
		t.trailed = t.trailed || bytes.HasPrefix(f.Value, grpcType)
	}
	return t.addLine(f)
}

// addStatus takes :status, which stands alone and first (RFC 9113 section 8.3.2).
func (t *headText) addStatus(f *hpack.Field) bool {
	n, err := strconv.ParseUint(string(f.Value), 10, 16)
	if t.status != 0 || string(f.Name) != ":status" || err != nil || len(f.Value) != 3 || n < 100 || n == http.StatusSwitchingProtocols {
		return false // there is no 101 in HTTP/2
	}
	t.status = int(n)
	return true
}

// finishResponse is the whole text of the head of st's answer, until the next read.
func (t *headText) finishResponse(st *Stream, end, switched bool) []byte {
	status := t.status
	if switched {
		status = http.StatusSwitchingProtocols
	}
	t.whole = strconv.AppendInt(append(t.whole[:0], "HTTP/1.1 "...), int64(status), 10)
	t.whole = append(append(append(t.whole, ' '), http.StatusText(status)...), "\r\n"...)
	switch {
	case switched:
		t.whole = append(t.whole, "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "...)
		t.whole = append(appendAccept(t.whole, st.key), "\r\n"...)
	case st.chunked && t.status >= http.StatusOK:
		t.whole = append(t.whole, "Transfer-Encoding: chunked\r\n"...)
	case t.length >= 0 && !wire.WithoutLength(t.status):
		t.whole = append(strconv.AppendInt(append(t.whole, "Content-Length: "...), t.length, 10), "\r\n"...)
	case end && !wire.WithoutContent(t.status, st.isHEAD):
		t.whole = append(t.whole, "Content-Length: 0\r\n"...)
	}
	t.whole = append(append(t.whole, t.text...), "\r\n"...)
	return t.whole
}
