package http2

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// Remote is the connections to one backend that one shard's exchanges share. It
// implements pool.Multiplexer. A connection is dialed when no other has a stream
// left; exchanges that need one meanwhile wait for it.
type Remote struct {
	is    pool.Multiplexing
	shard *Shard
	ping  pinging

	mu struct {
		sync.Mutex
		links   []*link       // that take streams, the youngest last
		full    []*link       // that take none any more
		dialing chan struct{} // closed when the dial under way has ended
		err     error         // how it ended
	}
}

// NewRemote returns a Remote whose streams share the memory of their loop's shard.
func NewRemote(shard *Shard, m pool.Multiplexing) *Remote {
	return &Remote{is: m, shard: shard, ping: pinging{pingAfter, pingWait}}
}

// link is one connection of a Remote. It is the handler of its socket, and the host
// of its session.
type link struct {
	session Session
	remote  *Remote
	conn    *pool.Conn
	bornBy  int64 // until then it takes streams; 0 is for ever
}

// errNoHTTP2 is a backend that speaks something else.
var errNoHTTP2 = errors.New("the backend does not speak HTTP/2")

// Open implements pool.Multiplexer.
func (r *Remote) Open(fresh, inLoop bool) (c *pool.Conn, used bool, err error) {
	for range opensMax {
		r.mu.Lock()
		if !fresh {
			if l := r.freeLocked(); l != nil {
				r.mu.Unlock()
				st, used := l.session.open()
				return &st.Conn, used, nil
			}
		}
		switch wait := r.mu.dialing; {
		case inLoop:
			r.mu.Unlock()
			return nil, false, pool.ErrNotNow
		case wait != nil:
			r.mu.Unlock()
			<-wait
			if err := r.dialed(); err != nil {
				return nil, false, err
			}
			fresh = false // it is fresh enough
			continue
		}
		r.mu.dialing = make(chan struct{})
		r.mu.Unlock()
		l, err := r.dial()
		r.endDial(l, err)
		if err != nil {
			return nil, false, err
		}
		fresh = false
	}
	return nil, false, fasthttp.ErrNoFreeConns
}

// opensMax is how many connections one exchange dials, or waits for, at most: others
// may take their streams, or there are none.
const opensMax = 8

// freeLocked finds a connection with a stream left, and reserves it.
func (r *Remote) freeLocked() *link {
	nowNanos := int64(0)
	for i, l := range slices.Backward(r.mu.links) {
		if l.bornBy != 0 {
			if nowNanos == 0 {
				nowNanos = pool.Nanos()
			}
			if nowNanos >= l.bornBy {
				r.mu.links = slices.Delete(r.mu.links, i, i+1)
				r.mu.full = append(r.mu.full, l)
				l.leave()
				continue
			}
		}
		if l.session.reserve() {
			return l
		}
	}
	return nil
}

// dialed is how the last dial has ended.
func (r *Remote) dialed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.err
}

// dial makes a connection, and waits for the backend's first word.
func (r *Remote) dial() (*link, error) {
	c, err := r.is.Dial()
	if err != nil {
		return nil, err
	}
	l := &link{remote: r, conn: c}
	if r.is.MaxAge > 0 {
		l.bornBy = pool.Nanos() + int64(r.is.MaxAge)
	}
	l.session.beginClient(c, l, r.shard, Options{
		HeaderBytes: responseBytes, Header: r.is.Connect, Idle: r.is.Idle, Write: stuckMax,
	}, r.ping)
	ready := l.session.client.ready
	c.SetReadBy(0)
	c.Hand(l, true)
	<-ready // within Connect, or the session ends
	if l.session.hasEnded() {
		return nil, errNoHTTP2
	}
	return l, nil
}

// stuckMax is how long a backend may take nothing of what all streams write.
const stuckMax = time.Minute

// endDial tells those who wait.
func (r *Remote) endDial(l *link, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.err = err; l != nil {
		r.mu.links = append(r.mu.links, l)
	}
	close(r.mu.dialing)
	r.mu.dialing = nil
}

// Counts implements pool.Multiplexer.
func (r *Remote) Counts() (open, idle int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Concat(r.mu.links, r.mu.full) {
		open++
		if !l.session.Busy() {
			idle++
		}
	}
	return open, idle
}

// CloseIdle implements pool.Multiplexer.
func (r *Remote) CloseIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range slices.Clone(r.mu.links) {
		if !l.session.Busy() {
			l.leave()
		}
	}
}

// forget takes out a connection that has ended.
func (r *Remote) forget(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := func(other *link) bool { return other == l }
	r.mu.links = slices.DeleteFunc(r.mu.links, is)
	r.mu.full = slices.DeleteFunc(r.mu.full, is)
}

// leave lets a connection end as soon as it has no streams: no new ones begin.
func (l *link) leave() {
	m := &l.session.mu
	m.Lock()
	m.goingAway = true
	m.Unlock()
	l.conn.Again() // the loop looks whether it is over already
}

// Ready is called by the loop.
func (l *link) Ready() { l.session.Ready() }

// Room is called by the loop.
func (l *link) Room() { l.session.Room() }

// RoundEnd is called by the loop.
func (l *link) RoundEnd() { l.session.Flush() }

// Open is for servers.
func (*link) Open(*Stream) { panic("BUG: a backend opened a stream") }

// Failed is an error that was sent to the backend; the exchanges know of it.
func (*link) Failed(frame.Code) {}

// Closed is called by the session when it is over.
func (l *link) Closed() {
	l.remote.forget(l)
	l.remote.is.Hangup(l.conn)
}

// hasEnded reports that the session is over, or about to be.
func (s *Session) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed || s.mu.goingAway
}
