package engine

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// prepare renders the head every attempt sends, once an exchange. Field lines
// that pass are copied as the client wrote them, in runs of neighbours: the
// parser has checked each byte, and a rebuilt header would cost 300 ns more.
func (x *exchange) prepare() {
	h := &x.head
	trusted := x.policy.trusted.Trusts(x.c.ip)
	replaced := replacedSet
	target, query, host, added := x.target, h.Query, x.hostSent(), []byte(nil)
	if x.staged {
		c := &x.call
		target, query, added = c.Target, c.Query, c.Request.Added()
		if c.Host != nil {
			host = c.Host
		}
		if x.holds {
			replaced |= 1 << wire.FieldContentLength
		}
	}
	if x.traced && !x.owned(wire.FieldTraceparent) {
		replaced |= x.untraced()
	}
	x.dropFields(trusted, replaced)

	b := x.out[:0]
	b = append(append(b, h.Method...), ' ')
	b = append(b, target...)
	if query != nil {
		b = append(append(b, '?'), query...)
	}
	b = append(append(b, " HTTP/1.1\r\nHost: "...), host...)
	b = append(h.AppendFields(append(b, "\r\n"...)), added...)
	b = x.appendForwarded(b, trusted)
	switch {
	case x.staged && x.call.Request.Owns(wire.FieldVia):
	case x.c.stream != nil:
		b = append(b, x.c.via...)
	case h.Minor == 0:
		b = append(b, via10...)
	default:
		b = append(b, via11...)
	}
	switch {
	case x.staged && x.holds:
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(x.held)), 10), "\r\n"...)
	case h.Framing == wire.ChunkedBody:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	x.out = append(x.appendConnection(b), "\r\n"...)
}

// appendConnection writes what concerns the connection to the backend. A request
// with a body is not switched: where its body ends and the other protocol begins,
// peers do not agree.
func (x *exchange) appendConnection(b []byte) []byte {
	h := &x.head
	x.upgrading = h.UpgradeWanted && x.body.Done()
	if h.AcceptsTrailers {
		b = append(b, "TE: trailers\r\n"...)
	}
	switch {
	case x.upgrading && h.AcceptsTrailers:
		b = append(b, "Connection: TE, upgrade\r\n"...)
	case x.upgrading:
		b = append(b, "Connection: upgrade\r\n"...)
	case h.AcceptsTrailers:
		b = append(b, "Connection: TE\r\n"...)
	}
	if x.fwd.pool.announces && !x.upgrading {
		b = append(b, "Connection: close\r\n"...)
	}
	if x.upgrading {
		b = append(append(append(b, "Upgrade: "...), h.UpgradeTo...), "\r\n"...)
	}
	return b
}

// hostSent is the authority as the client sent it. A client of HTTP/1.0 may
// send none; it then addressed the socket.
func (x *exchange) hostSent() []byte {
	if len(x.head.Host) > 0 || x.head.Has(wire.FieldHost) {
		return x.head.Host
	}
	return x.c.localAddr()
}

// replacedSet are the fields that are written anew; vouchedSet those that only a trusted
// peer may send. Names with underscores are what CGI backends make of the same names with
// hyphens.
const (
	replacedSet wire.FieldSet = 1<<wire.FieldHost | 1<<wire.FieldXForwardedFor | 1<<wire.FieldIsameAttempts
	vouchedSet  wire.FieldSet = 1<<wire.FieldXForwardedFor | 1<<wire.FieldXForwardedProto | 1<<wire.FieldXForwardedHost |
		1<<wire.FieldXForwardedPort | 1<<wire.FieldXForwardedOther | 1<<wire.FieldForwarded | 1<<wire.FieldXRealIP |
		1<<wire.FieldXRequestID | 1<<wire.FieldClientCert | 1<<wire.FieldUnderscoreTwin
)

// dropFields marks the lines of these fields, and those that the peer is not trusted with.
func (x *exchange) dropFields(trusted bool, set wire.FieldSet) {
	set |= x.policy.disbelieved
	if !trusted {
		set |= vouchedSet
	}
	if x.body.Done() {
		set |= 1 << wire.FieldExpect
	}
	for i := range x.head.Fields {
		f := &x.head.Fields[i]
		f.Drop = f.Drop || set.Has(f.ID)
	}
	x.policy.vouched.Drop(&x.head.Head, trusted)
}

// appendForwarded writes who asked, how, and under which id. What a trusted
// peer said stands; the peer itself is added to its list.
func (x *exchange) appendForwarded(b []byte, trusted bool) []byte {
	h := &x.head
	if !x.owned(wire.FieldXForwardedFor) {
		b = x.appendForwardedFor(b, trusted)
	}
	if (!trusted || !h.Has(wire.FieldXForwardedProto)) && !x.owned(wire.FieldXForwardedProto) {
		b = append(append(append(b, "X-Forwarded-Proto: "...), x.c.scheme()...), "\r\n"...)
	}
	if (!trusted || !h.Has(wire.FieldXForwardedHost)) && !x.owned(wire.FieldXForwardedHost) {
		b = append(append(append(b, "X-Forwarded-Host: "...), x.hostSent()...), "\r\n"...)
	}
	if (!trusted || !h.Has(wire.FieldXRequestID)) && !x.owned(wire.FieldXRequestID) {
		b = append(b, "X-Request-Id: "...)
		if x.idMade {
			b = append(b, x.id[:]...)
		} else {
			b = appendID(b)
		}
		x.idEnd = len(b)
		b = append(b, "\r\n"...)
	}
	if x.traced && !x.owned(wire.FieldTraceparent) {
		b, x.spanEnd = x.traceSpan.Append(b)
	}
	return x.appendClient(b)
}

