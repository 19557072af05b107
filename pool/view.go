package pool

import "github.com/isame-lb/isame-lb/algo"

// A view is what picks read: the members that may be picked now. It is built
// whenever something changes that decides about it, never changed afterwards,
// and replaced by one pointer store.
type view struct {
	// first are the members in the rotation; spare are backups that stand by,
	// for a retry that has tried all of first.
	first tier
	spare tier
	// panicking says that health was ignored because too few are healthy.
	panicking bool
	// cause says in words why first is empty; empty when it is not.
	cause string
	keeps []bool // by member index: see Pool.Keeps
}

// tier is a balancer with the members behind its indices.
type tier struct {
	balancer algo.Balancer // nil when there are no members
	members  []*Member
	// whole says that the balancer's indices are those of the pool, which is the
	// usual case: all members eligible, no backups.
	whole bool
}

// pick returns a member that q has not tried, or nil.
func (t *tier) pick(q algo.Query) *Member {
	if t.balancer == nil {
		return nil
	}
	if !t.whole && q.Tried != (algo.Tried{}) {
		q.Tried = t.translate(q.Tried)
	}
	i := t.balancer.Pick(q)
	if i < 0 {
		return nil
	}
	return t.members[i]
}

// translate turns indices of the pool into indices of the tier. Only a retry
// in a pool that is not whole pays for the walk.
func (t *tier) translate(tried algo.Tried) algo.Tried {
	var own algo.Tried
	for i, m := range t.members {
		if tried.Has(m.index) {
			own.Add(i)
		}
	}
	return own
}

// candidate is what decides about one member.
type candidate struct {
	serving bool // enabled by the operator, and its weight is above 0
	healthy bool // by its probes, or not probed
	joining bool // came with a reload and had no good probe yet
	ready   bool // its breaker lets something in
	backup  bool
}

// choice is the verdict over all candidates: indices into them.
type choice struct {
	first, spare []int
	panicking    bool
	cause        string
}

// Causes of an empty choice, for X-Isame-Error, logs and the API.
const (
	causeNoBackends   = "no_backends"
	causeNoneEnabled  = "no_backend_enabled"
	causeBreakersOpen = "circuit_open"
	causeUnhealthy    = "no_healthy_backend"
)

// choose decides who may be picked. Primaries serve while any of them can,
// then backups. When a share of primaries below panicPercent is healthy, or
// nobody at all is, health is ignored: probes that fail everywhere more often
// mean a broken probe than broken backends. 0 never ignores health. Open
// breakers and members that are still joining are never used.
func choose(cs []candidate, panicPercent int) choice {
	var c choice
	primaries, healthy := 0, 0
	for _, m := range cs {
		if m.serving && !m.backup && !m.joining {
			primaries++
			if m.healthy {
				healthy++
			}
		}
	}
	c.panicking = healthy > 0 && healthy*100 < panicPercent*primaries
	c.first = collect(cs, false, c.panicking)
	c.spare = collect(cs, true, false)
	if len(c.first) == 0 {
		c.first, c.spare, c.panicking = c.spare, nil, false
	}
	if len(c.first) == 0 && panicPercent > 0 {
		c.first, c.spare = collect(cs, false, true), collect(cs, true, true)
		if len(c.first) == 0 {
			c.first, c.spare = c.spare, nil
		}
		c.panicking = len(c.first) > 0
	}
	if len(c.first) == 0 {
		c.cause = causeOf(cs)
	}
	return c
}

// collect lists the members of one tier that may be picked.
func collect(cs []candidate, backup, ignoreHealth bool) []int {
	var list []int
	for i, m := range cs {
		if m.serving && m.ready && m.backup == backup && !m.joining && (m.healthy || ignoreHealth) {
			list = append(list, i)
		}
	}
	return list
}

func causeOf(cs []candidate) string {
	cause := causeNoneEnabled
	if len(cs) == 0 {
		cause = causeNoBackends
	}
	for _, m := range cs {
		switch {
		case !m.serving:
		case m.joining || !m.healthy:
			cause = causeUnhealthy
		case !m.ready:
			return causeBreakersOpen
		}
	}
	return cause
}

// newTier builds the balancer over the chosen members. was is the balancer of
// the tier it replaces, or nil.
func (p *Pool) newTier(chosen []int, was algo.Balancer, nowNanos int64) tier {
	if len(chosen) == 0 {
		return tier{}
	}
	t := tier{members: make([]*Member, len(chosen)), whole: len(chosen) == len(p.members)}
	list := make([]algo.Member, len(chosen))
	for i, at := range chosen {
		m := p.members[at]
		t.members[i] = m
		list[i] = algo.Member{
			Key:    m.backend.address,
			Weight: uint32(m.weight),
			Ramp:   m.ramp(p.slowStart, nowNanos),
			Load:   m.load,
		}
	}
	b, err := algo.New(p.kind, list, was)
	if err != nil {
		panic("BUG: balancer that Build accepted: " + err.Error())
	}
	t.balancer = b
	return t
}
