// ip_hash: a client stays on its backend while that is there.
//
// Law: weighted rendezvous hashing, computed into a table when the view is
// built. Each slot has a lottery among all members, drawn from slot and member
// alone: member m is first at a time that is exponentially distributed with
// rate weight(m); the earliest one owns the slot.
//
// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit
// rates" (1998); exponential times for weights: Schindelhauer and Schomaker
// (2005). The times are made member by member, as the points of a Poisson
// process over all slots, up to a horizon by which every slot has been hit: a
// cost of slots * ln(slots), not slots * members.
//
// What users get: the name is nginx's, the key is HAProxy's `balance source`,
// the whole address (see HashAddr). Unlike both, whose modulo moves most clients
// when the sum of weights changes (nginx keeps failed servers in the sum to
// soften that), here only what must move does.
//
// Invariants: when a member goes, only its keys move; when its weight changes,
// keys move only to it or only away from it; the order of members does not
// matter. With k slots for a member its share is off by 1/sqrt(k): 1 % at two
// members, 9 % at 128 slots.
// Nothing is written by a pick and no load is read, so there is nothing stale.

package algo

import "math"

// ipHashLevels are powers of two, at least 128 slots for each of up to 4,096
// members. The large table takes 80 ms to build, the small one 2.
func ipHashLevels() []level {
	return []level{{64, 1 << 14}, {512, 1 << 16}, {MaxMembers, 1 << 19}}
}

// horizonsMax bounds how often the horizon is doubled; the first one leaves a
// slot empty in one build of twenty.
const horizonsMax = 8

type ipHash struct {
	view
	slots
}

func newIPHash(v view, members []Member, prev Balancer) *ipHash {
	b := &ipHash{view: v}
	if len(v.ids) > 0 {
		b.slots = rendezvous(&v, members, sizeFor(ipHashLevels(), len(v.ids), prev))
	}
	return b
}

// Pick implements Balancer.
func (b *ipHash) Pick(q Query) int { return b.pick(&b.view, q) }

// lottery is the state of the draw for every slot.
type lottery struct {
	owners slots
	times  []float32 // when the owner came, +Inf while there is none
	gaps   *[4096]float64
}

// process is the point process of one member.
type process struct {
	seed, draws uint64
	time, mean  float64
}

// rendezvous computes the owners of size slots, a power of two.
func rendezvous(v *view, members []Member, size int) slots {
	l := lottery{owners: make(slots, size), times: make([]float32, size), gaps: exponentialGaps()}
	for i := range l.times {
		l.times[i] = float32(math.Inf(1))
	}
	processes := make([]process, len(v.ids))
	for i, id := range v.ids {
		// One unit of time brings one point to each slot, from all members.
		mean := float64(v.total) / (float64(v.weights[i]) * float64(size))
		processes[i] = process{seed: hashString(members[id].Key, 0), mean: mean}
	}
	horizon := math.Log(float64(size)) + 3
	for range horizonsMax {
		for i := range processes {
			l.run(&processes[i], uint16(i), horizon)
		}
		if l.isFull() {
			break
		}
		horizon *= 2
	}
	return l.owners
}

// run lets one member draw until the horizon. Point k has the same slot and the
// same gap in every view; only the time scale follows the weights.
func (l *lottery) run(p *process, position uint16, horizon float64) {
	mask := uint64(len(l.owners) - 1)
	for p.time < horizon {
		r := mix(p.seed + p.draws*golden)
		p.draws++
		p.time += l.gaps[r>>52] * p.mean
		if slot := r & mask; float32(p.time) < l.times[slot] {
			l.times[slot], l.owners[slot] = float32(p.time), position
		}
	}
}

// isFull says whether every slot has an owner.
func (l *lottery) isFull() bool {
	for _, t := range l.times {
		if math.IsInf(float64(t), 1) {
			return false
		}
	}
	return true
}

// exponentialGaps tabulates the exponential distribution with mean 1: a uniform
// index gives a gap. Reading it costs 1 ns where math.Log takes 15.
func exponentialGaps() *[4096]float64 {
	gaps := new([4096]float64)
	for i := range gaps {
		gaps[i] = -math.Log((float64(i) + 0.5) / float64(len(gaps)))
	}
	return gaps
}
