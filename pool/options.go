package pool

import (
	"context"
	"runtime"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/lookup"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/rs/zerolog"
)

// Options are what a process decides once for all its pools. They must be the
// same in every Build of one process. The zero value works.
type Options struct {
	// Shards is the number of HostClients of each backend; 0 is GOMAXPROCS.
	Shards int
	// Logger gets one line for each change of a backend or a pool.
	Logger zerolog.Logger
	// Loops are the shards' event loops, which new connections belong to; without
	// them no connection can be made.
	Loops []*socket.Loop
	// Errands are where connections are dialled; nil is a place of their own. Whoever
	// made them closes them when the last exchange has ended.
	Errands *socket.Errands
	// ProbesMax bounds the health probes that run at the same time; 0 is 256.
	ProbesMax int
	// Multiplex makes what opens streams of HTTP/2 to a backend, from a shard;
	// without it pools cannot ask for that protocol.
	Multiplex func(shard int, m socket.Multiplexing) socket.Multiplexer
	// Overlay is what operators ask at run time; nil begins an empty one.
	Overlay *Overlay
	// Changed is called when Stale may have become true; nil is nobody. It may be
	// called by any goroutine, also while Build runs, and must not wait.
	Changed func()
	// Tell is told of changes of members, in their order; nil is nobody. It may be called by
	// any goroutine, a loop's too, with a mutex of the pool held: it must not wait, and not
	// look at pools.
	Tell func(Event)

	// Tests replace the clock and the DNS.
	now  func() int64
	find func(context.Context, lookup.Question) (lookup.Answer, error)
}

// means is the part that concerns connections.
func (o *Options) means() *attempt.Means {
	return &attempt.Means{Shards: o.shards(), Loops: o.Loops, Logger: o.Logger, Errands: o.Errands, Multiplex: o.Multiplex}
}

func (o *Options) shards() int {
	if o.Shards > 0 {
		return o.Shards
	}
	return runtime.GOMAXPROCS(0)
}
