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
		trunks  []*trunk // that take streams, the youngest last
		full    []*trunk // that take none any more
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

// trunk is one connection of a Remote. It is the handler of its socket, and the host
// of its session.
type trunk struct {
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
			if t := r.freeLocked(); t != nil {
				r.mu.Unlock()
				st, used := t.session.open(inLoop)
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
		t, err := r.dial(ctx)
		r.endDial(d, t, err)
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
func (r *Remote) freeLocked() *trunk {
	for _, t := range slices.Backward(r.mu.trunks) {
		if t.session.reserve() {
			return t
		}
	}
	return nil
}

// dial makes a connection, and waits for the backend's first word, all of it within
// Connect.
func (r *Remote) dial(ctx context.Context) (*trunk, error) {
	began := socket.Nanos()
	c, err := r.is.Dial(ctx)
	if err != nil {
		return nil, err
	}
	t := &trunk{remote: r, conn: c}
	if r.is.MaxAge > 0 {
		t.expiry = safely.After(socket.Sooner(r.is.MaxAge), "max_age", t.expire)
	}
	t.session.beginClient(c, t, r.shard, Options{
		HeaderBytes: r.is.HeaderBytes, Header: r.is.Connect, Idle: r.is.Idle, Write: stuckMax,
	}, r.ping)
	t.session.times.begun = began
	of := t.session.client
	c.SetReadBy(0)
	defer safely.AfterDone(ctx, "dial", c.Abort)()
	c.Hand(t, true)
	<-of.ready // within Connect, or the session ends
	switch {
	case of.late:
		return nil, os.ErrDeadlineExceeded
	case t.session.hasEnded():
		return nil, errNoHTTP2
	}
	return t, nil
}

// stuckMax is how long a backend may take nothing of what all streams write.
const stuckMax = time.Minute

// endDial tells those who wait.
func (r *Remote) endDial(d *dialing, t *trunk, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t != nil {
		r.mu.trunks = append(r.mu.trunks, t)
	}
	r.mu.dialing, d.err = nil, err
	close(d.ended)
}

// Counts implements socket.Multiplexer.
func (r *Remote) Counts() (open, idle int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range slices.Concat(r.mu.trunks, r.mu.full) {
		open++
		if !t.session.busy() {
			idle++
		}
	}
	return open, idle
}

// CloseIdle implements socket.Multiplexer.
func (r *Remote) CloseIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range slices.Clone(r.mu.trunks) {
		if !t.session.busy() {
			t.retire()
		}
	}
}

// forget takes out a connection that has ended.
func (r *Remote) forget(t *trunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := func(other *trunk) bool { return other == t }
	r.mu.trunks = slices.DeleteFunc(r.mu.trunks, is)
	r.mu.full = slices.DeleteFunc(r.mu.full, is)
}

// retire lets a connection end as soon as it has no streams: no new ones begin.
func (t *trunk) retire() {
	m := &t.session.mu
	m.Lock()
	m.away = true
	m.Unlock()
	t.conn.Again() // the loop looks whether it is over already
}

// expire ends the time of a connection: it takes no streams any more, and ends with the
// last of those it has.
func (t *trunk) expire() {
	r := t.remote
	r.mu.Lock()
	if i := slices.Index(r.mu.trunks, t); i >= 0 {
		r.mu.trunks = slices.Delete(r.mu.trunks, i, i+1)
		r.mu.full = append(r.mu.full, t)
	}
	r.mu.Unlock()
	t.retire()
}

// Ready is called by the loop.
func (t *trunk) Ready() {
	safely.Enter("backend event")
	t.session.Ready()
}

// Room is called by the loop.
func (t *trunk) Room() { t.session.Room() }

// RoundEnd is called by the loop.
func (t *trunk) RoundEnd() { t.session.Flush() }

// Crashed is called by the loop when one of these calls has met a bug.
func (t *trunk) Crashed() { t.session.Crashed() }

// Open is for servers.
func (*trunk) Open(*Stream) { panic("BUG: a backend opened a stream") }

// Failed is an error that was sent to the backend; the exchanges know of it.
func (*trunk) Failed(frame.Code) {}

// Closed is called by the session when it is over.
func (t *trunk) Closed() {
	if t.expiry != nil {
		t.expiry.Stop()
	}
	t.remote.forget(t)
	t.remote.is.Hangup(t.conn)
}

// hasEnded reports that the session is over, or about to be.
func (s *Session) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed || s.mu.away
}
