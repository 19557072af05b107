package observe

import (
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// EndStats counts the ends of exchanges and of tunnels, by the closed list of
// package pool. Nothing in it changes after it was made, but the counters.
type EndStats struct {
	// counters by end and phase; phases that an end has no business in share the
	// counter of one that it has.
	counters [end.Ends][end.Phases]*stat.Counter
}

func newEndStats(shards int) *EndStats {
	s := &EndStats{}
	for e := range end.Ends {
		for p := range e.Under() {
			s.counters[e][p] = stat.NewCounter(shards)
		}
		for p := range end.Phases {
			s.counters[e][p] = s.counters[e][e.In(p)]
		}
	}
	return s
}

// Add counts an exchange that ended so, having come as far as phase.
func (s *EndStats) Add(shard int, e end.End, phase end.Phase) {
	s.counters[e][phase].Add(shard, 1)
}