// untraced are the fields of the trace context that do not pass as they came: traceparent,
// and a tracestate that is none or belongs to no trace.
func (x *exchange) untraced() wire.FieldSet {
	var state trace.StateCheck
	ok := x.traceSpan.HasParent()
	for i := range x.head.Fields {
		if f := &x.head.Fields[i]; f.ID == wire.FieldTracestate {
			ok = ok && state.Line(x.head.FieldValue(f))
		}
	}
	if ok && state.Any() {
		return 1 << wire.FieldTraceparent
	}
	return 1<<wire.FieldTraceparent | 1<<wire.FieldTracestate
}

// appendForwardedFor appends the peer to the list that it is trusted with. Where it says by
// another field who the client is the list is not its word: there is a new one then.
func (x *exchange) appendForwardedFor(b []byte, trusted bool) []byte {
	h := &x.head
	b = append(b, "X-Forwarded-For: "...)
	if x.policy.clientField != "" {
		if client := x.clientAddr(); client.IsValid() && client != x.c.ip {
			b = append(client.AppendTo(b), ", "...)
		}
		return append(append(b, x.c.peerName()...), "\r\n"...)
	}
	if trusted && h.Has(wire.FieldXForwardedFor) {
		for i := range h.Fields {
			if f := &h.Fields[i]; f.ID == wire.FieldXForwardedFor && f.ValueEnd > f.ValueOff {
				b = append(append(b, h.FieldValue(f)...), ", "...)
			}
		}
	}
	return append(append(b, x.c.peerName()...), "\r\n"...)
}

// clientAddr is the address of the client, as far as the listener believes it.
func (x *exchange) clientAddr() netip.Addr {
	if x.clientKnown {
		return x.client
	}
	p := x.policy
	if p.clientField != "" {
		x.client = p.trusted.ClientIn(p.clientField, x.c.ip, &x.head.Head)
	} else {
		x.client = p.trusted.Client(x.c.ip, &x.head.Head)
	}
	x.clientKnown = true
	return x.client
}

// trailersSent are the trailers of the request that go to the backend: none of
// the fields it would believe.
func (x *exchange) trailersSent() *wire.Head {
	h := x.body.Trailers()
	if h != nil {
		x.policy.vouched.Drop(h, x.policy.trusted.Trusts(x.c.ip))
	}
	return h
}

// appendClient appends the field lines about the client's certificate. The loop
// calls it, so that the streams of a connection may share what is rendered.
func (x *exchange) appendClient(b []byte) []byte {
	if x.policy.tls == nil {
		return b
	}
	c := x.c
	fields := x.policy.tls.terms.Of(c.sni).Clients
	if fields == nil {
		return b
	}
	if c.parent != nil {
		c = c.parent
	}
	if c.client == nil || c.client.of != fields {
		s := c.TLSState()
		c.client = &clientLines{of: fields, text: fields.Append(nil, &s)}
	}
	return append(b, c.client.text...)
}

// owned reports that a stage has said what becomes of a field of the request that is
// ours otherwise.
func (x *exchange) owned(id wire.FieldID) bool { return x.staged && x.call.Request.Owns(id) }

// requestIDBytes is the length of an id of our own.
const requestIDBytes = 32

// appendID appends 128 random bits in hexadecimal.
func appendID(b []byte) []byte {
	var id [requestIDBytes / 2]byte
	lo, hi := random(), random()
	for i := range 8 {
		id[i], id[i+8] = byte(lo>>(8*i)), byte(hi>>(8*i))
	}
	return hex.AppendEncode(b, id[:])
}

// grpcTimeoutDigits bounds the value of grpc-timeout.
const grpcTimeoutDigits = 8

// grpcUnit is a unit, in nanoseconds, of grpc-timeout.
func grpcUnit(c byte) int64 {
	switch c {
	case 'H':
		return int64(time.Hour)
	case 'M':
		return int64(time.Minute)
	case 'S':
		return int64(time.Second)
	case 'm':
		return int64(time.Millisecond)
	case 'u':
		return int64(time.Microsecond)
	case 'n':
		return 1
	}
	return 0
}

// grpcTimeout is the time that a call gives itself; 0 is no limit.
func grpcTimeout(value []byte) time.Duration {
	last := len(value) - 1
	if last < 1 || last > grpcTimeoutDigits {
		return 0
	}
	n, unit := int64(0), grpcUnit(value[last])
	for _, c := range value[:last] {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	if unit == 0 || n > math.MaxInt64/unit {
		return 0
	}
	return time.Duration(n * unit)
}

// upgrades reports that the backend has agreed to what the client asked for.
func (x *exchange) upgrades() bool {
	return x.upgrading && x.attempt.Response.UpgradeTo != nil && wire.HasElement(x.head.UpgradeTo, x.attempt.Response.UpgradeTo)
}

const statusSwitched = 101
