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

// bind makes the sockets of a listener: for TCP one a shard with SO_REUSEPORT,
// between which the kernel spreads connections, for a unix socket one that all
// shards accept from. None listens: a start or a reload that is refused must not have
// taken a connection. An address somebody else holds is an error although
// SO_REUSEPORT would let two processes of one user share it in silence.
func bind(address string, shards int) ([]*socket.Bound, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		b, err := bindUnix(path)
		return []*socket.Bound{b}, err
	}
	return bindTCP(address, shards)
}

func bindTCP(addr string, shards int) ([]*socket.Bound, error) {
	// The first bind is exclusive, so that a foreign holder is seen; only then
	// is the port shared between our own shards.
	addr, err := bindAlone(addr, bindPatience)
	if err != nil {
		return nil, err
	}
	all := make([]*socket.Bound, 0, shards)
	for range shards {
		b, err := socket.Bind("tcp", addr, reusePort)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// bindPatience is for how long an address that is in use is asked for again: a
// process, or a listener of ours, that has begun to drain holds it until its queue
// of connections is empty.
const bindPatience = 3 * backlogTime

// bindAlone takes addr for itself and gives it back, for it is free: with the port that
// the kernel chooses for 0. One in use is asked for again for as long as patience.
func bindAlone(addr string, patience time.Duration) (free string, err error) {
	for by := time.Now().Add(patience); ; {
		b, err := socket.Bind("tcp", addr, nil)
		if err == nil {
			return b.Addr().String(), b.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) || !time.Now().Before(by) {
			return "", err
		}
		<-time.After(drainPoll)
	}
}

func reusePort(fd int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// bindUnix replaces a socket file that nobody listens on any more.
func bindUnix(path string) (*socket.Bound, error) {
	b, err := socket.Bind("unix", path, nil)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return b, err
	}
	c, dialErr := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if dialErr == nil {
		return nil, errors.Join(err, c.Close())
	}
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if rmErr := os.Remove(path); rmErr != nil {
		return nil, errors.Join(err, rmErr)
	}
	return socket.Bind("unix", path, nil)
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

func closeAll(bound []*socket.Bound) {
	for _, b := range bound {
		_ = b.Close() // nothing was accepted
	}
}

// openListener binds a listener; it does not listen yet.
func (e *Engine) openListener(name, address string, slot int) (*listener, error) {
	bound, err := bind(address, e.shardCount)
	if err != nil {
		return nil, bindError(name, address, err)
	}
	l := &listener{key: listenerKey(name, address), address: address, at: address, slot: slot, bound: bound}
	if !l.isUnix() {
		l.at = bound[0].Addr().String()
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
	closeAll(l.bound) // those that do not listen yet
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
