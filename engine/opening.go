package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
)

// opening is what a configuration listens on: all of it, and what is new. It has two
// steps. The first binds every address, and the kernel refuses whoever connects. The
// second, listen, comes when nothing else can fail any more: a start or a reload that is
// refused has never taken a connection, which it could only have reset.
type opening struct {
	bound     map[string]*listener // by name
	listeners []newListener
	ports     []*quicPort
}

// newListener is a listener with the name that faults are told with.
type newListener struct {
	*listener

	name string
}

// listen is the second step. All addresses are asked for once more before the first
// socket listens: two processes may have bound the same one, as long as neither listened.
func (o *opening) listen(e *Engine) error {
	for _, l := range o.listeners {
		if l.isUnix() {
			continue
		}
		if _, err := bindAlone(l.at, 0); err != nil {
			return bindError(l.name, l.address, err)
		}
	}
	for _, l := range o.listeners {
		if err := l.listen(e); err != nil {
			return bindError(l.name, l.address, err)
		}
	}
	for _, p := range o.ports {
		if p.socket == nil {
			continue // somebody else has the port: accept takes it later
		}
		if err := p.take(); err != nil {
			return fmt.Errorf("listeners: cannot serve http3 on UDP %q: %w", p.at, err)
		}
	}
	return nil
}

// close takes back what is new.
func (o *opening) close() {
	for _, p := range o.ports {
		p.release()
	}
	for _, l := range o.listeners {
		l.close()
	}
}

// portOf is the UDP port of l: its own, or the one that was just opened.
func portOf(l *listener, opened []*quicPort) *quicPort {
	for _, p := range opened {
		if p.ln == l {
			return p
		}
	}
	return l.quic
}

// openListeners binds the addresses that are not open yet.
func (e *Engine) openListeners(cfg *config.Config) (*opening, error) {
	o := &opening{bound: map[string]*listener{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Listeners)) {
		c := cfg.Listeners[name]
		l, ok := e.apply.listeners[listenerKey(name, c.Address)]
		if !ok {
			var err error
			if l, err = e.openListener(name, c.Address, e.apply.slots); err != nil {
				errs = append(errs, err)
				continue
			}
			e.apply.slots++
			o.listeners = append(o.listeners, newListener{l, name})
		}
		o.bound[name] = l
		if !c.HTTP3 || l.quic != nil {
			continue
		}
		p, err := e.openQUIC(name, l)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.ports = append(o.ports, p)
	}
	if len(errs) == 0 {
		return o, nil
	}
	o.close()
	return nil, errors.Join(errs...)
}
