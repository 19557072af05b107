package engine

import (
	"errors"
	"slices"
	"syscall"
)

// How a new process takes over without a refused connection: it gets copies of the
// listening sockets (Handover), makes listeners of them (Options.Heritage), and says which
// it has taken once it serves. From then on this process accepts from these no more
// (Bequeath), and ends by Shutdown. A connection that waits in the queue of a socket belongs
// to the socket, not to a process: the other one accepts it.

// Handed is a listening socket for the next process.
type Handed struct {
	// Key is what the next process asks for it by: see socket.Heritage.
	Key string
	FD  int
}

// Handover are copies of all listening sockets. The caller closes the descriptors.
func (e *Engine) Handover() ([]Handed, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	var all []Handed
	for key, l := range e.apply.listeners {
		for _, from := range l.sockets {
			fd, err := from.Copy()
			if err != nil {
				for _, h := range all {
					err = errors.Join(err, syscall.Close(h.FD))
				}
				return nil, err
			}
			all = append(all, Handed{key, fd})
		}
	}
	return all, nil
}

// Bequeath leaves the listeners with these keys to the next process, which accepts from
// their sockets by now. Shutdown has to follow; until then both accept.
func (e *Engine) Bequeath(keys []string) {
	e.apply.Lock()
	defer e.apply.Unlock()
	for key, l := range e.apply.listeners {
		if slices.Contains(keys, key) {
			l.handed.Store(true)
		}
	}
}

// abandon stops accepting from sockets that another process has.
func (l *listener) abandon() {
	for _, from := range l.sockets {
		from.Abandon()
	}
	if l.quic != nil {
		l.quic.stop()
	}
}
