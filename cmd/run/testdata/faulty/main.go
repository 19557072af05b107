// Command faulty is isame-lb with algorithms that are wrong.
package main

import (
	"sync/atomic"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/cmd/run"
)

// everyOther panics in each second pick.
type everyOther struct{ turn atomic.Uint32 }

// Pick implements algo.Balancer.
func (e *everyOther) Pick(algo.Query) int {
	if e.turn.Add(1)%2 == 0 {
		panic("this algorithm is wrong")
	}
	return 0
}

// outside picks what is not there.
type outside struct{}

// Pick implements algo.Balancer.
func (outside) Pick(algo.Query) int { return 1000 }

func main() {
	algo.Register("every_other", func([]algo.Member, algo.Balancer) algo.Balancer { return new(everyOther) })
	algo.Register("outside", func([]algo.Member, algo.Balancer) algo.Balancer { return outside{} })
	run.Main("", "")
}
