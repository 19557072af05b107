package http2

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it, and it is no secret
	"encoding/base64"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// takeRequestLocked takes the head of a request to a backend: the stream gets its
// number, and is open.
func (st *Stream) takeRequestLocked(text []byte) (int, error) {
	s, m, a := st.session, &st.session.mu, &st.answer
	if m.goingAway {
		return 0, st.unsentLocked()
	}
	h := &s.client.request
	n, err := h.Parse(text, &answerLimits)
	if err != nil || n == 0 {
		return 0, errText
	}
	if h.UpgradeWanted && (!s.client.connects || !wire.EqualFold(h.UpgradeTo, "websocket")) {
		st.refuseLocked()
		return 0, errReset
	}
	st.keepPromiseLocked()
	st.id = s.client.nextID
	s.client.nextID += 2
	st.isHEAD, st.tunnel, st.window = string(h.Method) == "HEAD", h.UpgradeWanted, m.initial
	m.streams[st.id], m.quiet = st, 0
	end := false
	switch {
	case st.tunnel:
		a.state = answerRaw
		copy(st.key[:], h.Lookup("sec-websocket-key"))
	case h.Framing == wire.ChunkedBody:
		a.state = answerChunked
	case h.ContentLength > 0:
		a.state, a.left = answerLength, h.ContentLength
	default:
		a.state, end = answerDone, true
	}
	m.block = s.client.appendRequest(&m.enc, m.block[:0], st.Conn.Secure())
	st.sendBlockLocked(end)
	return n, nil
}

// unsentLocked is a stream that cannot be opened any more.
func (st *Stream) unsentLocked() error {
	st.gone, st.why = true, pool.ErrStreamUnsent
	st.Conn.MarkReadable()
	return errReset
}

// refuseLocked answers a request to switch protocols in the name of a backend that
// cannot do so over HTTP/2.
func (st *Stream) refuseLocked() {
	st.headed, st.ended, st.gone, st.why = true, true, true, errReset
	before := st.in.Len()
	st.in.Append([]byte("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"))
	st.headLeft += st.in.Len() - before
	st.Conn.MarkReadable()
}

// appendRequest encodes the request that was parsed (RFC 9113 section 8.3.1).
func (c *client) appendRequest(enc *hpack.Encoder, block []byte, secure bool) []byte {
	h := &c.request
	if h.UpgradeWanted { // RFC 8441 section 4
		block = enc.AppendField(block, nameMethod, valueConnect, hpack.Auto)
		block = enc.AppendField(block, nameProtocol, h.UpgradeTo, hpack.Auto)
	} else {
		block = enc.AppendField(block, nameMethod, h.Method, hpack.Auto)
	}
	scheme := schemeHTTP
	if secure {
		scheme = schemeHTTPS
	}
	block = enc.AppendField(block, nameScheme, scheme, hpack.Auto)
	block = enc.AppendField(block, nameAuthority, h.Host, hpack.Auto)
	block = enc.AppendField(block, namePath, h.Target, hpack.Auto)
	for i := range h.Fields {
		f := &h.Fields[i]
		if f.Drop || f.ID == wire.FieldHost || h.UpgradeWanted && wire.EqualFold(h.Name(f), "sec-websocket-key") {
			continue
		}
		block = enc.AppendField(block, h.Name(f), h.FieldValue(f), hpack.Auto)
	}
	if h.AcceptsTrailers {
		block = enc.AppendField(block, nameTE, valueTrailers, hpack.Auto)
	}
	return block
}

var (
	nameMethod    = []byte(":method")
	nameProtocol  = []byte(":protocol")
	nameScheme    = []byte(":scheme")
	nameAuthority = []byte(":authority")
	namePath      = []byte(":path")
	nameTE        = []byte("te")
	valueConnect  = []byte("CONNECT")
	valueTrailers = []byte("trailers")
	schemeHTTP    = []byte("http")
	schemeHTTPS   = []byte("https")
)

// Key is a Sec-WebSocket-Key: 16 bytes in base64. The zero value is none.
type Key [24]byte

// Accepts reports that a backend of HTTP/1.1 has answered with what belongs to the key
// (RFC 6455 section 4.1). Where there is none, anything does.
func (k *Key) Accepts(answer []byte) bool {
	return *k == Key{} || bytes.Equal(answer, appendAccept(nil, *k))
}

// appendAccept appends what a server of HTTP/1.1 says to a key (RFC 6455 section
// 4.2.2).
func appendAccept(b []byte, key Key) []byte {
	sum := sha1.Sum(append(bytes.Clone(key[:]), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...)) //nolint:gosec // it is no secret
	return base64.StdEncoding.AppendEncode(b, sum[:])
}
