package handler

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Secured is the connection of a client that speaks TLS.
type Secured interface {
	// TLSState is its state; a handler may ask at any time until its end.
	TLSState() tls.ConnectionState
}

// Addresses are the two ends of the client's connection. Most handlers never ask, so that
// they are not looked up before. The zero value of an end is none, as of a unix socket.
type Addresses interface {
	// Remote is the client, Local where it came to.
	Remote() netip.AddrPort
	Local() netip.AddrPort
}

// peer is the connection as the handler sees it, and the way from a RequestCtx back to its
// Call. Only its addresses can be asked for. Goroutines that a handler has left behind may
// ask when the exchange is over: what was not known before is not there any more then.
type peer struct {
	call *Call

	mu            sync.Mutex
	of            Addresses // nil: the exchange is over
	tls           Secured   // likewise, or clear text
	remote, local address
}

// attach begins with the connection of an exchange, and detach ends it.
func (p *peer) attach(of Addresses, over Secured) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of, p.tls, p.remote.known, p.local.known = of, over, false, false
}

func (p *peer) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of, p.tls = nil, nil
}

// securePeer is peer where the client speaks TLS: fasthttp tells by the methods.
type securePeer struct{ peer }

// Handshake has been done long ago.
func (p *securePeer) Handshake() error { return nil }

// ConnectionState makes ctx.IsTLS true, and is what ctx.TLSConnectionState returns.
func (p *securePeer) ConnectionState() tls.ConnectionState {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tls == nil {
		return tls.ConnectionState{}
	}
	return p.tls.TLSState()
}

func (p *peer) owner() *Call { return p.call }

// RemoteAddr is the client's address.
func (p *peer) RemoteAddr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.remote.known && p.of != nil {
		p.remote.set(p.of.Remote())
	}
	return p.remote.addr()
}

// LocalAddr is the address that the client has connected to.
func (p *peer) LocalAddr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.local.known && p.of != nil {
		p.local.set(p.of.Local())
	}
	return p.local.addr()
}

// Read, Write and Close, and the deadlines, are refused.
func (p *peer) Read([]byte) (int, error) { return 0, ErrNoConnection }

// Write implements net.Conn.
func (p *peer) Write([]byte) (int, error) { return 0, ErrNoConnection }

// Close implements net.Conn.
func (p *peer) Close() error { return ErrNoConnection }

// SetDeadline implements net.Conn.
func (p *peer) SetDeadline(time.Time) error { return ErrNoConnection }

// SetReadDeadline implements net.Conn.
func (p *peer) SetReadDeadline(time.Time) error { return ErrNoConnection }

// SetWriteDeadline implements net.Conn.
func (p *peer) SetWriteDeadline(time.Time) error { return ErrNoConnection }

// address is a net.TCPAddr that is used again and again. As everything of a RequestCtx it
// is the handler's until the handler returns.
type address struct {
	known bool
	tcp   net.TCPAddr
	room  [16]byte
}

func (a *address) set(at netip.AddrPort) {
	a.known, a.tcp = true, net.TCPAddr{Port: int(at.Port())}
	switch ip := at.Addr().Unmap(); {
	case ip.Is4():
		four := ip.As4()
		a.tcp.IP = a.room[:copy(a.room[:], four[:])]
	case ip.Is6():
		a.room = ip.As16()
		a.tcp.IP, a.tcp.Zone = a.room[:], ip.Zone()
	}
}

// addr is nil where there is none, as of a unix socket: fasthttp says 0.0.0.0 then.
func (a *address) addr() net.Addr {
	if !a.known || a.tcp.IP == nil {
		return nil
	}
	return &a.tcp
}
