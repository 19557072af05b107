package attempt

import (
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// shelf has the idle connections of one shard to a backend, for whoever comes next. The
// last one used is taken first, so that those beyond the need grow old. To the HostClient
// they are in use, like those that are parked: for its own idle connections it keeps a
// goroutine asleep, for up to connections.idle after the last of them has gone, so that
// reloads which replace connections left one for each backend and shard. Here a timer ends
// them, and nothing is left of connections that were closed.
//
// The timer is not set anew for each connection that comes: it runs from the first one on,
// and when it ends it is set for the connection that is due next. newShelf makes one.
type shelf struct {
	limit time.Duration      // connections.idle; 0 is none
	drop  func(*socket.Conn) // closes one that nobody uses any more
	sweep safely.Func        // its timer: see due
	mu    struct {
		sync.Mutex
		conns  []shelved   // the last one used behind
		timer  *time.Timer // nil before the first connection
		runs   bool        // it is set
		closed bool        // no generation uses these connections any more: nothing is kept
	}
}

// shelved is a connection that nobody uses.
type shelved struct {
	*socket.Conn

	sinceNanos int64
}

func (s *shelf) begin(limit time.Duration, drop func(*socket.Conn)) {
	s.limit, s.drop = limit, drop
	look := func() {
		for _, c := range s.due(socket.Nanos()) {
			s.drop(c)
		}
	}
	s.sweep = safely.New("shelf", look, look)
}

// put keeps a connection, which rests already, since then; false where nothing is kept any
// more.
func (s *shelf) put(c *socket.Conn, sinceNanos int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return false
	}
	s.mu.conns = append(s.mu.conns, shelved{c, sinceNanos})
	switch {
	case s.mu.runs || s.limit <= 0:
		return true
	case s.mu.timer == nil:
		s.mu.timer = s.sweep.After(s.limit)
	default:
		s.mu.timer.Reset(s.limit)
	}
	s.mu.runs = true
	return true
}

// take takes the connection that was used last, nil where there is none.
func (s *shelf) take() *socket.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.mu.conns) - 1
	if last < 0 {
		return nil
	}
	c := s.mu.conns[last].Conn
	s.mu.conns[last] = shelved{}
	s.mu.conns = s.mu.conns[:last]
	return c
}

// due takes the connections that nobody has used for the limit, and sets the timer for the
// next one. The timer calls it.
func (s *shelf) due(nowNanos int64) (list []*socket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, next := s.mu.conns[:0], int64(s.limit)
	for _, c := range s.mu.conns {
		left := c.sinceNanos + int64(s.limit) - nowNanos
		if left <= 0 {
			list = append(list, c.Conn)
			continue
		}
		kept, next = append(kept, c), min(next, left)
	}
	clear(s.mu.conns[len(kept):])
	s.mu.conns = kept
	if s.mu.runs = len(kept) > 0; s.mu.runs {
		s.mu.timer.Reset(max(time.Duration(next), shelfTick))
	}
	return list
}

// shelfTick is the most a connection is kept for too long, so that one look serves
// several.
const shelfTick = 10 * time.Millisecond

// clear closes all connections there, and leaves no timer behind.
func (s *shelf) clear() {
	for c := s.take(); c != nil; c = s.take() {
		s.drop(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.runs && len(s.mu.conns) == 0 {
		s.mu.runs = false
		s.mu.timer.Stop()
	}
}

// close has nothing kept from now on: what is given back later is closed.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
}

func (s *shelf) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed
}

func (s *shelf) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.conns)
}
