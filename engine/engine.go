package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/engine/files"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/push"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/sample"
	"github.com/isame-lb/isame-lb/engine/tally"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Engine carries requests from socket to socket. Apply starts it and replaces
// its configuration, Shutdown ends it. Its methods may be called by any
// goroutine.
type Engine struct {
	log        zerolog.Logger
	accessOut  func(*config.AccessLog) (AccessOut, error)
	registry   *observe.Registry
	shardCount int
	loops      []*socket.Loop // by shard
	streams    []*http2.Shard // likewise
	workers    []*worker.Pool // likewise

	// table is the one pointer all exchanges load, once each.
	table atomic.Pointer[table]
	// last has by slot the last *table of a listener that is gone from it: what its
	// connections live by until they have left.
	last sync.Map

	clock        answer.Clock
	accessClock  accesslog.Clock
	panics       atomic.Uint64
	forgetPanics func()
	stopping     atomic.Bool
	settled      atomic.Bool // Ready was true once
	refreshing   atomic.Bool // a refresh is on its way
	tidying      atomic.Bool // the garbage of a reload is seen to soon
	stopped      chan struct{}
	errands      *socket.Errands // dials of all generations
	retirement   sync.WaitGroup

	pauseSaid   limit.OncePerSecond // a line about a paused accept
	failureSaid limit.OncePerSecond // a line about a connection that failed

	heritage   *socket.Heritage // sockets of the process before; nil without one
	challenges acme.Challenges  // of ACME servers, to all listeners
	files      files.Cache      // of all routes and generations
	recorder   *records.Recorder
	overlay    *pool.Overlay
	tell       func(pool.Event) // of changes of backends; nil is nobody
	sampler    *sample.Sampler
	tracer     *trace.Tracer
	pusher     *push.Pusher
	tunnels    tally.Book // of routes and pools

	// apply is held by one reload or shutdown at a time.
	apply struct {
		sync.Mutex
		listeners map[string]*listener // by listenerKey
		slots     int                  // how many were given
		learnt    retry.Book           // of routes
		stages    middleware.Book      // of stages
		tidy      *time.Timer          // the last one of tidyLocked; nil before
	}
}

