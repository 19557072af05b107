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
// and when it ends it is set for the connection that is due next. The zero value, with
// sweep, is empty.
type shelf struct {
	sweep safely.Func // its timer: link.sweep
	mu    struct {
		sync.Mutex
		conns []shelved   // the last one used behind
		timer *time.Timer // nil before the first connection
		runs  bool        // it is set
	}
}

// shelved is a connection, and since when nobody uses it.
type shelved struct {
	conn       *socket.Conn
	sinceNanos int64
}

// push puts a connection on the shelf, which rests already, until it was not used for
// limit; 0 is for ever.
func (s *shelf) push(c shelved, limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.conns = append(s.mu.conns, c)
	if s.mu.runs || limit <= 0 {
		return
	}
	s.mu.runs = true
	if s.mu.timer == nil {
		s.mu.timer = s.sweep.After(limit)
		return
	}
	s.mu.timer.Reset(limit)
}

// pop takes the connection that was used last, nil where there is none.
func (s *shelf) pop() *socket.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.mu.conns) - 1
	if last < 0 {
		return nil
	}
	c := s.mu.conns[last].conn
	s.mu.conns[last] = shelved{}
	s.mu.conns = s.mu.conns[:last]
	return c
}

// due takes the connections that have been idle for limitNanos, and sets the timer for the
// next one.
func (s *shelf) due(nowNanos, limitNanos int64) (list []*socket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, next := s.mu.conns[:0], limitNanos
	for _, c := range s.mu.conns {
		left := c.sinceNanos + limitNanos - nowNanos
		if left <= 0 {
			list = append(list, c.conn)
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

// rest stops the timer of an empty shelf.
func (s *shelf) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.runs && len(s.mu.conns) == 0 {
		s.mu.runs = false
		s.mu.timer.Stop()
	}
}

func (s *shelf) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.conns)
}
