package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool"
)

// listener is one bound address. It outlives generations as long as its address
// stays; what a generation says about it (name, timeouts, limits, trusted
// proxies) is in table.listeners[slot].
type listener struct {
	key     string // see listenerKey
	address string
	slot    int // index into every table's listeners; never given twice
	shards  []*shard
	sockets []*pool.Acceptor
	quic    *quicPort   // nil without http3; only a reload changes it
	overUDP atomic.Bool // its port is taken, and announced

	connections atomic.Int64 // open, over all shards
	streams     atomic.Int64 // of HTTP/2 and HTTP/3, whose exchange has not ended
	tunnels     atomic.Int64 // likewise
	perIP       addressCounts
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

// bind opens the sockets of a listener: for TCP one a shard with SO_REUSEPORT,
// between which the kernel spreads connections, for a unix socket one that all
// shards accept from. An address somebody else holds is an error although
// SO_REUSEPORT would let two processes of one user share it in silence.
func bind(name, address string, shards int) ([]net.Listener, error) {
	network, addr := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, addr = "unix", path
	}
	if network == "unix" {
		ln, err := bindUnix(addr)
		if err != nil {
			return nil, bindError(name, address, err)
		}
		return []net.Listener{ln}, nil
	}
	lns, err := bindTCP(addr, shards)
	if err != nil {
		return nil, bindError(name, address, err)
	}
	return lns, nil
}

func bindTCP(addr string, shards int) ([]net.Listener, error) {
	// The first bind is exclusive, so that a foreign holder is seen; only then
	// is the port shared between our own shards.
	ctx := context.Background()
	probe, err := listenAlone(ctx, addr)
	if err != nil {
		return nil, err
	}
	addr = probe.Addr().String() // port 0 was chosen here
	if err := probe.Close(); err != nil {
		return nil, err //nolint:wrapcheck // bindError says what it means
	}
	lc := net.ListenConfig{Control: reusePort}
	lns := make([]net.Listener, 0, shards)
	for range shards {
		ln, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			closeAll(lns)
			return nil, err //nolint:wrapcheck // bindError says what it means
		}
		lns = append(lns, ln)
	}
	return lns, nil
}

// bindPatience is for how long an address that is in use is asked for again: a
// process, or a listener of ours, that has begun to drain holds it until its queue
// of connections is empty.
const bindPatience = 3 * backlogTime

func listenAlone(ctx context.Context, addr string) (net.Listener, error) {
	for by := time.Now().Add(bindPatience); ; {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(by) {
			return ln, err //nolint:wrapcheck // bindError says what it means
		}
		<-time.After(drainPoll)
	}
}

func reusePort(_, _ string, c syscall.RawConn) error {
	var serr error
	err := c.Control(func(fd uintptr) {
		serr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, serr)
}

// bindUnix replaces a socket file that nobody listens on any more.
func bindUnix(path string) (net.Listener, error) {
	ctx, lc := context.Background(), net.ListenConfig{}
	ln, err := lc.Listen(ctx, "unix", path)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return ln, err //nolint:wrapcheck // bindError says what it means
	}
	c, dialErr := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if dialErr == nil {
		return nil, errors.Join(err, c.Close())
	}
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err //nolint:wrapcheck // bindError says what it means
	}
	if rmErr := os.Remove(path); rmErr != nil {
		return nil, errors.Join(err, rmErr)
	}
	return lc.Listen(ctx, "unix", path) //nolint:wrapcheck // bindError says what it means
}

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

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		_ = ln.Close() // nothing was accepted yet
	}
}

// openListener binds and prepares a listener; it does not accept yet.
func (e *Engine) openListener(name, address string, slot int) (*listener, error) {
	socks, err := bind(name, address, e.shardCount)
	if err != nil {
		return nil, err
	}
	l := &listener{key: listenerKey(name, address), address: address, slot: slot}
	for i, socket := range socks {
		from, err := pool.NewAcceptor(socket)
		if err != nil {
			l.close()
			closeAll(socks[i:])
			return nil, bindError(name, address, err)
		}
		l.sockets = append(l.sockets, from)
	}
	for i := range e.shardCount {
		l.shards = append(l.shards, newShard(e, l, i, l.sockets[i%len(socks)]))
	}
	return l, nil
}

// Addr is the bound address; it differs from the configured one when that
// asked for port 0.
func (l *listener) Addr() string {
	if strings.HasPrefix(l.address, "unix:") {
		return l.address
	}
	return l.sockets[0].Addr().String()
}

// accept starts all shards.
func (l *listener) accept() {
	for _, s := range l.shards {
		s.start()
	}
}

// close stops accepting; connections go on.
func (l *listener) close() {
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
