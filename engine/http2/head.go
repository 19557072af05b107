package http2

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// headFault is what is wrong with a header block.
type headFault uint8

const (
	headGood      headFault = iota
	headMalformed           // RFC 9113 section 8.1.1: the stream is reset
	headTooLarge            // 431
)

// headText makes the head of an HTTP/1.1 request of a header block. What could make
// a line of it mean something else is refused here; everything that holds for
// HTTP/1.1 as well is left to the parser of that. Its memory is used again.
type headText struct {
	text    []byte
	pseudo  []byte // values of pseudo fields, one behind the other
	cookies []byte
	whole   []byte      // a response, with its status line
	field   hpack.Field // at hand: the decoder's memory

	method, scheme, authority, path, protocol span
	length                                    int64 // of content-length; -1 without one
	status                                    int   // of a response
	trailed                                   bool  // trailers may follow its content
	lineDone                                  bool  // the request line is written
	hosted                                    bool  // and Host
	expected                                  bool  // content follows, maybe late
	key                                       Key   // of a WebSocket, that we have made
}

// span is a part of pseudo; the zero value was not given.
type span struct {
	from, to int
	given    bool
}

func (t *headText) of(s span) []byte { return t.pseudo[s.from:s.to] }

// headKeep is how much memory is kept for the next head.
const headKeep = 32 << 10

func (t *headText) reset() {
	if cap(t.text)+cap(t.cookies)+cap(t.pseudo)+cap(t.whole) > headKeep {
		*t = headText{}
	}
	*t = headText{text: t.text[:0], pseudo: t.pseudo[:0], cookies: t.cookies[:0], whole: t.whole[:0], length: -1}
}

// read makes the text of a request of the block that d has begun; finish ends it. An
// error is one of the decoder, after which the tables differ.
func (t *headText) read(d *hpack.Decoder, ended bool) (headFault, error) {
	fault, err := t.fields(d, (*headText).add)
	if err == nil && fault == headGood && (!t.line() || ended && t.length > 0) {
		fault = headMalformed
	}
	return fault, err
}

// readTrailers makes field lines of trailers.
func (t *headText) readTrailers(d *hpack.Decoder) (headFault, error) {
	return t.fields(d, (*headText).addTrailer)
}

// fields gives add the fields of the block that d has begun, until it refuses one; the
// rest is decoded for the sake of the table.
func (t *headText) fields(d *hpack.Decoder, add func(*headText, *hpack.Field) bool) (headFault, error) {
	t.reset()
	fault, f := headGood, &t.field
	for {
		more, err := d.Next(f)
		switch {
		case errors.Is(err, hpack.ErrTooLarge):
			return headTooLarge, d.Skip()
		case err != nil, !more:
			return fault, err
		case fault != headGood:
		case !add(t, f):
			fault = headMalformed
		}
	}
}

// add takes one field; false: the request is malformed.
func (t *headText) add(f *hpack.Field) bool {
	if len(f.Name) > 0 && f.Name[0] == ':' {
		return t.addPseudo(f)
	}
	if !t.line() || !validName(f.Name) || !validValue(f.Value) {
		return false
	}
	if aboutConnection(f) {
		return false
	}
	switch string(f.Name) {
	case "host":
		if t.hosted {
			return sameAuthority(t.of(t.scheme), f.Value, t.of(t.authority)) // said already, or said twice
		}
		t.hosted = true
		t.authority = t.keep(f.Value)
	case "content-length":
		if t.tunnels() || !t.addLength(f) { // what a tunnel carries is no content
			return false
		}
	case "sec-websocket-key":
		if t.tunnels() { // RFC 8441 section 5 has none, and the backend gets ours
			return true
		}
	case "content-type", "expect":
		t.noteContent(f.Name, f.Value)
	case "cookie": // section 8.2.3: the crumbs are one field in HTTP/1.1
		if len(t.cookies) > 0 {
			t.cookies = append(t.cookies, "; "...)
		}
		t.cookies = append(t.cookies, f.Value...)
		return true
	}
	return t.addLine(f)
}

// addLine writes a field as it came.
func (t *headText) addLine(f *hpack.Field) bool {
	t.text = append(append(append(t.text, f.Name...), ": "...), f.Value...)
	t.text = append(t.text, "\r\n"...)
	return true
}

// addLength takes content-length, once; false: it is none, or there are two.
func (t *headText) addLength(f *hpack.Field) bool {
	n, err := strconv.ParseUint(string(f.Value), 10, 63)
	if err != nil || t.length >= 0 {
		return false
	}
	t.length = int64(n)
	return true
}

// aboutConnection reports a field that HTTP/2 does not have (section 8.2.2).
func aboutConnection(f *hpack.Field) bool {
	switch string(f.Name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return string(f.Value) != "trailers"
	}
	return false
}

func (t *headText) keep(value []byte) span {
	from := len(t.pseudo)
	t.pseudo = append(t.pseudo, value...)
	return span{from, len(t.pseudo), true}
}

