package http2

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// Remote is the connections to one backend that one shard's exchanges share. It
// implements socket.Multiplexer. A connection is dialed when no other has a stream
// left; exchanges that need one meanwhile wait for it.
type Remote struct {
	is    socket.Multiplexing
	shard *Shard
	ping  pinging

	mu struct {
		sync.Mutex
		links   []*link  // that take streams, the youngest last
		full    []*link  // that take none any more
		dialing *dialing // under way; nil for none
	}
}

// dialing is a connection that is being made. It has a goroutine of its own: everybody
// who needs it waits in the same way, and it outlives those who leave.
type dialing struct {
	ended chan struct{} // closed when err is set
	err   error
}

// NewRemote returns a Remote whose streams share the memory of their loop's shard.
func NewRemote(shard *Shard, m socket.Multiplexing) *Remote {
	return &Remote{is: m, shard: shard, ping: pinging{pingAfter, pingWait}}
}

// link is one connection of a Remote. It is the handler of its socket, and the host
// of its session.
type link struct {
	session Session
	remote  *Remote
	conn    *socket.Conn
	expiry  *time.Timer // the end of its time; nil where that is not bounded
}

// errNoHTTP2 is a backend that speaks something else.
var errNoHTTP2 = errors.New("the backend does not speak HTTP/2")

// Open implements socket.Multiplexer.
func (r *Remote) Open(fresh, inLoop bool, p socket.Patience) (c *socket.Conn, used bool, err error) {
	for range opensMax {
		r.mu.Lock()
		if !fresh {
			if l := r.freeLocked(); l != nil {
				r.mu.Unlock()
				st, used := l.session.open()
				return &st.Conn, used, nil
			}
		}
		if inLoop {
			r.mu.Unlock()
			return nil, false, socket.ErrNotNow
		}
		d := r.mu.dialing
		if d == nil {
			d = r.beginDialLocked()
		}
		r.mu.Unlock()
		if err := socket.Await(p, d.ended); err != nil {
			return nil, false, err
		}
		if d.err != nil {
			return nil, false, d.err
		}
		fresh = false // it is fresh enough
	}
	return nil, false, fasthttp.ErrNoFreeConns
}

// errDialBug is what those are told who wait for a dial that has met a bug of ours.
var errDialBug = errors.New("the dial met a bug, see the log")

// beginDialLocked dials.
func (r *Remote) beginDialLocked() *dialing {
	d := &dialing{ended: make(chan struct{})}
	r.mu.dialing = d
	if !r.is.Errands.Run(func(ctx context.Context) {
		l, err := r.dial(ctx)
		r.endDial(d, l, err)
	}, func() { r.endDial(d, nil, errDialBug) }) {
		r.mu.dialing, d.err = nil, socket.ErrEnded
		close(d.ended)
	}
	return d
}

// opensMax is how many connections one exchange dials, or waits for, at most: others
// may take their streams, or there are none.
const opensMax = 8

// freeLocked finds a connection with a stream left, and reserves it.
func (r *Remote) freeLocked() *link {
	for _, l := range slices.Backward(r.mu.links) {
		if l.session.reserve() {
			return l
		}
	}
	return nil
}

// dial makes a connection, and waits for the backend's first word, all of it within
// Connect.
func (r *Remote) dial(ctx context.Context) (*link, error) {
	began := socket.Nanos()
	c, err := r.is.Dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{remote: r, conn: c}
	if r.is.MaxAge > 0 {
		l.expiry = safely.After(socket.Sooner(r.is.MaxAge), "max_age", l.expire)
	}
	l.session.beginClient(c, l, r.shard, Options{
		HeaderBytes: r.is.HeaderBytes, Header: r.is.Connect, Idle: r.is.Idle, Write: stuckMax,
	}, r.ping)
	l.session.times.begun = began
	of := l.session.client
	c.SetReadBy(0)
	defer safely.AfterDone(ctx, "dial", c.Abort)()
	c.Hand(l, true)
	<-of.ready // within Connect, or the session ends
	switch {
	case of.late:
		return nil, os.ErrDeadlineExceeded
	case l.session.hasEnded():
		return nil, errNoHTTP2
	}
	return l, nil
}

// stuckMax is how long a backend may take nothing of what all streams write.
const stuckMax = time.Minute

// endDial tells those who wait.
func (r *Remote) endDial(d *dialing, l *link, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l != nil {
		r.mu.links = append(r.mu.links, l)
	}
	r.mu.dialing, d.err = nil, err
	close(d.ended)
}

// Counts implements socket.Multiplexer.
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

// CloseIdle implements socket.Multiplexer.
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

// expire ends the time of a connection: it takes no streams any more, and ends with the
// last of those it has.
func (l *link) expire() {
	r := l.remote
	r.mu.Lock()
	if i := slices.Index(r.mu.links, l); i >= 0 {
		r.mu.links = slices.Delete(r.mu.links, i, i+1)
		r.mu.full = append(r.mu.full, l)
	}
	r.mu.Unlock()
	l.leave()
}

// Ready is called by the loop.
func (l *link) Ready() {
	safely.Enter("backend event")
	l.session.Ready()
}

// Room is called by the loop.
func (l *link) Room() { l.session.Room() }

// RoundEnd is called by the loop.
func (l *link) RoundEnd() { l.session.Flush() }

// Crashed is called by the loop when one of these calls has met a bug.
func (l *link) Crashed() { l.session.Crashed() }

// Open is for servers.
func (*link) Open(*Stream) { panic("BUG: a backend opened a stream") }

// Failed is an error that was sent to the backend; the exchanges know of it.
func (*link) Failed(frame.Code) {}

// Closed is called by the session when it is over.
func (l *link) Closed() {
	if l.expiry != nil {
		l.expiry.Stop()
	}
	l.remote.forget(l)
	l.remote.is.Hangup(l.conn)
}

// hasEnded reports that the session is over, or about to be.
func (s *Session) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed || s.mu.goingAway
}
