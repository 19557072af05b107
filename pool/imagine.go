package pool

import (
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
)

// Imagine makes the pools of a configuration for those who only look at them: what Build
// would make of it now, beside prev, which runs and goes on as it is. Nobody is asked for
// backends, what discoveries know by now counts; no probe and no timer begins, nothing is
// dialled, and no line is logged. Pools that prev has as well are the same objects.
//
// It must not be called while Build or another Imagine runs. Set.Retire(nil, 0) gives back
// what it holds, at once, and may be called by any goroutine.
func Imagine(cfg *config.Config, prev *Set, opts Options) (*Set, error) {
	opts.Logger, opts.Changed = zerolog.Nop(), nil
	return build(cfg, prev, opts, true)
}

// Owners are the members that own keys: for each hash of a key the address of the one that
// a first attempt with it goes to, as if all were well: those that are enabled and have a
// weight, primaries before backups, the proxy's own zone before others. like is the pool
// whose balancers the ones of p would follow, nil for none. It is nil where the algorithm
// does not hash, is somebody's own, which is not asked, or nobody serves.
func (p *Pool) Owners(hashes []uint64, like *Pool) []string {
	if !p.kind.UsesHash() || p.kind.IsRegistered() {
		return nil
	}
	members, b := p.ideal(like)
	if len(members) == 0 {
		return nil
	}
	owners := make([]string, len(hashes))
	for i, h := range hashes {
		if at := b.Pick(algo.Query{Hash: h, Random: h}); at >= 0 {
			owners[i] = members[at].Key
		}
	}
	return owners
}

// ideal is a balancer over the members that serve while all are well.
func (p *Pool) ideal(like *Pool) ([]algo.Member, algo.Balancer) {
	candidates := make([]candidate, len(p.members))
	for i, m := range p.members {
		state, weight := m.wish()
		candidates[i] = candidate{
			serving: state == Enabled && weight > 0, healthy: true, ready: true, local: m.local, rank: m.rank, weight: weight,
		}
	}
	c := choose(candidates, 0)
	if len(c.tiers) == 0 {
		return nil, nil
	}
	members := make([]algo.Member, len(c.tiers[0]))
	for i, at := range c.tiers[0] {
		members[i] = algo.Member{Key: p.members[at].backend.address, Weight: uint32(candidates[at].weight), Load: &algo.Load{}}
	}
	var was algo.Balancer
	if like != nil {
		was = like.view.Load().first.balancer
	}
	b, err := algo.New(p.kind, members, was)
	if err != nil {
		panic("BUG: balancer that Build accepted: " + err.Error())
	}
	return members, b
}

// Weights are those of the members by index, as the operator and the configuration want
// them; one that takes nothing new has none.
func (p *Pool) Weights() []int {
	weights := make([]int, len(p.members))
	for i, m := range p.members {
		if state, weight := m.wish(); state == Enabled {
			weights[i] = weight
		}
	}
	return weights
}