// addPseudo takes a pseudo field (section 8.3.1): each at most once, all in front.
func (t *headText) addPseudo(f *hpack.Field) bool {
	var at *span
	switch string(f.Name) {
	case ":method":
		at = &t.method
	case ":scheme":
		at = &t.scheme
	case ":authority":
		at = &t.authority
	case ":path":
		at = &t.path
	case ":protocol":
		at = &t.protocol
	default:
		return false
	}
	if t.lineDone || at.given || !validPseudo(f.Value) {
		return false
	}
	*at = t.keep(f.Value)
	return true
}

// line writes the request line and Host, once the pseudo fields are complete.
func (t *headText) line() bool {
	if t.lineDone {
		return true
	}
	t.lineDone = true
	method := t.of(t.method)
	connect := string(method) == "CONNECT"
	switch {
	case len(method) == 0:
		return false
	case connect && !t.protocol.given: // section 8.5; the parser refuses it
		if !t.authority.given || t.scheme.given || t.path.given {
			return false
		}
		t.text = append(append(append(t.text, "CONNECT "...), t.of(t.authority)...), " HTTP/1.1\r\n"...)
		return t.host()
	case !t.isWeb() || !t.originForm(), t.protocol.given && !connect:
		return false
	case connect: // RFC 8441 section 5: what HTTP/1.1 calls an upgrade
		method = []byte("GET")
	}
	t.text = append(append(t.text, method...), ' ')
	t.text = append(append(t.text, t.of(t.path)...), " HTTP/1.1\r\n"...)
	if !t.host() {
		return false
	}
	if connect {
		t.text = append(append(t.text, "Connection: upgrade\r\nUpgrade: "...), t.of(t.protocol)...)
		t.text = append(t.text, "\r\n"...)
		if string(t.of(t.protocol)) == "websocket" {
			t.key = newKey()
			t.text = append(append(append(t.text, "Sec-WebSocket-Key: "...), t.key[:]...), "\r\n"...)
		}
	}
	return true
}

// isWeb reports the two schemes there are; which of them does not count: proxies in
// front of us take TLS off.
func (t *headText) isWeb() bool {
	scheme := t.of(t.scheme)
	return wire.EqualFold(scheme, "http") || wire.EqualFold(scheme, "https")
}

// originForm reports a path that names nothing but a path: an absolute URL would
// be read as one by the parser, and replace the authority.
func (t *headText) originForm() bool {
	path := t.of(t.path)
	return len(path) > 0 && path[0] == '/' || string(path) == "*" && string(t.of(t.method)) == "OPTIONS"
}

// host writes Host, where the authority is known. Whether it is one is the parser's
// matter, but an empty one would be a Host that names nobody.
func (t *headText) host() bool {
	if !t.authority.given {
		return true // a Host field may follow
	}
	t.hosted = true
	t.text = append(append(append(t.text, "Host: "...), t.of(t.authority)...), "\r\n"...)
	return len(t.of(t.authority)) > 0
}

// sameAuthority reports that two authorities of a URL with this scheme are the same one:
// a port that is empty, or the scheme's own, says nothing (RFC 9113 section 8.3.1, RFC
// 3986 section 6.2.3).
func sameAuthority(scheme, a, b []byte) bool {
	return bytes.EqualFold(withoutOwnPort(scheme, a), withoutOwnPort(scheme, b))
}

// withoutOwnPort is an authority without a port that says nothing.
func withoutOwnPort(scheme, authority []byte) []byte {
	i := bytes.LastIndexByte(authority, ':')
	if i < 0 {
		return authority
	}
	own := "80"
	if wire.EqualFold(scheme, "https") {
		own = "443"
	}
	if port := string(authority[i+1:]); port != "" && port != own {
		return authority
	}
	return authority[:i]
}

func (t *headText) isHEAD() bool  { return string(t.of(t.method)) == "HEAD" }
func (t *headText) tunnels() bool { return t.protocol.given }

// fieldLines is the text without its tail, until the next read: once.
func (t *headText) fieldLines() []byte {
	if len(t.cookies) > 0 {
		t.text = append(append(append(t.text, "Cookie: "...), t.cookies...), "\r\n"...)
	}
	return t.text
}

// finish is the whole text, until the next read.
func (t *headText) finish(chunked bool) []byte {
	t.text = append(t.fieldLines(), t.tail(chunked)...)
	return t.text
}

// wantsLength reports a method whose request has content by its nature: one without
// says so (RFC 9110 section 8.6).
func wantsLength(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH", "QUERY":
		return true
	}
	return false
}

// addTrailer takes one field of trailers; false: they are malformed.
func (t *headText) addTrailer(f *hpack.Field) bool {
	if !validName(f.Name) || !validValue(f.Value) || aboutConnection(f) {
		return false
	}
	return t.addLine(f)
}
