package engine

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Accepting pauses while the process is out of descriptors or memory.
const (
	acceptPauseFirst = 5 * time.Millisecond
	acceptPauseLast  = time.Second
)

// shard is what one core serves of one listener: a socket, the workers that what has to
// wait is handed to, and the set of its connections.
type shard struct {
	engine  *Engine
	ln      *listener
	index   int
	loop    *socket.Loop
	from    *socket.Acceptor
	ended   chan struct{}
	streams *http2.Shard // of its loop
	workers *worker.Pool // of its core

	mu struct {
		sync.Mutex
		first *conn // doubly linked through conn.next and conn.prev
		count int
	}
	draining atomic.Bool
	// leaving is how many of the lots are told to leave by the drain: see departure.
	leaving atomic.Int32
}

func newShard(e *Engine, ln *listener, index int, from *socket.Acceptor) *shard {
	return &shard{
		engine: e, ln: ln, index: index, loop: e.loops[index], from: from, ended: make(chan struct{}),
		streams: e.streams[index], workers: e.workers[index],
	}
}

// start accepts in its own goroutine until the socket is closed.
func (s *shard) start() {
	safely.New("accept", func() {
		s.accept()
		close(s.ended)
	}, s.startAnew).Go()
}

// startAnew is start after a bug: one connection was lost, others still come.
func (s *shard) startAnew() {
	s.engine.wait(acceptPauseFirst)
	s.start()
}

// accept gives each connection that may be served to its loop, until the socket is
// closed. A worker of fasthttp in between, which did this until the connection was in the
// loop, cost nothing that could be measured, and did nothing else (CPU of a new
// connection, client included: 32.5 us with it, 33.3 without).
func (s *shard) accept() {
	pause := acceptPauseFirst
	for {
		sock, peer, err := s.from.Accept(s.loop)
		switch {
		case err == nil:
			safely.Do("admit", func() { s.serve(sock, peer) }, func() { _ = sock.Close() })
			pause = acceptPauseFirst
		case errors.Is(err, net.ErrClosed):
			return
		case passing(err):
		default:
			s.engine.acceptPaused(s.ln, err, pause)
			if !s.engine.wait(pause) {
				return
			}
			pause = min(2*pause, acceptPauseLast)
		}
	}
}

// serve gives a connection to the loop, if it may be served.
func (s *shard) serve(sock *socket.Conn, peer netip.Addr) {
	c := s.admit(sock, peer)
	if c == nil {
		return
	}
	safely.Do("begin", func() {
		c.beginWait(c.policy())
		c.Hand(c, false)
	}, c.close)
}

// passing reports an error that concerns one connection only.
func passing(err error) bool {
	return errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EPROTO)
}

// admit makes a conn of an accepted socket, or refuses it and returns nil.
func (s *shard) admit(sock *socket.Conn, peer netip.Addr) *conn {
	c := newConn(s, sock, peer)
	_, policy := s.engine.generation(s.ln.slot)
	if policy != nil {
		var ok bool
		if c.preamble, ok = policy.expects(c.ip); !ok {
			s.engine.connFailed(c, policy, observe.FailureProxyPeer, errProxyPeer)
			_ = c.Close()
			return nil
		}
	}
	if r := s.overLimit(c, policy); r != nil {
		s.sayRefused(c, policy, r)
		_ = c.Close()
		return nil
	}
	if policy != nil {
		policy.stats.Accepted.Add(s.index, 1)
	}
	c.acceptedNanos = socket.Nanos()
	s.add(c)
	return c
}

// errProxyPeer is why a connection of a listener with proxy_protocol: require
// was refused.
var errProxyPeer = errors.New("the peer is not in proxy_protocol_from or trusted_proxies")

// overLimit counts c in and reports the limit it breaks, if any; then it is not
// counted.
func (s *shard) overLimit(c *conn, p *listenerPolicy) *answer.Reject {
	n := s.ln.connections.Add(1)
	if p != nil && p.connectionsMax > 0 && n > p.connectionsMax {
		s.ln.connections.Add(-1)
		return answer.Connections
	}
	if p == nil || c.preamble == preambleProxy {
		return nil
	}
	r := s.overPeerLimit(c, p)
	if r != nil {
		s.ln.connections.Add(-1)
	}
	return r
}

// overPeerLimit counts c for its client's address, or reports the limit it breaks: of
// those that come, or of those that are there.
func (s *shard) overPeerLimit(c *conn, p *listenerPolicy) *answer.Reject {
	if p.arrivals != nil && !p.arrivals.Pass(c.ip, socket.Nanos()) {
		return answer.ConnectionRatePerIP
	}
	if p.perIPMax <= 0 {
		return nil
	}
	if c.countedIP = s.ln.perIP.Begin(c.ip, p.perIPMax); c.countedIP {
		return nil
	}
	return answer.ConnectionsPerIP
}

// sayRefused says why a connection will be closed, without waiting for anybody.
// Who is about to speak TLS would not understand, and who comes too often costs least
// where nothing is said.
func (s *shard) sayRefused(c *conn, p *listenerPolicy, r *answer.Reject) {
	if p != nil && p.tls != nil || r == answer.ConnectionRatePerIP {
		s.endedEarly(r)
		return
	}
	c.SetWriteBy(socket.Nanos() + int64(acceptPauseFirst))
	s.sayWhy(c, r)
}

// sayWhy answers a connection that is refused before its first request, if its socket
// takes that.
func (s *shard) sayWhy(c *conn, r *answer.Reject) {
	s.endedEarly(r)
	t := s.engine.table.Load()
	_, _ = c.Write(r.Append(nil, answer.Options{
		Connection: answer.Close, Date: s.engine.date(), ProxyStatus: t != nil && t.proxyStatus,
	}))
}

// endedEarly counts such a connection.
func (s *shard) endedEarly(r *answer.Reject) {
	s.engine.registry.Ends.Add(s.index, r.End, end.PhaseAccept)
}

// lotsMax is how many lots the connections of a shard have: see departure.
const lotsMax = 256

// mayLeave reports that the drain has told the connection to leave.
func (c *conn) mayLeave() bool { return int32(c.lot) < c.shard.leaving.Load() }

func (s *shard) add(c *conn) {
	c.lot = uint8(random() % lotsMax)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.next = s.mu.first
	if c.next != nil {
		c.next.prev = c
	}
	s.mu.first = c
	s.mu.count++
}

// remove forgets c; called once, by conn.Close.
func (s *shard) remove(c *conn) {
	s.mu.Lock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.mu.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	s.mu.count--
	s.mu.Unlock()

	s.ln.connections.Add(-1)
	if c.countedIP {
		s.ln.perIP.End(c.ip)
	}
}

// counts returns how many connections are inside an exchange and how many wait
// for a request.
func (s *shard) counts() (active, idle int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.mu.first; c != nil; c = c.next {
		switch state := c.state.Load(); {
		case state == stateIdle, state == stateHandshake, state == stateSession && c.running.Load() == 0:
			idle++
		default:
			active++
		}
	}
	return active, idle
}

// connFailed counts a connection that ended before its first request, and says
// why, at most once a second.
func (e *Engine) connFailed(c *conn, policy *listenerPolicy, why observe.Failure, err error) {
	policy.stats.Failed[why].Add(c.shard.index, 1)
	if !e.failureSaid.Take(socket.Nanos()) {
		return
	}
	e.log.Warn().Err(err).Str("listener", policy.name).Str("client", c.peerName()).Str("reason", why.String()).
		Msg("a connection ended before its first request; isame_connections_failed_total counts all")
}
