package algo

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ketamaTwin is the ring done plainly: the standard library's CRC-32, a sort,
// a search from the start, exact sums, under a lock.
type ketamaTwin struct {
	sync.Mutex
	points  []point
	members int // with points
	total   float64
}

func newKetamaTwin(members []Member) *ketamaTwin {
	k := &ketamaTwin{}
	for i, m := range members {
		host, port, _ := strings.Cut(m.Key, ":")
		previous := make([]byte, 4)
		for range 160 * m.Weight {
			hash := crc32.ChecksumIEEE([]byte(host + "\x00" + port + string(previous)))
			binary.LittleEndian.PutUint32(previous, hash)
			k.points = append(k.points, point{hash: hash, owner: uint32(i)})
		}
		if m.Weight > 0 {
			k.members++
		}
		k.total += float64(m.Weight)
	}
	slices.SortStableFunc(k.points, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
	return k
}

// order returns all members in the order in which they come after the hash.
func (k *ketamaTwin) order(hash uint32) []int {
	k.Lock()
	defer k.Unlock()
	start := slices.IndexFunc(k.points, func(p point) bool { return p.hash >= hash })
	var order []int
	for i := range k.points {
		owner := int(k.points[(max(start, 0)+i)%len(k.points)].owner)
		if !slices.Contains(order, owner) {
			if order = append(order, owner); len(order) == k.members {
				break
			}
		}
	}
	return order
}

// pick is the whole law.
func (k *ketamaTwin) pick(members []Member, q Query) int {
	var inFlight float64
	for _, m := range members {
		if m.Weight > 0 {
			inFlight += float64(m.Load.InFlight.Load())
		}
	}
	for _, i := range k.order(uint32(q.Hash)) {
		room := loadFactor * (inFlight + 1) * float64(members[i].Weight) / k.total
		if !q.Tried.Has(i) && float64(members[i].Load.InFlight.Load()) < room-1e-9 {
			return i
		}
	}
	return -1
}

// TestRingFollowsTheTwin: members, weights and hashes at random, nothing in
// flight; also the whole order under retries.
func TestRingFollowsTheTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		members := newTestMembers(randomWeights(rng, 1+rng.IntN(40), 0)...)
		members[0].Weight++
		b, twin := mustNew(t, ConsistentHash, members, nil), newKetamaTwin(members)
		for range 100 {
			q := randomQuery(rng)
			switch rng.IntN(8) {
			case 0:
				q.Hash = uint64(twin.points[rng.IntN(len(twin.points))].hash)
			case 1:
				q.Hash = []uint64{0, 1<<32 - 1, 1 << 32, 1<<64 - 1}[rng.IntN(4)]
			}
			for i, want := range twin.order(uint32(q.Hash)) {
				if i > 3 { // further on a retry may leave the ring after placesMax points
					break
				}
				got := b.Pick(q)
				if got != want {
					t.Fatalf("hash %x, try %d: got %d; want %d", q.Hash, i, got, want)
				}
				q.Tried.Add(got)
			}
		}
	}
}

// TestBoundedLoadFollowsTheTwin: a pool under random traffic with few keys, so
// that they spill over.
func TestBoundedLoadFollowsTheTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		members := newTestMembers(randomWeights(rng, 1+rng.IntN(sumMax), 0)...)
		members[0].Weight++
		b, twin := mustNew(t, ConsistentHash, members, nil), newKetamaTwin(members)
		var running []int
		left := 0
		for range 500 {
			if len(running) > 0 && rng.IntN(3) == 0 {
				at := rng.IntN(len(running))
				members[running[at]].Load.End(0, -1)
				running = slices.Delete(running, at, at+1)
				continue
			}
			q := Query{Hash: mix(rng.Uint64N(20)), Random: rng.Uint64()}
			got, want := b.Pick(q), twin.pick(members, q)
			if got != want {
				left++ // the walk ended before the twin's
			}
			members[got].Load.Begin()
			running = append(running, got)
		}
		if left > 10 {
			t.Errorf("weights of %d members: %d of 500 picks differ from the twin", len(members), left)
		}
	}
}

