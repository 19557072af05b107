package socket

import (
	"context"
	"errors"
	"sync"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// A dial is an errand: it has a goroutine of its own, and the exchange that needs the
// connection waits for its end with Patience. One that stops waiting (its deadline has
// passed, its client has left) gives its places back at once, while the dial goes on
// within timeouts.connect: the connection is kept for the next exchange. Where a
// handshake takes longer than clients wait, no connection would ever come about
// otherwise. Only a connection that nobody else may use is broken off.

var (
	// ErrEnded is the answer to a dial after Errands.Close.
	ErrEnded = errors.New("no connection is made any more")
	// errDialBug is the end of a dial that has met a bug of ours.
	errDialBug = errors.New("the dial met a bug, see the log")
)

// Errands are the dials under way of an engine, in all generations. NewErrands makes
// one; any goroutine may use it.
type Errands struct {
	ctx    context.Context //nolint:containedctx // it is the life of the errands
	cancel context.CancelFunc
	mu     struct {
		sync.Mutex
		closed  bool
		running sync.WaitGroup
	}
}

// NewErrands returns Errands that Close ends.
func NewErrands() *Errands {
	e := &Errands{}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Close breaks off what is under way and waits for it.
func (e *Errands) Close() {
	e.mu.Lock()
	e.mu.closed = true
	e.mu.Unlock()
	e.cancel()
	e.mu.running.Wait()
}

// Context ends when Close is called.
func (e *Errands) Context() context.Context { return e.ctx }

// Run calls f in a goroutine of its own, and failed if that panics. False: everything is
// at its end.
func (e *Errands) Run(f func(ctx context.Context), failed func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.closed {
		return false
	}
	safely.New("dial", func() { f(e.ctx) }, failed).In(&e.mu.running)
	return true
}

// errand is one dial of an exchange.
type errand struct {
	mu struct {
		sync.Mutex
		ended bool
		left  bool // whoever waited does so no more
	}
	done chan struct{} // closed when conn and err are set
	conn *Conn
	err  error
}

// Fetch makes a connection with dial and waits for it as long as p says. One that comes
// too late goes to unwanted. alone: it is of no use to others, and the dial is broken
// off when nobody waits for it.
func (e *Errands) Fetch(p Patience, alone bool, dial func(context.Context) (*Conn, error), unwanted func(*Conn)) (*Conn, error) {
	r := &errand{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(e.ctx)
	if !e.Run(func(context.Context) {
		defer cancel()
		c, err := dial(ctx)
		if r.end(c, err) && err == nil {
			unwanted(c)
		}
	}, func() {
		cancel()
		r.end(nil, errDialBug)
	}) {
		cancel()
		return nil, ErrEnded
	}
	if err := Await(p, r.done); err != nil && r.leave() {
		if alone {
			cancel()
		}
		return nil, err
	}
	return r.conn, r.err
}

// end makes the first result known, and reports that nobody waits for it.
func (r *errand) end(c *Conn, err error) (left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.mu.ended {
		r.mu.ended, r.conn, r.err = true, c, err
		close(r.done)
	}
	return r.mu.left
}

// leave ends the wait; false when there is a result after all.
func (r *errand) leave() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.left = !r.mu.ended
	return r.mu.left
}
