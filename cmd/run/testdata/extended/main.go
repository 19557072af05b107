// Command extended is isame-lb with an algorithm of its own, as a user would write it:
//
//	pools: {p: {algorithm: primary_first, backends: [...]}}
package main

import (
	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/cmd/run"
)

// busyMost is how many requests a backend has in flight before the next one helps.
const busyMost = 2

// primaryFirst fills backends in the order of the list: everything goes to the first of
// those that may be picked now, until it is busy; then the second one helps, and so on.
// Where all are busy, the one with the least to do takes it.
type primaryFirst struct{ members []algo.Member }

// Pick implements algo.Balancer.
func (p primaryFirst) Pick(q algo.Query) int {
	best, least := -1, int64(0)
	for i := range p.members {
		if q.Tried.Has(i) { // this exchange has asked it already
			continue
		}
		busy := p.members[i].Load.InFlight.Load()
		if busy < busyMost {
			return i
		}
		if best < 0 || busy < least {
			best, least = i, busy
		}
	}
	return best
}

func main() {
	algo.Register("primary_first", func(members []algo.Member, _ algo.Balancer) algo.Balancer {
		return primaryFirst{members}
	})
	run.Main("v1.2.3-extended", "")
}