// TestHotKeySpillsOver: one key gets everything; nobody carries more than 1.25
// times the mean, and the key's own member is full.
func TestHotKeySpillsOver(t *testing.T) {
	for _, n := range []int{4, sumMax, 40} {
		members := newTestMembers(equalWeights(n)...)
		b := mustNew(t, ConsistentHash, members, nil)
		rng := rand.New(rand.NewPCG(3, 3))
		requests := 40 * n
		for range requests {
			members[b.Pick(Query{Hash: 42, Random: rng.Uint64()})].Load.Begin()
		}
		most := int64(0)
		for i := range members {
			most = max(most, members[i].Load.InFlight.Load())
		}
		owner := members[b.Pick(Query{Hash: 42, Tried: Tried{}})].Load.InFlight.Load()
		t.Logf("%d members, %d requests for one key: at most %d at one, mean 40", n, requests, most)
		if most > 51 {
			t.Errorf("%d members: %d requests at one; want at most 50 and the one that filled it", n, most)
		}
		if owner > most {
			t.Errorf("%d members: the next request goes to one with %d of %d", n, owner, most)
		}
	}
}

// TestLoadSumKeepsUp: the sum in steps is that of a whole round.
func TestLoadSumKeepsUp(t *testing.T) {
	for _, n := range []int{17, 24, 25, 1000} {
		members := newTestMembers(equalWeights(n)...)
		b := newConsistentHash(newView(members), members)
		var want int64
		for i := range members {
			members[i].Load.InFlight.Store(int64(i))
			want += int64(i)
		}
		for range (n + sumStep - 1) / sumStep {
			b.inFlight(0)
		}
		if got := b.inFlight(1); got != want {
			t.Errorf("%d members: %d in flight; want %d", n, got, want)
		}
	}
}

func TestSplitKey(t *testing.T) {
	cases := []struct{ key, host, port string }{
		{"10.0.0.1:8080", "10.0.0.1", "8080"},
		{"backend", "backend", ""},
		{"backend:http", "backend:http", ""},
		{"[::1]:80", "[::1]", "80"},
		{"[::1]", "[::1]", ""},
		{"host:", "host", ""},
		{"unix:/run/a.sock", "/run/a.sock", ""},
		{"UNIX:/run/a:1", "/run/a:1", ""},
		{"", "", ""},
	}
	for _, c := range cases {
		if host, port := splitKey(c.key); host != c.host || port != c.port {
			t.Errorf("splitKey(%q) = %q, %q; want %q, %q", c.key, host, port, c.host, c.port)
		}
	}
}

func TestRingIsBounded(t *testing.T) {
	members := newTestMembers(65_535, 65_535, 1)
	b := newConsistentHash(newView(members), members)
	if n := b.ring.len(); n > pointsMax+len(members) {
		t.Errorf("%d points; want at most %d", n, pointsMax)
	}
	counts := make([]int, len(members))
	for place := range b.ring.len() {
		counts[b.ring.owner(place)]++
	}
	if counts[2] == 0 || counts[0] != counts[1] {
		t.Errorf("points %v", counts)
	}
}

func TestSortPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, 2, 1000, 5000} {
		points := make([]point, n)
		for i := range points {
			points[i] = point{hash: rng.Uint32() >> (rng.IntN(4) * 8), owner: uint32(i)}
		}
		want := slices.Clone(points)
		slices.SortStableFunc(want, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
		if !slices.Equal(sortPoints(points), want) {
			t.Errorf("%d points are not sorted", n)
		}
	}
}

func ExampleNew() {
	members := []Member{{Key: "a:80", Weight: 5}, {Key: "b:80", Weight: 1}, {Key: "c:80", Weight: 1}}
	b, err := New(WeightedRoundRobin, members, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 7 {
		fmt.Print(members[b.Pick(Query{})].Key[:1], " ")
	}
	// Output: a a b a c a a
}
