package sim

import "github.com/isame-lb/isame-lb/algo"

// proxy is one view of the backends: the balancer and what it was told.
type proxy struct {
	kind     algo.Kind
	loads    []algo.Load
	weights  []uint32
	balancer algo.Balancer
	members  []int32   // index in the balancer -> backend
	breakers []breaker // empty without
	ejected  int
}

func newProxy(kind algo.Kind, weights []uint32, breakers bool) (*proxy, error) {
	p := &proxy{kind: kind, loads: make([]algo.Load, len(weights)), weights: weights}
	if breakers {
		p.breakers = make([]breaker, len(weights))
	}
	err := p.rebuild(0)
	return p, err
}

// rebuild makes the balancer over those that may be picked now.
func (p *proxy) rebuild(nowNanos int64) error {
	p.members = p.members[:0]
	list := make([]algo.Member, 0, len(p.loads))
	for i := range p.loads {
		if len(p.breakers) > 0 && p.breakers[i].state == open && nowNanos < p.breakers[i].untilNanos {
			continue
		}
		p.members = append(p.members, int32(i))
		list = append(list, algo.Member{Key: address(i), Weight: p.weights[i], Load: &p.loads[i]})
	}
	next, err := algo.New(p.kind, list, p.balancer)
	if err != nil {
		return err
	}
	p.balancer = next
	return nil
}

// pick chooses a backend and counts the request there, as Pool.Pick and
// Member.Acquire do. It returns none when nobody may take it.
func (p *proxy) pick(q algo.Query) (int32, permit) {
	for range algo.TriedMax {
		i := p.balancer.Pick(q)
		if i < 0 {
			break
		}
		at := p.members[i]
		if len(p.breakers) == 0 {
			p.loads[at].Begin()
			return at, permit{}
		}
		if k, ok := p.breakers[at].admit(q.NowNanos); ok {
			p.loads[at].Begin()
			return at, k
		}
		q.Tried.Add(i)
	}
	return none, permit{}
}

// done counts the end of a request, as Member.Release does, and says whether
// the view has to be rebuilt.
func (p *proxy) done(r *request, failed bool, nowNanos int64) (changed bool) {
	p.loads[r.backend].End(nowNanos, nowNanos-r.arrivedNanos)
	if len(p.breakers) == 0 {
		return false
	}
	b := &p.breakers[r.backend]
	switch {
	case b.generation != r.permit.generation:
		return false
	case r.permit.trial:
		if !b.trialDone(failed, nowNanos) {
			return false
		}
		if b.state == closed {
			p.ejected--
		}
		return true
	case b.state != closed || !b.wantsOpen(failed, nowNanos):
		return false
	case (p.ejected+1)*100 > ejectedPercentMax*len(p.breakers):
		return false
	}
	p.ejected++
	b.open(nowNanos)
	return true
}
