package rate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A table holds the keys it is made for: none goes, though all are ahead of the clock
// and stand where their hashes say.
func TestTableHoldsItsKeys(t *testing.T) {
	for _, keys := range []int{1, 10, 100, 10_000, 50_000} {
		table := NewTable(Definition{MaxKeys: keys, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 10}}})
		asks := make([]Ask, 1)
		for n := range keys {
			asks[0].Key = scattered(uint64(n))
			table.Take(1, asks)
		}
		inserted, evicted := table.Counts()
		if held := table.Keys(1); inserted != uint64(keys) || evicted != 0 || held != keys {
			t.Errorf("%d keys: %d came, %d went, %d are there; want all of them", keys, inserted, evicted, held)
		}
	}
}

// flood asks once for each of so many new keys, and now and then, as often as is said,
// calls between.
func flood(table *Table, keys, every int, between func(nowNanos int64)) {
	random := rand.New(rand.NewPCG(7, 7))
	asks := make([]Ask, 1)
	for n := range keys {
		now := int64(n) * int64(time.Microsecond) // a million a second
		if n%every == 0 {
			between(now)
		}
		asks[0].Key = Key(random.Uint64())
		table.Take(now, asks)
	}
}

// Ten times as many addresses as a table holds change nothing for keys in use: none of
// them gets more than its limit, however few of the asks are theirs.
func TestFloodDoesNotEvictKeysInUse(t *testing.T) {
	const maxKeys, inUse = 2000, 100
	for _, c := range []struct {
		name  string
		limit Limit
	}{
		{"burst of one", Limit{Rate: 1, Per: time.Hour, Burst: 1}},
		{"burst of three", Limit{Rate: 1, Per: time.Hour, Burst: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := NewTable(Definition{MaxKeys: maxKeys, Limits: []Limit{c.limit}})
			passed, asks := make([]int, inUse), make([]Ask, 1)
			ask := func(now int64) {
				for n := range passed {
					asks[0].Key = scattered(uint64(n))
					if table.Take(now, asks).Allowed {
						passed[n]++
					}
				}
			}
			ask(0) // a second time before the flood comes
			flood(table, 10*maxKeys, 5*maxKeys, ask)
			for n, got := range passed {
				if got > c.limit.Burst {
					t.Fatalf("key %d passed %d times; want at most %d", n, got, c.limit.Burst)
				}
			}
			if _, evicted := table.Counts(); evicted < 8*maxKeys {
				t.Errorf("%d keys went; want a flood", evicted)
			}
		})
	}
}

// Who is refused stays, also where all newcomers come twice.
func TestFloodOfReturningKeysDoesNotEvictTheRefused(t *testing.T) {
	const maxKeys = 2000
	table := NewTable(Definition{MaxKeys: maxKeys, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 2}}})
	hot, passed := []Ask{{Key: KeyString("hot")}}, 0
	random := rand.New(rand.NewPCG(3, 3))
	asks := make([]Ask, 1)
	for n := range 10 * maxKeys {
		now := int64(n) * int64(time.Microsecond)
		if n == 0 || n == 1 || n == 2 || n%(3*maxKeys) == 0 {
			if table.Take(now, hot).Allowed {
				passed++
			}
		}
		asks[0].Key = Key(random.Uint64())
		table.Take(now, asks)
		table.Take(now, asks)
	}
	if passed != 2 {
		t.Errorf("passed %d times; want 2", passed)
	}
}

// What goes first, of a bucket that is full.
func TestOrderOfEviction(t *testing.T) {
	minute := int64(time.Minute)
	now := 100 * minute
	use := func(at int64, class uint64) uint64 { return uint64(at)&^classBits | class }
	order := []uint64{
		use(now-90*minute, classRefused), // for long not in use: by age alone
		use(now-80*minute, classOnce),
		use(now-70*minute, classAgain),
		use(now-minute/2, classOnce),
		use(now-minute/4, classOnce),
		use(now-minute/2, classAgain),
		use(now, classAgain),
		use(now-minute/2, classRefused),
		use(now, classRefused),
	}
	for i := range order[1:] {
		if rank(order[i], now) >= rank(order[i+1], now) {
			t.Errorf("%d goes after %d; want before", i, i+1)
		}
	}
}

// A key at rest makes room before any other, and its going costs nothing.
func TestKeysAtRestGoFirst(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 1, Limits: []Limit{
		{Rate: 1, Per: time.Second, Burst: 2},
		{Rate: 1, Per: time.Hour, Burst: 2},
	}})
	places := len(table.buckets) * ways
	ask := func(n, limit int, now int64) bool {
		return table.Take(now, []Ask{{Key: scattered(uint64(n)), Limit: limit}}).Allowed
	}
	for n := range places { // half of them refused again and again, but short-lived
		limit := n % 2
		for range 3 {
			ask(n, limit, 1)
		}
	}
	for n := range places / 2 {
		ask(places+n, 1, int64(3*time.Second))
	}
	if _, evicted := table.Counts(); evicted != 0 {
		t.Errorf("%d keys went that were ahead; want none", evicted)
	}
	for n := 1; n < places; n += 2 {
		if ask(n, 1, int64(4*time.Second)) {
			t.Errorf("key %d was forgotten", n)
		}
	}
}

// A place that changes hands between the reading and the writing of a charge does not
// charge the new key, and a giving back does not reach it either.
func TestPlaceThatChangesHands(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 1, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: 3}}})
	old := []Ask{{Key: scattered(1)}}
	table.Take(1, old)
	p := old[0].at
	read, ok := p.read(old[0].word)
	if !ok {
		t.Fatal("the key is not where it was put")
	}
	successor := word(scattered(2), 0)
	p.take(successor, read, 1)
	if _, ok := p.read(old[0].word); ok {
		t.Error("the old key still reads its place")
	}
	if p.b.value[p.i].CompareAndSwap(read, read+1<<stampBits) {
		t.Error("a charge of the old key reached the new one, which has the same time")
	}
	before := p.b.value[p.i].Load()
	old[0].giveBack(1)
	if got := p.b.value[p.i].Load(); got != before {
		t.Error("the new key got what the old one had been charged")
	}
}
