package algo

import (
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func TestHash(t *testing.T) {
	seen := make(map[uint64]bool)
	for i := range 100_000 {
		key := fmt.Appendf(nil, "key-%d", i)
		h := Hash(key)
		if h&math.MaxUint32 != uint64(crc32.ChecksumIEEE(key)) {
			t.Fatalf("Hash(%q) = %x; its low half is not the CRC-32", key, h)
		}
		if seen[h] {
			t.Fatalf("Hash(%q) = %x came up before", key, h)
		}
		seen[h] = true
	}
	if got := Hash(nil); got != 0 {
		t.Errorf("Hash of nothing = %x; want 0", got)
	}
}

func TestHashAddr(t *testing.T) {
	same := [][2]string{{"10.1.2.3", "::ffff:10.1.2.3"}, {"fe80::1%eth0", "fe80::1"}}
	for _, c := range same {
		if HashAddr(netip.MustParseAddr(c[0])) != HashAddr(netip.MustParseAddr(c[1])) {
			t.Errorf("%s and %s differ", c[0], c[1])
		}
	}
	different := [][2]string{{"10.1.2.3", "10.1.2.4"}, {"10.1.2.3", "10.1.3.3"}, {"2001:db8::1", "2001:db8::2"}}
	for _, c := range different {
		if HashAddr(netip.MustParseAddr(c[0])) == HashAddr(netip.MustParseAddr(c[1])) {
			t.Errorf("%s and %s are one client", c[0], c[1])
		}
	}
	HashAddr(netip.Addr{}) // no address is a legal address
}

// hashKinds pick by Query.Hash.
func hashKinds() []Kind { return []Kind{IPHash, ConsistentHash, Maglev} }

// ownerKeys is how many keys the tests of movement follow.
const ownerKeys = 20_000

// owners returns the key of the member that each of these keys goes to.
func owners(b Balancer, members []Member) []string {
	got := make([]string, ownerKeys)
	for i := range got {
		got[i] = members[b.Pick(Query{Hash: mix(uint64(i))})].Key
	}
	return got
}

// moved counts the keys that changed their member, and those among them that
// had no need to, because both members are there before and after.
func moved(before, after []string, gone string) (all, needless int) {
	for i := range before {
		if before[i] != after[i] {
			all++
			if before[i] != gone && after[i] != gone {
				needless++
			}
		}
	}
	return all, needless
}

func TestRemovalMovesFewKeys(t *testing.T) {
	for _, kind := range hashKinds() {
		for _, n := range []int{2, 3, 5, 16, 64, 200} {
			members := newTestMembers(equalWeights(n)...)
			b := mustNew(t, kind, members, nil)
			before := owners(b, members)
			all, needless := 0, 0
			trials := min(n, 5)
			for trial := range trials {
				at := trial * n / trials
				rest := slices.Delete(slices.Clone(members), at, at+1)
				a, u := moved(before, owners(mustNew(t, kind, rest, b), rest), members[at].Key)
				all, needless = all+a, needless+u
			}
			part := float64(all) / float64(ownerKeys*trials)
			t.Logf("%-15s 1 of %3d removed: %.3f %% of the keys move, 1/n is %.3f %%, needlessly %.3f %%",
				kind, n, 100*part, 100/float64(n), 100*float64(needless)/float64(ownerKeys*trials))
			if kind != Maglev && needless > 0 {
				t.Errorf("%v: %d keys moved between members that stay", kind, needless)
			}
			if kind == ConsistentHash && part > 1/float64(n)+0.01 {
				t.Errorf("%v: %.4f of the keys moved; want at most 1/%d + 0.01", kind, part, n)
			}
		}
	}
}

// TestReorderingMovesNothing: the configuration file may be sorted.
func TestReorderingMovesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, kind := range hashKinds() {
		members := newTestMembers(1, 2, 3, 1, 2, 3, 1, 1, 1)
		before := owners(mustNew(t, kind, members, nil), members)
		rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		if all, _ := moved(before, owners(mustNew(t, kind, members, nil), members), ""); all > 0 {
			t.Errorf("%v: %d keys moved", kind, all)
		}
	}
}

// TestWeightMovesOnlyToTheHeavier: a larger weight, or a further step of a ramp,
// draws keys to its member and moves no other.
func TestWeightMovesOnlyToTheHeavier(t *testing.T) {
	for _, kind := range []Kind{IPHash, ConsistentHash} {
		members := newTestMembers(2, 2, 2, 2, 2)
		members[3].Ramp = rampFirst
		before := owners(mustNew(t, kind, members, nil), members)
		for _, change := range []func(m *Member){
			func(m *Member) { m.Ramp = 13 }, func(m *Member) { m.Ramp = 0 },
			func(m *Member) { m.Weight = 3 }, func(m *Member) { m.Weight = 40 },
		} {
			change(&members[3])
			after := owners(mustNew(t, kind, members, nil), members)
			for i := range before {
				if before[i] != after[i] && after[i] != members[3].Key {
					t.Fatalf("%v: key %d moved from %s to %s", kind, i, before[i], after[i])
				}
			}
			if slices.Equal(before, after) {
				t.Errorf("%v: nothing moved to %d/%d", kind, members[3].Weight, members[3].Ramp)
			}
			before = after
		}
	}
}

