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
// and when it ends it is set for the connection that is due next. The zero value is empty.
type shelf struct {
	mu struct {
		sync.Mutex
		conns []*socket.Conn // the last one used behind
		timer *time.Timer    // of link.sweep; nil before the first connection
		runs  bool           // it is set
	}
}

// shelve puts a connection on the shelf. It rests already.
func (k *link) shelve(c *socket.Conn) {
	s, limit := &k.shelf, k.clients.Options.connections.Idle
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.conns = append(s.mu.conns, c)
	if s.mu.runs || limit <= 0 {
		return
	}
	s.mu.runs = true
	if s.mu.timer == nil {
		s.mu.timer = safely.New("shelf", k.sweep, k.sweep).After(limit)
		return
	}
	s.mu.timer.Reset(limit)
}

// unshelve takes the connection that was used last, nil where there is none.
func (k *link) unshelve() *socket.Conn {
	s := &k.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.mu.conns) - 1
	if last < 0 {
		return nil
	}
	c := s.mu.conns[last]
	s.mu.conns[last] = nil
	s.mu.conns = s.mu.conns[:last]
	return c
}

// sweep closes the connections that nobody has used for connections.idle. The timer of
// the shelf calls it.
func (k *link) sweep() {
	for _, c := range k.shelf.due(socket.Nanos(), int64(k.clients.Options.connections.Idle)) {
		k.dropIdle(c)
	}
}

// due takes the connections that have been idle for limitNanos, and sets the timer for the
// next one.
func (s *shelf) due(nowNanos, limitNanos int64) (list []*socket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, next := s.mu.conns[:0], limitNanos
	for _, c := range s.mu.conns {
		left := reuseOf(c).IdleNanos() + limitNanos - nowNanos
		if left <= 0 {
			list = append(list, c)
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

// clearShelf closes all connections there, and leaves no timer behind.
func (k *link) clearShelf() {
	for c := k.unshelve(); c != nil; c = k.unshelve() {
		k.dropIdle(c)
	}
	s := &k.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.runs && len(s.mu.conns) == 0 {
		s.mu.runs = false
		s.mu.timer.Stop()
	}
}

// dropIdle closes a connection that nobody uses any more; the loop may have done so.
func (k *link) dropIdle(c *socket.Conn) {
	c.Wake()
	leases.drop(k.hc, c)
}

func (s *shelf) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.conns)
}
