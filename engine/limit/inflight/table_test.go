package inflight

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTableAgainstAMap(t *testing.T) {
	table, model := New(1<<12), map[uint64]int{}
	r := rand.New(rand.NewPCG(1, 2))
	type one struct{ hash, place uint64 }
	var held []one
	keys := make([]uint64, 300)
	for i := range keys {
		keys[i] = r.Uint64()
	}
	for range 200_000 {
		if len(held) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(held))
			table.Release(held[i].place)
			model[held[i].hash]--
			held[i] = held[len(held)-1]
			held = held[:len(held)-1]
			continue
		}
		hash := keys[r.IntN(len(keys))]
		const limit = 3
		place, got := table.Acquire(hash, limit)
		want := Acquired
		if model[hash] >= limit {
			want = Refused
		}
		if got != want {
			t.Fatalf("key %x with %d in progress: got %v; want %v", hash, model[hash], got, want)
		}
		if got == Acquired {
			model[hash]++
			held = append(held, one{hash, place})
		}
	}
	if all, _ := table.InProgress(); all != len(held) {
		t.Errorf("got %d in progress; want %d", all, len(held))
	}
}

// Many goroutines and few keys, all of one bucket: no key ever has more than its limit.
func TestLimitHoldsWhileSlotsComeAndGo(t *testing.T) {
	const limit, keys = 2, 6
	table := New(1)
	var now [keys]atomic.Int32
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 30_000 {
				k := r.IntN(keys)
				place, o := table.Acquire(uint64(k+1), limit)
				if o != Acquired {
					continue
				}
				if n := now[k].Add(1); n > limit {
					t.Errorf("key %d: %d in progress; want at most %d", k, n, limit)
				}
				now[k].Add(-1)
				table.Release(place)
			}
		})
	}
	all.Wait()
	if n, _ := table.InProgress(); n != 0 {
		t.Errorf("%d are still in progress", n)
	}
}

func TestTableThatIsFull(t *testing.T) {
	table := New(1)
	var places []uint64
	for k := uint64(1); ; k++ {
		place, o := table.Acquire(k, 1)
		if o == Full {
			break
		}
		places = append(places, place)
	}
	if len(places) < slotsOfBucket {
		t.Errorf("full with %d keys; want at least %d", len(places), slotsOfBucket)
	}
	table.Release(places[3])
	if _, o := table.Acquire(1<<40, 1); o != Acquired {
		t.Errorf("got %v; want a slot that has become free to be taken", o)
	}
}

func BenchmarkAcquire(b *testing.B) {
	table := New(1 << 20)
	for _, bc := range []struct {
		name string
		keys uint64
	}{{"keys=1", 1}, {"keys=1000000", 1_000_000}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				hash := (i%bc.keys + 1) * 0x9e3779b97f4a7c15
				if place, o := table.Acquire(hash, 10); o == Acquired {
					table.Release(place)
				}
			}
		})
	}
	b.Run("locked keys=1", func(b *testing.B) {
		var mu sync.Mutex
		n := map[uint64]int{}
		for b.Loop() {
			mu.Lock()
			n[1]++
			mu.Unlock()
			mu.Lock()
			n[1]--
			mu.Unlock()
		}
	})
}