func (e *Engine) poolOptions() pool.Options {
	return pool.Options{
		Shards: e.shardCount, Logger: e.log, Loops: e.loops, Changed: e.refreshSoon, Errands: e.errands,
		Tell: e.tell, Overlay: e.overlay,
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

// closeLoops ends what the cores have: loops, and then the workers to whom they hand.
func (e *Engine) closeLoops() {
	for _, l := range e.loops {
		l.Close()
	}
	for _, w := range e.workers {
		w.Close()
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

// ListenerStatus is one listener as it is now.
type ListenerStatus struct {
	Name, Address string
	// Bound is the address the kernel gave; another one for port 0.
	Bound string
	// Active connections are inside an exchange, Idle ones wait for a request.
	Active, Idle int
	// Tunnels were switched to another protocol.
	Tunnels int
	// HTTP3 is how the UDP port is.
	HTTP3 HTTP3Status
	// Passed are packets that came to the port for a process before this one, Lost those of
	// them that it did not take in time.
	Passed, Lost uint64
}

// HTTP3Status is how the UDP port of a listener is.
type HTTP3Status string

// A listener without http3, one whose port another process still has, and one that
// serves.
const (
	HTTP3None    HTTP3Status = ""
	HTTP3Waiting HTTP3Status = "waiting"
	HTTP3Open    HTTP3Status = "open"
)

// Listeners are the running configuration's listeners, by name. Like all reads of
// what runs it looks at the table alone: it never waits for a reload.
func (e *Engine) Listeners() []ListenerStatus {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	var all []ListenerStatus
	for _, name := range slices.Sorted(maps.Keys(t.cfg.Listeners)) {
		s := ListenerStatus{Name: name, Address: t.cfg.Listeners[name].Address}
		l := t.bound[name]
		s.Bound = l.Addr()
		s.Active, s.Idle = l.counts()
		s.Tunnels = int(l.tunnels.Load())
		s.Passed, s.Lost = l.packets.Passed.Load(), l.packets.Lost.Load()
		switch {
		case l.overUDP.Load():
			s.HTTP3 = HTTP3Open
		case t.cfg.Listeners[name].HTTP3:
			s.HTTP3 = HTTP3Waiting
		}
		all = append(all, s)
	}
	return all
}

func (l *listener) counts() (active, idle int) {
	for _, s := range l.shards {
		a, i := s.counts()
		active += a
		idle += i
	}
	return active, idle
}

// connections is Listeners for the registry.
func (e *Engine) connections() []observe.Connections {
	listeners := e.Listeners()
	all := make([]observe.Connections, 0, len(listeners))
	for _, l := range listeners {
		all = append(all, observe.Connections{
			Listener: l.Name, Active: l.Active, Idle: l.Idle, Tunnels: l.Tunnels, Passed: l.Passed, Lost: l.Lost,
		})
	}
	return all
}

// existing are the routes of the running configuration for the registry, by name.
func (e *Engine) existing() []observe.Existing {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	all := make([]observe.Existing, 0, len(t.routes))
	for _, r := range t.routes {
		if r.name != "" {
			all = append(all, observe.Existing{
				Name: r.name, Retries: r.retries[1:], Refused: r.refused[1:], Hedges: r.hedges[:], Fallbacks: r.fallbacks,
			})
		}
	}
	slices.SortFunc(all, safely.InTurns(func(a, b observe.Existing) int { return strings.Compare(a.Name, b.Name) }))
	return all
}

// examples shows the registry the newest exchanges of the recorder.
func (e *Engine) examples(see func(observe.Example)) {
	e.recorder.Newest(func(n *records.Newest) {
		see(observe.Example{Route: n.Route, ID: n.ID, Took: n.Took, Ended: n.Ended})
	})
}

// Ready reports whether traffic should come here, and if not, why. At the start it
// waits until every discovery has answered, and its members are there, or has failed
// once, at most ten seconds. A reload that adds a discovery does not take it back.
func (e *Engine) Ready() (ok bool, reason string) {
	t := e.table.Load()
	switch {
	case e.stopping.Load():
		return false, "draining"
	case t == nil:
		return false, "no configuration yet"
	case e.settled.Load():
		return true, "serving"
	}
	if name := t.pools.Awaits(); name != "" {
		return false, "waits for the first answer about " + name
	}
	e.settled.Store(true)
	return true, "serving"
}

// Pools are the running configuration's pools, by name.
func (e *Engine) Pools() []pool.Status {
	if t := e.table.Load(); t != nil {
		return t.pools.Status()
	}
	return nil
}

// Summaries are the running configuration's pools in brief, by name.
func (e *Engine) Summaries() []pool.Summary {
	if t := e.table.Load(); t != nil {
		return t.pools.Summaries()
	}
	return nil
}

// Readings appends what is counted of the backends of the running configuration to list.
func (e *Engine) Readings(list []pool.Reading) []pool.Reading {
	if t := e.table.Load(); t != nil {
		return t.pools.Readings(list)
	}
	return list
}

// PoolSet is the running configuration's pools, for operators' actions; nil
// before the first Apply.
func (e *Engine) PoolSet() *pool.Set {
	if t := e.table.Load(); t != nil {
		return t.pools
	}
	return nil
}

// Config is the running configuration, nil before the first Apply. It must not
// be changed.
func (e *Engine) Config() *config.Config {
	if t := e.table.Load(); t != nil {
		return t.cfg
	}
	return nil
}

// Generation counts the configurations applied so far.
func (e *Engine) Generation() uint64 {
	if t := e.table.Load(); t != nil {
		return t.generation
	}
	return 0
}

// Recorder has what became of the last exchanges.
func (e *Engine) Recorder() *records.Recorder { return e.recorder }

// Shards is the number of shards.
func (e *Engine) Shards() int { return e.shardCount }
