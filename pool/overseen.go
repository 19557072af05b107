package pool

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// strayNanos is the time in which one balancer's wrong picks are reported once: a stack
// for each request would cost more than the request.
const strayNanos = int64(time.Second)

// overseen is the balancer of a registered algorithm. Its code is not ours: what it picks
// is looked at, so that no exchange goes to a member it has tried, and none fails because
// of an index that is none.
type overseen struct {
	inner   algo.Balancer // nil: its factory has failed
	instead algo.Balancer // random, for picks that are wrong
	members int
	place   string // "algorithm NAME", for reports
	now     func() int64
	// reportNanos is when the next wrong pick is reported, on the clock of now.
	reportNanos atomic.Int64
}

// oversee makes the balancer of a registered algorithm over the members of a tier. was is
// the balancer it replaces, or nil.
func (p *Pool) oversee(list []algo.Member, was algo.Balancer) *overseen {
	o := &overseen{members: len(list), place: "algorithm " + p.kind.String(), now: p.now}
	if old, ok := was.(*overseen); ok {
		was = old.inner
		o.reportNanos.Store(old.reportNanos.Load())
	}
	instead, err := algo.New(algo.Random, list, nil)
	if err != nil {
		panic("BUG: balancer that Build accepted: " + err.Error())
	}
	o.instead = instead
	safely.Do(o.place, func() {
		if o.inner, err = algo.New(p.kind, list, was); err != nil {
			panic("BUG: " + err.Error())
		}
	}, nil)
	return o
}

// Pick implements algo.Balancer. A panic of the algorithm is its caller's.
func (o *overseen) Pick(q algo.Query) int {
	if o.inner == nil {
		return o.instead.Pick(q)
	}
	i := o.inner.Pick(q)
	if i >= 0 && i < o.members && !q.Tried.Has(i) {
		return i
	}
	return o.replace(i, q)
}

// replace draws a member in place of a wrong pick. To pick one that was tried is a way to
// have no opinion about retries; everything else is a bug, which is reported.
func (o *overseen) replace(wrong int, q algo.Query) int {
	i := o.instead.Pick(q)
	if (wrong < 0 || wrong >= o.members) && i >= 0 {
		o.report(wrong)
	}
	return i
}

func (o *overseen) report(wrong int) {
	now, next := o.now(), o.reportNanos.Load()
	if now < next || !o.reportNanos.CompareAndSwap(next, now+strayNanos) {
		return
	}
	safely.Caught(o.place, fmt.Sprintf("BUG: it has picked %d of %d members", wrong, o.members))
}
