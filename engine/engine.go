package engine

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Engine carries requests from socket to socket. Apply starts it and replaces
// its configuration, Shutdown ends it. Its methods may be called by any
// goroutine.
type Engine struct {
	log        zerolog.Logger
	accessOut  func(shard int) io.Writer
	registry   *observe.Registry
	shardCount int
	loops      []*socket.Loop // by shard
	streams    []*http2.Shard // likewise

	// table is the one pointer all exchanges load, once each.
	table atomic.Pointer[table]
	// last has by slot the last *table of a listener that is gone from it: what its
	// connections live by until they have left.
	last sync.Map

	clock        answer.Clock
	panics       atomic.Uint64
	forgetPanics func()
	stopping     atomic.Bool
	settled      atomic.Bool // Ready was true once
	refreshing   atomic.Bool // a refresh is on its way
	stopped      chan struct{}
	errands      *socket.Errands // dials of all generations
	retirement   sync.WaitGroup

	pauseSaid   limit.OncePerSecond // a line about a paused accept
	failureSaid limit.OncePerSecond // a line about a connection that failed

	challenges acme.Challenges // of ACME servers, to all listeners

	// apply is held by one reload or shutdown at a time.
	apply struct {
		sync.Mutex
		listeners map[string]*listener // by listenerKey
		slots     int                  // how many were given
		learnt    retry.Book           // of routes
	}
}

func (e *Engine) poolOptions() pool.Options {
	return pool.Options{
		Shards: e.shardCount, Logger: e.log, Loops: e.loops, Changed: e.refreshSoon, Errands: e.errands,
		Multiplex: func(shard int, m socket.Multiplexing) socket.Multiplexer { return http2.NewRemote(e.streams[shard], m) },
	}
}

// wait sleeps for d; false means that the engine stopped meanwhile.
func (e *Engine) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.stopped:
		return false
	}
}

// acceptPaused says once a second that accepting pauses.
func (e *Engine) acceptPaused(l *listener, err error, pause time.Duration) {
	if !e.pauseSaid.Take(socket.Nanos()) {
		return
	}
	e.log.Error().Err(err).Str("address", l.address).Dur("pause_ms", pause).
		Msg("cannot accept connections now; raise the limit of open files or lower listeners.*.limits.connections")
}

// panicked records a bug of ours, and that it has ended no more than what met it.
func (e *Engine) panicked(p safely.Panic) {
	e.panics.Add(1)
	e.log.Error().Str("in", p.Place).Interface("panic", p.Value).Bytes("stack", p.Stack).Msg("a bug was met, and has ended what met it")
}

func (e *Engine) closeLoops() {
	for _, l := range e.loops {
		l.Close()
	}
}

// date is the value of Date for answers the proxy makes.
func (e *Engine) date() []byte { return e.clock.Date(socket.Nanos()) }

// drainPoll is how often a drain looks whether connections are left.
const drainPoll = 10 * time.Millisecond

func untilGoodbye(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return 0 // there is nothing to wait for
	}
	left := time.Until(end)
	return left - min(left/4, goodbyeTime)
}

// goodbyeTime is how much of a drain, at most a quarter of it, is left to tunnels
// for their last words.
const goodbyeTime = 5 * time.Second
