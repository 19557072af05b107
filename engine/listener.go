package engine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/match"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/packets"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/trust"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
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
	lent    bool        // its sockets come from the process before
	handed  atomic.Bool // the next process has its sockets

	connections atomic.Int64 // open, over all shards
	streams     atomic.Int64 // of HTTP/2 and HTTP/3, whose exchange has not ended
	tunnels     atomic.Int64 // likewise
	perIP       limit.Addresses
	packets     packets.Counts
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
	key := listenerKey(name, address)
	bound := e.heritage.Take(key, address)
	lent := len(bound) > 0
	if !lent {
		var err error
		if bound, err = socket.Claim(address, e.shardCount, bindPatience); err != nil {
			return nil, bindError(name, address, err)
		}
	}
	l := &listener{key: key, address: address, at: address, slot: slot, bound: bound, lent: lent}
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
	// The process before may have had more cores, and so more sockets: each is accepted from.
	for i := range max(e.shardCount, len(l.sockets)) {
		l.shards = append(l.shards, newShard(e, l, i%e.shardCount, l.sockets[i%len(l.sockets)]))
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
	l.stopQUIC()
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
		if l.isUnix() || l.lent {
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

// listenerPolicy is what a generation says of a listener.
type listenerPolicy struct {
	name           string
	recorded       *records.Name
	number         int // in this generation's index
	header         time.Duration
	bodyGap        time.Duration
	idle           time.Duration
	write          time.Duration
	limits         wire.Limits
	headerBytesMax int
	bodyBytesMax   int64
	bytesPerSecond int64 // of a body or an answer, at least; 0 is no limit
	connectionsMax int64
	perIPMax       int32
	arrivals       *limit.Arrivals    // nil is no limit
	excepted       []match.Predicates // what toHTTPS is not for
	trusted        trust.Networks
	clientField    string        // in lower case, in which those say who the client is; empty is X-Forwarded-For
	disbelieved    wire.FieldSet // what says the same, and is believed from nobody then
	proxy          trust.Proxies
	vouched        trust.Fields
	toHTTPS        *routeEntry // of every request but those excepted; nil where routes decide
	challenge      *routeEntry // of requests of ACME servers
	tls            *tlsPolicy  // nil for clear text
	altSvc         string      // the field line about HTTP/3, or nothing
	h2c            bool
	stats          *observe.ListenerStats
	unrouted       *observe.RouteStats // exchanges without a route
}

// headerBytesUnlimited is the room for a request head where header_bytes is 0.
const headerBytesUnlimited = 1 << 20

func newListenerPolicy(name string, number int, c *config.Listener, reg *observe.Registry) (*listenerPolicy, error) {
	p := &listenerPolicy{
		name: name, recorded: records.NewName(name), number: number,
		header: c.Timeouts.Header, bodyGap: c.Timeouts.Body, idle: c.Timeouts.Idle, write: c.Timeouts.Write,
		headerBytesMax: int(c.Limits.HeaderBytes), bodyBytesMax: int64(c.Limits.BodyBytes),
		bytesPerSecond: int64(c.Limits.MinRate), connectionsMax: int64(c.Limits.Connections),
		perIPMax: int32(min(c.Limits.ConnectionsPerIP, 1<<30)), h2c: c.H2C,
		stats: reg.Listener(name), unrouted: reg.Route(name, ""),
	}
	if p.headerBytesMax <= 0 || p.headerBytesMax > headerBytesUnlimited {
		p.headerBytesMax = headerBytesUnlimited
	}
	p.limits = wire.Limits{HeadBytes: p.headerBytesMax}
	var err error
	if p.trusted, err = trust.ParseProxies(c.TrustedProxies); err != nil {
		return nil, fmt.Errorf("listeners.%s.trusted_proxies: %w", name, err)
	}
	p.believe(c.ClientIPHeader)
	if p.proxy, err = trust.NewProxies(c.ProxyProtocol, c.ProxyProtocolFrom, p.trusted); err != nil {
		return nil, fmt.Errorf("listeners.%s.proxy_protocol_from: %w", name, err)
	}
	p.challenge = p.ownRoute(routeEntry{action: actionChallenge})
	if p.toHTTPS, err = p.redirectHTTPS(c.RedirectHTTPS); err != nil {
		return nil, fmt.Errorf("listeners.%s.redirect_https: %w", name, err)
	}
	if p.excepted, err = exceptions(c.RedirectHTTPS); err != nil {
		return nil, fmt.Errorf("listeners.%s.redirect_https.except: %w", name, err)
	}
	return p, nil
}

// believe sets the field that names the client.
func (p *listenerPolicy) believe(field string) {
	const realIP = "X-Real-IP"
	if strings.EqualFold(field, config.DefaultClientIPHeader) {
		return
	}
	p.clientField, p.disbelieved = strings.ToLower(field), 1<<wire.FieldForwarded
	if !strings.EqualFold(field, realIP) {
		p.disbelieved |= 1 << wire.FieldXRealIP
	}
}

// portHTTPS is the one that stands in no location.
const portHTTPS = 443

// redirectHTTPS is the route of a listener that sends everybody to https. It has
// no name: metrics count it as requests without a route.
func (p *listenerPolicy) redirectHTTPS(c *config.RedirectHTTPS) (*routeEntry, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // no section, no route
	}
	to := "https://{host}"
	if c.Port != portHTTPS {
		to += ":" + strconv.Itoa(c.Port)
	}
	location, err := middleware.NewDestination(to+"{uri}", nil)
	if err != nil {
		return nil, err
	}
	return p.ownRoute(routeEntry{action: actionRedirect, status: c.Status, redirect: location}), nil
}

// ownRoute makes a route of this listener alone, which counts as none.
func (p *listenerPolicy) ownRoute(r routeEntry) *routeEntry {
	r.stats = make([]*observe.RouteStats, p.number+1)
	r.stats[p.number] = p.unrouted
	return &r
}

// expects is the preamble of a new connection; false refuses it: its peer may
// not speak for clients, and nobody else may connect.
func (p *listenerPolicy) expects(ip netip.Addr) (preamble, bool) {
	switch {
	case p.proxy.Believe(ip):
		return preambleProxy, true
	case p.proxy.Require:
		return preambleNone, false
	}
	return p.afterProxy(), true
}

// afterProxy is what comes behind a PROXY header.
func (p *listenerPolicy) afterProxy() preamble {
	if p.tls != nil {
		return preambleTLS
	}
	return preambleNone
}
