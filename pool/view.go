package pool

import (
	"slices"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/end"
)

// A view is what picks read: the members that may be picked now. It is built
// whenever something changes that decides about it, never changed afterwards,
// and replaced by one pointer store.
type view struct {
	// first are the members in the rotation; spare are those that stand by, in
	// the order in which they are asked: for a retry that has tried all of first.
	first tier
	spare []tier
	// lastRank is the rank of the members of the last tier.
	lastRank int
	// panicking says that health was ignored because too few are healthy.
	panicking bool
	// cause says why first is empty; EndOK when it is not.
	cause end.End
	keeps []bool // by member index: see Pool.Keeps
	// waiting are the members that would serve if it were not for health or
	// breaker, where first is empty.
	waiting []*Member
}

// spareAt is the balancer of a spare tier, nil when there is none.
func (v *view) spareAt(i int) algo.Balancer {
	if i >= len(v.spare) {
		return nil
	}
	return v.spare[i].balancer
}

// tier is a balancer with the members behind its indices.
type tier struct {
	balancer algo.Balancer // nil when there are no members
	members  []placed
	// whole says that the balancer's indices are those of the pool, which is the
	// usual case: all members eligible, no backups.
	whole bool
}

// placed is a member with its index, so that a pick need not look into the
// member: among thousands that is a wait for memory.
type placed struct {
	*Member

	index int
}

// pick returns a member that q has not tried, with its index, or nil and -1.
func (t *tier) pick(q algo.Query) (*Member, int) {
	if t.balancer == nil {
		return nil, -1
	}
	if !t.whole && q.Tried != (algo.Tried{}) {
		q.Tried = t.translate(q.Tried)
	}
	i := t.balancer.Pick(q)
	if i < 0 {
		return nil, -1
	}
	m := &t.members[i]
	return m.Member, m.index
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
	dead    bool // not healthy, and nobody answers at its address
	joining bool // came with a reload and had no good probe yet
	ready   bool // its breaker lets something in
	local   bool // stands in the proxy's own zone
	rank    int  // 0 is a primary; higher ones serve when no lower one can
	weight  int
}

// choice is the verdict over all candidates: indices into them.
type choice struct {
	tiers     [][]int // in the order in which they are asked
	lastRank  int     // rank of the last tier
	panicking bool
	cause     end.End // why nobody may be picked; EndOK: somebody may
}

// zoneEnoughPercent is how much of the weight of the proxy's own zone must be
// there for the zone to take all requests. Below that its last members would
// drown in them. It is Envoy's over-provisioning factor of 1.4, as a step.
const zoneEnoughPercent = 70

// choose decides who may be picked. Primaries serve while any of them can, then
// the next rank. Within a rank the proxy's own zone comes first while enough of
// it is there.
//
// When a share of primaries below panicPercent is healthy, or nobody at all is,
// health is ignored: probes that fail everywhere more often mean a broken probe
// than broken backends. 0 never ignores health. That doubt is about answers: a
// backend that nobody answers for at all is dead, and stays out, as do open
// breakers and members that are still joining.
func choose(cs []candidate, panicPercent int) choice {
	ranks := ranksOf(cs)
	c := choice{panicking: panics(cs, panicPercent)}
	for _, rank := range ranks {
		ignoreHealth := c.panicking && rank == 0
		c.add(cs, rank, ignoreHealth)
		if ignoreHealth && len(c.tiers) == 0 {
			c.panicking = false
		}
	}
	if len(c.tiers) == 0 && panicPercent > 0 {
		for _, rank := range ranks {
			c.add(cs, rank, true)
		}
		c.panicking = len(c.tiers) > 0
	}
	if len(c.tiers) == 0 {
		c.cause = causeOf(cs)
	}
	return c
}

// panics says whether too few of the primaries are healthy.
func panics(cs []candidate, panicPercent int) bool {
	primaries, healthy := 0, 0
	for i := range cs {
		if m := &cs[i]; m.serving && m.rank == 0 && !m.joining {
			primaries++
			if m.healthy {
				healthy++
			}
		}
	}
	return healthy > 0 && healthy*100 < panicPercent*primaries
}

// ranksOf lists the ranks there are, lowest first.
func ranksOf(cs []candidate) []int {
	var ranks []int
	for i := range cs {
		if at, found := slices.BinarySearch(ranks, cs[i].rank); !found {
			ranks = slices.Insert(ranks, at, cs[i].rank)
		}
	}
	return ranks
}

// add appends the members of one rank that may be picked: one tier, or two
// where the own zone comes first.
func (c *choice) add(cs []candidate, rank int, ignoreHealth bool) {
	var all, local, others []int
	has, whole := 0, 0 // weight of the own zone: what may be picked, and all of it
	for i := range cs {
		m := &cs[i]
		if m.rank != rank {
			continue
		}
		if m.local {
			whole += m.weight
		}
		if !m.serving || !m.ready || m.joining || !m.healthy && (m.dead || !ignoreHealth) {
			continue
		}
		all = append(all, i)
		if m.local {
			local = append(local, i)
			has += m.weight
		} else {
			others = append(others, i)
		}
	}
	switch {
	case len(all) == 0:
		return
	case len(local) == 0, len(others) == 0, ignoreHealth, has*100 < whole*zoneEnoughPercent:
		c.tiers = append(c.tiers, all)
	default:
		c.tiers = append(c.tiers, local, others)
	}
	c.lastRank = rank
}

func causeOf(cs []candidate) end.End {
	cause := end.NoBackendEnabled
	if len(cs) == 0 {
		cause = end.NoBackends
	}
	for _, m := range cs {
		switch {
		case !m.serving:
		case m.joining || !m.healthy:
			cause = end.NoHealthyBackend
		case !m.ready:
			return end.CircuitOpen
		}
	}
	return cause
}
