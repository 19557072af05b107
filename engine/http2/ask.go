package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// takeRequestLocked takes the head of a request to a backend: the stream gets its
// number, and is open.
func (st *Stream) takeRequestLocked(text []byte) (int, error) {
	s, m := st.session, &st.session.mu
	if m.away {
		return 0, st.unsentLocked()
	}
	h := &s.client.request
	p, err := st.output.NextRequest(text, h)
	if err != nil {
		return 0, err
	}
	if h.UpgradeWanted && (!s.client.connects || !wire.EqualFold(h.UpgradeTo, "websocket")) {
		st.cannotSwitchLocked()
		return 0, stream.ErrReset
	}
	st.keepPromiseLocked()
	st.id = s.client.nextID
	s.client.nextID += 2
	st.IsHEAD, st.Tunnel, st.window = string(h.Method) == "HEAD", h.UpgradeWanted, m.initial
	if st.Tunnel {
		copy(st.Key[:], h.Lookup("sec-websocket-key"))
	}
	m.streams[st.id], m.quietNanos = st, 0
	m.block = s.client.appendRequest(&m.enc, m.block[:0], st.Conn.Secure())
	st.sendBlockLocked(p.Last)
	return p.Bytes, nil
}

// unsentLocked is a stream that cannot be opened any more.
func (st *Stream) unsentLocked() error {
	st.gone = true
	st.input.Fail(socket.ErrStreamUnsent)
	st.Conn.MarkReadable()
	return stream.ErrReset
}

// cannotSwitchLocked answers a request to switch protocols in the name of a backend that
// cannot do so over HTTP/2.
func (st *Stream) cannotSwitchLocked() {
	st.headed, st.gone = true, true
	st.input.Head([]byte("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n"))
	st.input.End()
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
