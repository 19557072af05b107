package engine

import (
	"crypto/tls"
	"net/netip"

	"github.com/isame-lb/isame-lb/engine/inquiry"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/socket"
)

var _ stage.Facts = (*callFacts)(nil)

// Client is the address that is believed to be the client's.
func (f *callFacts) Client() netip.Addr { return (*exchange)(f).clientAddr() }

// Peer is that of the socket.
func (f *callFacts) Peer() netip.Addr { return f.c.ip }

// Trusted reports that the peer is believed.
func (f *callFacts) Trusted() bool { return f.policy.trusted.Trusts(f.c.ip) }

// Scheme is what the client is believed to speak.
func (f *callFacts) Scheme() []byte { return (*exchange)(f).scheme() }

// Secure reports TLS.
func (f *callFacts) Secure() bool { return f.c.Secure() }

// Port is that of the listener.
func (f *callFacts) Port() uint16 { return f.c.shard.ln.port }

// Protocol is the version of HTTP.
func (f *callFacts) Protocol() string { return (*exchange)(f).protocol() }

// ServerName is the name of the TLS handshake.
func (f *callFacts) ServerName() string {
	if f.c.parent != nil {
		return f.c.parent.sni
	}
	return f.c.sni
}

// Subject is that of the client's certificate.
func (f *callFacts) Subject() string {
	c := f.c
	if c.parent != nil {
		c = c.parent
	}
	if !c.Secure() {
		return ""
	}
	if c.subject == nil {
		subject := ""
		if s := c.TLSState(); len(s.PeerCertificates) > 0 {
			subject = s.PeerCertificates[0].Subject.String()
		}
		c.subject = &subject
	}
	return *c.subject
}

// Route is its name.
func (f *callFacts) Route() string { return f.route.name }

// Pool is the name of the one that was chosen, or will be where there is one.
func (f *callFacts) Pool() string {
	switch {
	case f.fwd.pool != nil:
		return f.fwd.pool.Name()
	case len(f.route.pools) == 1:
		return f.route.pools[0].Name()
	}
	return ""
}

// Backend is the address of the one that was asked last.
func (f *callFacts) Backend() string { return f.backendName }

// Asked is how the backend was asked that answers.
func (f *callFacts) Asked() (scheme, host string) {
	scheme = "http"
	if f.fwd.pool != nil && f.fwd.pool.overTLS {
		scheme = "https"
	}
	if m := f.fwd.member; m != nil {
		host = (*exchange)(f).hostFor(m)
	}
	return scheme, host
}

// Protocols are those that the request comes as.
func (f *callFacts) Protocols() (all match.Protocols) {
	switch f.Protocol() {
	case "HTTP/2":
		all = match.HTTP2
	case "HTTP/3":
		all = match.HTTP3
	default:
		all = match.HTTP1
	}
	if f.IsCall() {
		all |= match.Call
	}
	if f.Upgrades() {
		all |= match.Upgrade
	}
	return all
}

// NextField is a field of the request as it came.
func (f *callFacts) NextField(at int) (name, value []byte, next int) {
	if at >= len(f.head.Fields) {
		return nil, nil, -1
	}
	line := &f.head.Fields[at]
	return f.head.Name(line), f.head.FieldValue(line), at + 1
}

// IsCall reports a call of gRPC.
func (f *callFacts) IsCall() bool { return (*exchange)(f).isGRPC() }

// Upgrades reports that the client asks for another protocol.
func (f *callFacts) Upgrades() bool {
	return f.head.UpgradeWanted || f.c.stream != nil && f.c.stream.IsTunnel()
}

// Unsent reports that content is to come.
func (f *callFacts) Unsent() bool { return !f.body.Done() }

// RequestID is what a trusted peer has said, or an id of our own.
func (f *callFacts) RequestID() []byte {
	x := (*exchange)(f)
	if id := x.requestID(); id != nil {
		return id
	}
	if !x.idMade {
		x.idMade = true
		appendID(x.id[:0])
	}
	return x.id[:]
}

// TLSState is that of the connection.
func (f *callFacts) TLSState() tls.ConnectionState {
	if f.c.parent != nil {
		return f.c.parent.TLSState()
	}
	return f.c.TLSState()
}

// PeerPort is the peer's end of the connection.
func (f *callFacts) PeerPort() netip.AddrPort { return portAt(f.c.RemoteAddr()) }

// Local is our end of it.
func (f *callFacts) Local() netip.AddrPort { return portAt(f.c.LocalAddr()) }

// Shard is the number of the core.
func (f *callFacts) Shard() int { return f.c.shard.index }

// ByNanos is the deadline of the exchange.
func (f *callFacts) ByNanos() int64 { return (*exchange)(f).deadline() }

// Patience is what may be waited with.
func (f *callFacts) Patience(byNanos int64) socket.Patience {
	x := (*exchange)(f)
	return x.patience(socket.Earlier(byNanos, x.deadline()))
}

// Gone reports that nobody waits for the answer.
func (f *callFacts) Gone() bool { return (*exchange)(f).nobodyWaits() }

// Fetch asks a pool for a page. It does not look at the exchange's deadline, which has
// passed where the answer is that a backend was late.
func (f *callFacts) Fetch(w *stage.Wanted) (got stage.Fetched, ok bool) {
	x := (*exchange)(f)
	p := x.table.entries[w.Pool]
	if p == nil {
		return got, false
	}
	q := &inquiry.Inquiry{
		Pool: &p.asks, Shard: x.c.shard.index,
		Head: inquiry.AppendRequest(w.Target, x.hostSent(), x.call.RequestID(), &x.head),
	}
	if p.hashes {
		q.Hash = x.hash(p.HashOn())
	}
	return inquiry.Fetch(q, x.patience(socket.After(socket.Nanos(), w.Within)), w.BytesMax)
}
