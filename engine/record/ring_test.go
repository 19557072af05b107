package record

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// stamped is a record that shows whether it is whole: every part of it says the same.
func stamped(n uint64) *Record {
	r := &Record{
		Started: int64(n), Took: int64(n), idSum: n, In: Size(n), Out: Size(n), Generation: uint32(n), Route: uint32(n), Pool: uint32(n),
	}
	for i := range r.Tries {
		r.Tries[i] = Try{Backend: uint32(n), Began: Short(n), Answer: Short(n)}
	}
	for i := range r.text {
		r.text[i] = byte(n)
	}
	return r
}

func isWhole(r *Record) bool {
	return *r == *stamped(uint64(r.Took))
}

// numbersIn are those of a ring, sorted.
func numbersIn(g *ring) []uint64 {
	var all []uint64
	g.each(func(_ *Record, number uint64) { all = append(all, number) })
	slices.Sort(all)
	return all
}

func TestRingHoldsTheLast(t *testing.T) {
	for _, slots := range []int{1, 2, pageSlots - 1, pageSlots, pageSlots + 1, 3 * pageSlots} {
		g := newRing(slots)
		for n := range uint64(5*pageSlots + 7) {
			if got := g.put(stamped(n), 0); got != n+1 {
				t.Fatalf("%d slots: record %d has number %d", slots, n, got)
			}
			if n%101 != 0 && n != 5*pageSlots+6 {
				continue
			}
			kept := numbersIn(&g)
			if want := min(int(n)+1, slots); len(kept) != want || kept[0] != n+2-uint64(want) || kept[want-1] != n+1 {
				t.Fatalf("%d slots, %d records: got %d from %d to %d", slots, n+1, len(kept), kept[0], kept[len(kept)-1])
			}
			if g.isFull() != (int(n) >= slots) {
				t.Fatalf("%d slots, %d records: full is %v", slots, n+1, g.isFull())
			}
		}
	}
	none := newRing(0)
	if none.put(stamped(1), 0) != 0 || len(numbersIn(&none)) != 0 || none.isFull() {
		t.Error("a ring without slots holds something")
	}
}

// Pages are made when they are needed.
func TestRingBeginsSmall(t *testing.T) {
	g := newRing(10 * pageSlots)
	made := func() (n int) {
		for i := range g.pages {
			if g.pages[i].Load() != nil {
				n++
			}
		}
		return n
	}
	if got := made(); got != 0 {
		t.Errorf("got %d pages of a new ring; want 0", got)
	}
	for range pageSlots + 1 {
		g.put(stamped(1), 0)
	}
	if got := made(); got != 2 {
		t.Errorf("got %d pages; want 2", got)
	}
}

// A slot that somebody has is passed by: nobody waits, and what is in it stays.
func TestSlotsThatAreTakenArePassedBy(t *testing.T) {
	g := newRing(4)
	for n := range uint64(4) {
		g.put(stamped(n), 0)
	}
	p := g.page(0)
	p.states[0].Or(busy)
	if got := g.put(stamped(9), 0); got != 6 {
		t.Errorf("got number %d; want 6, of the next slot", got)
	}
	p.states[0].And(^uint64(busy))
	if got := numbersIn(&g); !slices.Equal(got, []uint64{1, 3, 4, 6}) {
		t.Errorf("got %d; want 1 3 4 6", got)
	}
	for i := range 4 {
		p.states[i].Or(busy)
	}
	if got := g.put(stamped(9), 0); got != 0 {
		t.Errorf("got number %d; want none: all slots are somebody's", got)
	}
}

func TestRingTakesOverWhatFits(t *testing.T) {
	for _, tc := range []struct{ from, put, to, want int }{
		{10, 5, 10, 5},
		{10, 25, 10, 10},
		{10, 25, 4, 4},
		{10, 25, 300, 10},
		{300, 299, 20, 20},
		{10, 0, 5, 0},
		{0, 0, 5, 0},
		{5, 3, 0, 0},
	} {
		from, to := newRing(tc.from), newRing(tc.to)
		for n := range uint64(tc.put) {
			from.put(stamped(n), 0)
		}
		to.carry(&from)
		kept := numbersIn(&to)
		if len(kept) != tc.want || tc.want > 0 && kept[tc.want-1] != uint64(tc.put) {
			t.Errorf("%+v: got %d", tc, kept)
		}
		if tc.to == 0 {
			continue
		}
		if got := to.put(stamped(1), 0); got != uint64(tc.put)+1 {
			t.Errorf("%+v: the next one has number %d", tc, got)
		}
	}
}

// Writers lap each other in a ring that is far too small, and readers look on: what they
// see is always one whole record, under its own number.
func TestReadersSeeWholeRecords(t *testing.T) {
	const writers, each = 4, 20_000
	for _, slots := range []int{1, 3, 2 * pageSlots} {
		g := newRing(slots)
		var written, lost, seen atomic.Int64
		var running sync.WaitGroup
		for w := range writers {
			running.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(w)))
				for range each {
					if g.put(stamped(random.Uint64N(1<<15)), 0) == 0 {
						lost.Add(1)
					} else {
						written.Add(1)
					}
				}
			})
		}
		done, read := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(read)
			for {
				newest := uint64(0)
				g.each(func(r *Record, number uint64) {
					seen.Add(1)
					newest = max(newest, number)
					if !isWhole(r) {
						t.Errorf("record %d is torn: %+v", number, r)
					}
				})
				if newest > g.head.Load() {
					t.Errorf("got number %d of %d", newest, g.head.Load())
				}
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		}()
		running.Wait()
		close(done)
		<-read
		if written.Load()+lost.Load() != writers*each || slots > 100 && lost.Load() > 0 {
			t.Errorf("%d slots: %d written, %d lost", slots, written.Load(), lost.Load())
		}
		if got := len(numbersIn(&g)); got == 0 || got > slots {
			t.Errorf("%d slots: %d are kept", slots, got)
		}
		t.Logf("%d slots: %d written, %d lost, %d looks", slots, written.Load(), lost.Load(), seen.Load())
	}
}
