package engine

import (
	"errors"
	"slices"
	"syscall"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// How a new process takes over without a refused connection: it gets copies of the
// listening sockets (Handover), makes listeners of them (Options.Heritage), and says which
// it has taken once it serves. From then on this process accepts from these no more
// (Bequeath), and ends by Shutdown. A connection that waits in the queue of a socket belongs
// to the socket, not to a process: the other one accepts it. A UDP port is several
// descriptors, and the packets of a connection go to the process that has it: see package
// packets.

// Handed is a descriptor for the next process.
type Handed struct {
	// Key is what the next process asks for it by: see socket.Heritage.
	Key string
	// Part is the name of a part, and empty for a listening socket.
	Part string
	FD   int
}

// Handover are copies of all listening sockets, and what the UDP ports need. The caller
// closes the descriptors. Bequeath has to follow, or Retain.
func (e *Engine) Handover() (all []Handed, err error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	defer func() {
		if err == nil {
			return
		}
		for _, h := range all {
			err = errors.Join(err, syscall.Close(h.FD))
		}
		all = nil
	}()
	for key, l := range e.apply.listeners {
		for _, from := range l.sockets {
			fd, err := from.Copy()
			if err != nil {
				return all, err
			}
			all = append(all, Handed{Key: key, FD: fd})
		}
		if l.quic == nil {
			continue
		}
		parts, err := l.quic.handover()
		for _, p := range parts {
			all = append(all, Handed{socket.PacketsKey(key), p.Name, p.FD})
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// Retain says that nobody takes what Handover gave.
func (e *Engine) Retain() {
	e.apply.Lock()
	defer e.apply.Unlock()
	for _, l := range e.apply.listeners {
		if l.quic != nil {
			l.quic.retain()
		}
	}
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
		if l.quic != nil && slices.Contains(keys, socket.PacketsKey(key)) {
			l.quic.give()
		}
	}
}

// abandon stops accepting from sockets that another process has.
func (l *listener) abandon() {
	for _, from := range l.sockets {
		from.Abandon()
	}
	l.stopQUIC()
}

// stopQUIC refuses new connections over UDP. Where another process takes them none comes
// any more, but for those whose handshakes have begun.
func (l *listener) stopQUIC() {
	if l.quic != nil && !l.quic.handed.Load() {
		l.quic.stop()
	}
}
