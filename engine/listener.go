package engine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// listener is one bound address. It outlives generations as long as its address
// stays; what a generation says about it (name, timeouts, limits, trusted
// proxies) is in table.listeners[slot].
type listener struct {
	key     string // see listenerKey
	address string
	at      string          // as bound
	port    uint16          // likewise; 0 for a unix socket
	bound   []*socket.Bound // its sockets until listen
	slot    int             // index into every table's listeners; never given twice
	shards  []*shard
	sockets []*socket.Acceptor
	quic    *quicPort   // nil without http3; only a reload changes it
	overUDP atomic.Bool // its port is taken, and announced

	connections atomic.Int64 // open, over all shards
	streams     atomic.Int64 // of HTTP/2 and HTTP/3, whose exchange has not ended
	tunnels     atomic.Int64 // likewise
	perIP       limit.Addresses
}

// listenerKey is what a listener is known by over reloads: its address, whatever its
// name. Where the kernel chooses the port, one address is as many sockets as there are
// names.
func listenerKey(name, address string) string {
	if strings.HasSuffix(address, ":0") && !strings.HasPrefix(address, "unix:") {
		return name + "=" + address
	}
	return address
}

// bindPatience is for how long an address that is in use is asked for again: a
// process, or a listener of ours, that has begun to drain holds it until its queue
// of connections is empty.
const bindPatience = 3 * backlogTime

func bindError(name, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listeners.%s: cannot listen on %q: the address is already in use by another process (ss -ltnp shows which)",
			name, address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listeners.%s: cannot listen on %q: no permission (ports below 1024 need CAP_NET_BIND_SERVICE): %w", name, address, err)
	}
	return fmt.Errorf("listeners.%s: cannot listen on %q: %w", name, address, err)
}

// openListener binds a listener; it does not listen yet.
func (e *Engine) openListener(name, address string, slot int) (*listener, error) {
	bound, err := socket.Claim(address, e.shardCount, bindPatience)
	if err != nil {
		return nil, bindError(name, address, err)
	}
	l := &listener{key: listenerKey(name, address), address: address, at: address, slot: slot, bound: bound}
	if !l.isUnix() {
		l.at, l.port = bound[0].Addr().String(), portAt(bound[0].Addr()).Port()
	}
	return l, nil
}

func (l *listener) isUnix() bool { return strings.HasPrefix(l.address, "unix:") }

// listen makes shards of what was bound. From here on the kernel completes handshakes
// of clients; nobody accepts yet.
func (l *listener) listen(e *Engine) error {
	for _, b := range l.bound {
		ln, err := b.Listen()
		if err != nil {
			return err
		}
		from, err := socket.NewAcceptor(ln)
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		l.sockets = append(l.sockets, from)
	}
	for i := range e.shardCount {
		l.shards = append(l.shards, newShard(e, l, i, l.sockets[i%len(l.sockets)]))
	}
	return nil
}

// Addr is the bound address; it differs from the configured one when that
// asked for port 0.
func (l *listener) Addr() string { return l.at }

// accept starts all shards.
func (l *listener) accept() {
	for _, s := range l.shards {
		s.start()
	}
}

// close stops accepting; connections go on.
func (l *listener) close() {
	socket.Forgo(l.bound) // those that do not listen yet
	for _, ln := range l.sockets {
		_ = ln.Close() // the accept loops see net.ErrClosed and end
	}
	if l.quic != nil {
		l.quic.stop()
	}
}

// release gives back what the connections of a closed listener needed.
func (l *listener) release() {
	if l.quic != nil {
		l.quic.release()
	}
}

// opening is what a configuration listens on: all of it, and what is new. It has two
// steps. The first binds every address, and the kernel refuses whoever connects. The
// second, listen, comes when nothing else can fail any more: a start or a reload that is
// refused has never taken a connection, which it could only have reset.
type opening struct {
	bound     map[string]*listener // by name
	listeners []newListener
	ports     []*quicPort
}

// newListener is a listener with the name that faults are told with.
type newListener struct {
	*listener

	name string
}

// listen is the second step. All addresses are asked for once more before the first
// socket listens: two processes may have bound the same one, as long as neither listened.
func (o *opening) listen(e *Engine) error {
	for _, l := range o.listeners {
		if l.isUnix() {
			continue
		}
		if _, err := socket.Vacant(l.at, 0); err != nil {
			return bindError(l.name, l.address, err)
		}
	}
	for _, l := range o.listeners {
		if err := l.listen(e); err != nil {
			return bindError(l.name, l.address, err)
		}
	}
	for _, p := range o.ports {
		if p.socket == nil {
			continue // somebody else has the port: accept takes it later
		}
		if err := p.take(); err != nil {
			return fmt.Errorf("listeners: cannot serve http3 on UDP %q: %w", p.at, err)
		}
	}
	return nil
}

// close takes back what is new.
func (o *opening) close() {
	for _, p := range o.ports {
		p.release()
	}
	for _, l := range o.listeners {
		l.close()
	}
}

// portOf is the UDP port of l: its own, or the one that was just opened.
func portOf(l *listener, opened []*quicPort) *quicPort {
	for _, p := range opened {
		if p.ln == l {
			return p
		}
	}
	return l.quic
}

// openListeners binds the addresses that are not open yet.
func (e *Engine) openListeners(cfg *config.Config) (*opening, error) {
	o := &opening{bound: map[string]*listener{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		c := cfg.Listeners[name]
		l, ok := e.apply.listeners[listenerKey(name, c.Address)]
		if !ok {
			var err error
			if l, err = e.openListener(name, c.Address, e.apply.slots); err != nil {
				errs = append(errs, err)
				continue
			}
			e.apply.slots++
			o.listeners = append(o.listeners, newListener{l, name})
		}
		o.bound[name] = l
		if !c.HTTP3 || l.quic != nil {
			continue
		}
		p, err := e.openQUIC(name, l)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.ports = append(o.ports, p)
	}
	if len(errs) == 0 {
		return o, nil
	}
	o.close()
	return nil, errors.Join(errs...)
}

// How long a socket that refuses new connections is kept for handshakes of TCP that
// have begun: on loopback they are over at once.
const (
	backlogTime      = 100 * time.Millisecond
	backlogTimeLocal = 5 * time.Millisecond
)

func portAt(at net.Addr) netip.AddrPort {
	if a, ok := at.(addrPort); ok {
		return a.AddrPort()
	}
	return netip.AddrPort{}
}