// TestRetriesSpread: the keys of one failing member go to all the others.
func TestRetriesSpread(t *testing.T) {
	for _, kind := range hashKinds() {
		const n = 8
		b := mustNew(t, kind, newTestMembers(equalWeights(n)...), nil)
		counts := make([]int, n)
		for i := range uint64(80_000) {
			q := Query{Hash: mix(i)}
			if b.Pick(q) != 0 {
				continue
			}
			q.Tried.Add(0)
			again := b.Pick(q)
			if again != b.Pick(q) {
				t.Fatalf("%v: hash %x has no fixed second member", kind, q.Hash)
			}
			counts[again]++
		}
		if counts[0] != 0 || slices.Min(counts[1:]) < 500 {
			t.Errorf("%v: retries went to %v", kind, counts)
		}
	}
}

// TestTableSizeStaysNearTheLimit: a member that comes and goes where the table
// grows does not move every key.
func TestTableSizeStaysNearTheLimit(t *testing.T) {
	const small, large = 100, 1000
	levels := []level{{10, small}, {MaxMembers, large}}
	var prev Balancer
	for _, step := range []struct{ members, want int }{
		{10, small},
		{11, large},
		{10, large},
		{6, large},
		{5, small},
		{10, small},
		{11, large},
	} {
		size := sizeFor(levels, step.members, prev)
		if size != step.want {
			t.Errorf("%d members: %d slots; want %d", step.members, size, step.want)
		}
		prev = &maglev{slots: make(slots, size)}
	}
}

// TestMaglevFollowsThePaper: the table is that of the paper's pseudo code
// (section 3.4, figure "Populate"), done literally.
func TestMaglevFollowsThePaper(t *testing.T) {
	for _, n := range []int{1, 2, 3, 16, 100} {
		members := newTestMembers(equalWeights(n)...)
		b := newMaglev(newView(members), members, nil)
		size := b.size()
		next, entry := make([]int, n), make([]int, size)
		for i := range entry {
			entry[i] = -1
		}
		order, _ := byKey(&b.view, members)
		for filled := 0; filled < size; {
			for _, i := range order {
				key := members[i].Key
				offset, skip := hashString(key, 1)%uint64(size), hashString(key, 2)%uint64(size-1)+1
				c := int((offset + uint64(next[i])*skip) % uint64(size))
				for entry[c] >= 0 {
					next[i]++
					c = int((offset + uint64(next[i])*skip) % uint64(size))
				}
				entry[c] = int(i)
				next[i]++
				filled++
				if filled == size {
					break
				}
			}
		}
		for i, want := range entry {
			if int(b.slots[i]) != want {
				t.Fatalf("%d members, slot %d: got %d; want %d", n, i, b.slots[i], want)
			}
		}
	}
}

func TestMaglevSharesAreEven(t *testing.T) {
	for _, weights := range [][]uint32{equalWeights(7), equalWeights(80), {1, 2, 3, 10}, {60_000, 1}} {
		members := newTestMembers(weights...)
		b := newMaglev(newView(members), members, nil)
		var total uint64
		counts := make([]float64, len(weights))
		for _, position := range b.slots {
			counts[position]++
		}
		for _, w := range weights {
			total += uint64(w)
		}
		for i, w := range weights {
			want := float64(w) / float64(total) * float64(b.size())
			if math.Abs(counts[i]-want) > float64(len(weights)) {
				t.Errorf("weights %v: %g slots for %d; want %.1f", weights, counts[i], w, want)
			}
		}
	}
}

func TestTableSizesFit(t *testing.T) {
	isPrime := func(n int) bool {
		for d := 2; d*d <= n; d++ {
			if n%d == 0 {
				return false
			}
		}
		return n > 1
	}
	for _, l := range maglevLevels() {
		if !isPrime(l.size) {
			t.Errorf("%d is not a prime number", l.size)
		}
	}
	for _, l := range ipHashLevels() {
		if l.size&(l.size-1) != 0 {
			t.Errorf("%d is not a power of two", l.size)
		}
	}
}

// TestRendezvousFollowsTheTwin: the owner of every slot is the member that draws
// the earliest time for it, each member looked at alone.
func TestRendezvousFollowsTheTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	gaps := exponentialGaps()
	for range 10 {
		members := newTestMembers(randomWeights(rng, 2+rng.IntN(10), 1)...)
		v := newView(members)
		const size = 256
		got := rendezvous(&v, members, size)
		best := make([]float32, size)
		want := make(slots, size)
		for i := range best {
			best[i] = math.MaxFloat32
		}
		for position, id := range v.ids {
			p := process{seed: hashString(members[id].Key, 0)}
			first := make(map[uint64]bool)
			for len(first) < size {
				r := mix(p.seed + p.draws*golden)
				p.draws++
				p.time += gaps[r>>52] * float64(v.total) / (float64(v.weights[position]) * size)
				slot := r % size
				if !first[slot] && float32(p.time) < best[slot] {
					best[slot], want[slot] = float32(p.time), uint16(position)
				}
				first[slot] = true
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("weights %v: owners differ", v.weights)
		}
	}
}
