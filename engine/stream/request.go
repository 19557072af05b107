package stream

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Request is what a stream knows of its request beside the text.
type Request struct {
	// Refusal is why the request is refused although it was not read: an answer has
	// to say so. Set, like the others, before the exchange begins.
	Refusal error
	IsHEAD  bool
	Tunnel  bool // it is an extended CONNECT (RFC 8441, RFC 9220)
	Key     Key  // of the WebSocket it asks for: ours to a backend of HTTP/1.1, or the other way round
}

// IsTunnel reports an extended CONNECT: any 2xx means to its client that the tunnel is
// open.
func (r *Request) IsTunnel() bool { return r.Tunnel }

// Accepts reports that a backend has accepted the WebSocket whose key we have made.
func (r *Request) Accepts(answer []byte) bool { return r.Key.Accepts(answer) }

// RequestText makes the head of an HTTP/1.1 request of fields, or the lines of
// trailers. What could make a line of it mean something else is refused here;
// everything that holds for HTTP/1.1 as well is left to the parser of that. Its memory
// is used again, and it begins with Reset.
type RequestText struct {
	lines

	pseudo  []byte // values of pseudo fields, one behind the other
	cookies []byte

	method, scheme, authority, path, protocol span
	lineDone                                  bool // the request line is written
	hosted                                    bool // and Host
	expected                                  bool // content follows, maybe late
	key                                       Key  // of a WebSocket, that we have made
}

// span is a part of pseudo; the zero value was not given.
type span struct {
	from, to int
	given    bool
}

func (t *RequestText) of(s span) []byte { return t.pseudo[s.from:s.to] }

func (t *RequestText) keep(value []byte) span {
	from := len(t.pseudo)
	t.pseudo = append(t.pseudo, value...)
	return span{from, len(t.pseudo), true}
}

// Reset begins another one.
func (t *RequestText) Reset() {
	if cap(t.text)+cap(t.cookies)+cap(t.pseudo) > headKeep {
		*t = RequestText{}
	}
	*t = RequestText{lines: lines{t.text[:0], -1}, pseudo: t.pseudo[:0], cookies: t.cookies[:0]}
}

// Complete reports that the fields make a request; ended: nothing follows them.
func (t *RequestText) Complete(ended bool) bool {
	return t.line() && (!ended || t.length <= 0)
}

// Request is what the fields say beside the text.
func (t *RequestText) Request() Request {
	return Request{IsHEAD: string(t.of(t.method)) == "HEAD", Tunnel: t.tunnels(), Key: t.key}
}

// Put makes the request the message of in, once, but for the end of its head, which
// EndHead writes; ended: nothing follows it.
func (t *RequestText) Put(in *Input, ended bool) {
	if len(t.cookies) > 0 {
		t.text = append(append(append(t.text, "Cookie: "...), t.cookies...), "\r\n"...)
	}
	in.Head(t.text)
	in.measured, in.promised = t.length >= 0, t.length
	in.chunked, in.ended = t.isOpen() && !ended, ended
	in.wantsLength = t.isOpen() && wantsLength(t.of(t.method))
}

// Trailers are the lines of trailers, until Reset.
func (t *RequestText) Trailers() []byte { return t.text }

// AddTrailer takes one field of trailers; false: they are malformed.
func (t *RequestText) AddTrailer(name, value []byte) bool {
	return isField(name, value) && !aboutConnection(name) && !isOddTE(name, value) && t.add(name, value)
}

// Add takes one field; false: the request is malformed. Neither slice is kept.
func (t *RequestText) Add(name, value []byte) bool {
	switch {
	case isPseudo(name):
		return t.addPseudo(name, value)
	case !t.line(), !isField(name, value), aboutConnection(name), isOddTE(name, value):
		return false
	}
	switch string(name) {
	case "host":
		if t.hosted {
			return sameAuthority(t.of(t.scheme), value, t.of(t.authority)) // said already, or said twice
		}
		t.hosted = true
		t.authority = t.keep(value)
	case "content-length":
		if t.tunnels() || !t.addLength(value) { // what a tunnel carries is no content
			return false
		}
	case "sec-websocket-key":
		if t.tunnels() { // RFC 8441 section 5 has none, and the backend gets ours
			return true
		}
	case "content-type", "expect":
		t.noteContent(name, value)
	case "cookie": // RFC 9113 section 8.2.3: the crumbs are one field in HTTP/1.1
		if len(t.cookies) > 0 {
			t.cookies = append(t.cookies, "; "...)
		}
		t.cookies = append(t.cookies, value...)
		return true
	}
	return t.add(name, value)
}

// addPseudo takes a pseudo field (RFC 9113 section 8.3.1): each at most once, all in
// front.
func (t *RequestText) addPseudo(name, value []byte) bool {
	var at *span
	switch string(name) {
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
	if t.lineDone || at.given || !validPseudo(value) {
		return false
	}
	*at = t.keep(value)
	return true
}

// line writes the request line and Host, once the pseudo fields are complete.
func (t *RequestText) line() bool {
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
func (t *RequestText) isWeb() bool {
	scheme := t.of(t.scheme)
	return wire.EqualFold(scheme, "http") || wire.EqualFold(scheme, "https")
}

// originForm reports a path that names nothing but a path: an absolute URL would
// be read as one by the parser, and replace the authority.
func (t *RequestText) originForm() bool {
	path := t.of(t.path)
	return len(path) > 0 && path[0] == '/' || string(path) == "*" && string(t.of(t.method)) == "OPTIONS"
}

// host writes Host, where the authority is known. Whether it is one is the parser's
// matter, but an empty one would be a Host that names nobody.
func (t *RequestText) host() bool {
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

// tunnels reports an extended CONNECT (RFC 8441, RFC 9220).
func (t *RequestText) tunnels() bool { return t.protocol.given }
