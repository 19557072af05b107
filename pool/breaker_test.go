package pool

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const second = int64(time.Second)

func testPolicy() *breakerPolicy {
	return &breakerPolicy{runMin: 3, percent: 50, resultsMin: 10, openNanos: 10 * second, trials: 2}
}

// fail hands in n bad results at one second, opening the breaker where it asks for it.
func fail(t *testing.T, b *breaker, p *breakerPolicy, w *window, n int) {
	t.Helper()
	for range n {
		k, ok := b.admit(p, second)
		if !ok {
			t.Fatal("closed breaker refused")
		}
		if b.done(k, resultBad, p, w, second) == eventTrip {
			b.open(k, p, second)
		}
	}
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	var b breaker
	p, w := testPolicy(), newWindow(10*time.Second)
	fail(t, &b, p, w, 2)
	k, _ := b.admit(p, second)
	b.done(k, resultGood, p, w, second)
	fail(t, &b, p, w, 2)
	if got := b.state(second); got != breakerClosed {
		t.Fatalf("a success between failures did not begin the count anew: %v", got)
	}
	fail(t, &b, p, w, 1)
	if got := b.state(second); got != breakerOpen {
		t.Fatalf("state %v after 3 failures in a row; want open", got)
	}
	if _, ok := b.admit(p, 11*second-1); ok {
		t.Error("let in before open_for was over")
	}
}

func TestBreakerOpensByShareFromMinimumVolumeOn(t *testing.T) {
	var b breaker
	p, w := testPolicy(), newWindow(10*time.Second)
	p.runMin = 0
	for i := range 10 { // good and bad in turn: the tenth makes the volume
		k, _ := b.admit(p, second)
		r := resultGood
		if i%2 == 1 {
			r = resultBad
		}
		if trip := b.done(k, r, p, w, second) == eventTrip; trip != (i == 9) {
			t.Fatalf("result %d: trip %v", i, trip)
		}
	}
}

func TestBreakerForgetsResultsBeyondItsWindow(t *testing.T) {
	w := newWindow(10 * time.Second)
	for i := range int64(5) {
		w.add(second+i, 1)
	}
	if total, failed := w.sum(10 * second); total != 5 || failed != 5 {
		t.Fatalf("inside the window: %d of %d; want 5 of 5", failed, total)
	}
	if total, _ := w.sum(13 * second); total != 0 {
		t.Errorf("%d results after the window; want 0", total)
	}
	w.add(100*second, 0)
	w.add(second, 1) // a clock read long ago
	if total, failed := w.sum(100 * second); total != 1 || failed != 0 {
		t.Errorf("a late result counted: %d of %d; want 0 of 1", failed, total)
	}
}

func TestWindowKeepsRatioWhenItsCountersAreFull(t *testing.T) {
	w := newWindow(10 * time.Second)
	w.buckets[0].Store(packBucket(0, windowCountMax, windowCountMax/4))
	w.add(1, 1)
	total, failed := w.sum(1)
	if ratio := float64(failed) / float64(total); total > windowCountMax || ratio < 0.24 || ratio > 0.26 {
		t.Errorf("%d of %d; want a quarter of at most %d", failed, total, windowCountMax)
	}
}

func TestBreakerHalfOpen(t *testing.T) {
	open := func(t *testing.T) (*breaker, *breakerPolicy, *window) {
		t.Helper()
		var b breaker
		p, w := testPolicy(), newWindow(10*time.Second)
		fail(t, &b, p, w, 3)
		return &b, p, w
	}
	const later = 11 * second
	t.Run("lets in as many trials as configured", func(t *testing.T) {
		b, p, _ := open(t)
		for i := range 4 {
			if _, ok := b.admit(p, later); ok != (i < 2) {
				t.Errorf("trial %d let in: %v", i, ok)
			}
		}
	})
	t.Run("closes when all are good", func(t *testing.T) {
		b, p, w := open(t)
		k1, _ := b.admit(p, later)
		k2, _ := b.admit(p, later)
		if e := b.done(k1, resultGood, p, w, later); e != eventNone {
			t.Fatalf("first good trial: %v", e)
		}
		if e := b.done(k2, resultGood, p, w, later); e != eventClosed || !b.closed() {
			t.Fatalf("second good trial: %v, closed %v", e, b.closed())
		}
	})
	t.Run("opens again with the first bad one", func(t *testing.T) {
		b, p, w := open(t)
		k1, _ := b.admit(p, later)
		k2, _ := b.admit(p, later)
		if e := b.done(k1, resultBad, p, w, later); e != eventReopened {
			t.Fatalf("bad trial: %v", e)
		}
		if e := b.done(k2, resultGood, p, w, later); e != eventNone || b.state(later) != breakerOpen {
			t.Errorf("a trial of the generation before changed something: %v, %v", e, b.state(later))
		}
		if wait := b.waitNanos(later); wait != 10*second {
			t.Errorf("waits %d ns; want a whole open_for", wait)
		}
	})
	t.Run("a neutral trial frees its place", func(t *testing.T) {
		b, p, w := open(t)
		k1, _ := b.admit(p, later)
		b.admit(p, later)
		b.done(k1, resultNeutral, p, w, later)
		if _, ok := b.admit(p, later); !ok {
			t.Error("the place of a neutral trial stayed taken")
		}
	})
	t.Run("trials that never end are replaced after another open_for", func(t *testing.T) {
		b, p, w := open(t)
		k1, _ := b.admit(p, later)
		b.admit(p, later)
		if _, ok := b.admit(p, later+9*second); ok {
			t.Fatal("replaced too early")
		}
		if _, ok := b.admit(p, later+11*second); !ok {
			t.Fatal("held half-open for ever")
		}
		if e := b.done(k1, resultBad, p, w, later+11*second); e != eventNone {
			t.Errorf("the replaced trial still counted: %v", e)
		}
	})
	t.Run("a good probe ends the wait", func(t *testing.T) {
		b, p, _ := open(t)
		if !b.lift(2 * second) {
			t.Fatal("nothing lifted")
		}
		if b.lift(2 * second) {
			t.Error("lifted twice")
		}
		if _, ok := b.admit(p, 2*second); !ok {
			t.Error("no trial after a good probe")
		}
	})
}

func TestBreakerIgnoresResultsOfOldGenerations(t *testing.T) {
	var b breaker
	p, w := testPolicy(), newWindow(10*time.Second)
	old, _ := b.admit(p, second)
	fail(t, &b, p, w, 3)
	for range 2 {
		k, _ := b.admit(p, 12*second)
		b.done(k, resultGood, p, w, 12*second)
	}
	if !b.closed() {
		t.Fatal("not closed again")
	}
	for range 5 {
		if e := b.done(old, resultBad, p, w, 12*second); e != eventNone {
			t.Fatalf("a late failure did %v", e)
		}
	}
	if b.open(old, p, 12*second) {
		t.Error("a late permit opened the breaker")
	}
}

// twin is the breaker written the obvious way; the model the word must equal.
type twin struct {
	mu         sync.Mutex
	state      breakerState
	generation uint32
	run        uint64
	until      int64
	since      int64
	admitted   uint64
	good       uint64
}

func (b *twin) admit(p *breakerPolicy, now int64) (Permit, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.state == breakerClosed:
		return Permit{generation: b.generation}, true
	case b.state == breakerOpen && now < b.until:
		return Permit{}, false
	case b.state == breakerHalfOpen && b.admitted < p.trials:
		b.admitted++
		return Permit{generation: b.generation, trial: true}, true
	case b.state == breakerHalfOpen && (now/sinceNanos-b.since)*sinceNanos <= p.openNanos:
		return Permit{}, false
	}
	b.state, b.generation, b.admitted, b.good = breakerHalfOpen, b.generation+1, 1, 0
	b.since = now / sinceNanos
	return Permit{generation: b.generation, trial: true}, true
}

func (b *twin) done(k Permit, r result, p *breakerPolicy, w *window, now int64) event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !k.trial && r != resultNeutral {
		w.add(now, uint64(r-resultGood))
	}
	if k.generation != b.generation || k.trial != (b.state == breakerHalfOpen) || b.state == breakerOpen {
		return eventNone
	}
	switch {
	case !k.trial && r == resultGood:
		b.run = 0
	case !k.trial && r == resultBad:
		b.run++
		total, failed := w.sum(now)
		if b.run >= p.runMin || total >= p.resultsMin && float64(failed)/float64(total)*100 >= p.percent {
			return eventTrip
		}
	case k.trial && r == resultNeutral:
		b.admitted--
	case k.trial && r == resultBad:
		b.openLocked(p, now)
		return eventReopened
	case k.trial:
		b.good++
		if b.good == p.trials {
			b.state, b.generation, b.run = breakerClosed, b.generation+1, 0
			return eventClosed
		}
	}
	return eventNone
}

func (b *twin) openLocked(p *breakerPolicy, now int64) {
	b.state, b.generation = breakerOpen, b.generation+1
	ms := int64(time.Millisecond)
	b.until = (now + p.openNanos + ms - 1) / ms * ms
}

func (b *twin) open(k Permit, p *breakerPolicy, now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != breakerClosed || b.generation != k.generation {
		return false
	}
	b.openLocked(p, now)
	return true
}

// runModel drives breaker and twin with the same operations and compares every
// answer. Each byte is one step; it reports the first difference.
func runModel(t *testing.T, steps []byte) {
	t.Helper()
	var b breaker
	var m twin
	p := testPolicy()
	wb, wm := newWindow(10*time.Second), newWindow(10*time.Second)
	now := second
	var held []Permit
	for i, s := range steps {
		switch s % 8 {
		case 0, 1, 2:
			got, ok := b.admit(p, now)
			want, wantOK := m.admit(p, now)
			if got != want || ok != wantOK {
				t.Fatalf("step %d: admit %v %v; want %v %v", i, got, ok, want, wantOK)
			}
			if ok {
				held = append(held, got)
			}
		case 7:
			now += int64(s) * 50 * int64(time.Millisecond)
		default:
			if len(held) == 0 {
				continue
			}
			at := int(s/8) % len(held)
			k := held[at]
			held[at] = held[len(held)-1]
			held = held[:len(held)-1]
			r := []result{resultGood, resultBad, resultBad, resultNeutral}[s%8-3]
			got, want := b.done(k, r, p, wb, now), m.done(k, r, p, wm, now)
			if got != want {
				t.Fatalf("step %d: %v of %v did %v; want %v", i, r, k, got, want)
			}
			if got == eventTrip && b.open(k, p, now) != m.open(k, p, now) {
				t.Fatalf("step %d: open differs", i)
			}
		}
		if w := b.word.Load(); stateOf(w) != m.state || generationOf(w) != m.generation&generationMask {
			t.Fatalf("step %d: state %v generation %d; want %v %d", i, stateOf(w), generationOf(w), m.state, m.generation)
		}
	}
}

func TestBreakerEqualsItsLockedTwin(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		steps := make([]byte, 500)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		runModel(t, steps)
	}
}

func FuzzBreaker(f *testing.F) {
	f.Add([]byte{0, 4, 0, 4, 0, 4, 255, 255, 0, 0, 3, 3})
	f.Add([]byte{0, 0, 0, 4, 4, 4, 255, 0, 6, 0, 4, 7, 0})
	f.Fuzz(func(t *testing.T, steps []byte) { runModel(t, steps) })
}

// Many goroutines at once: no generation lets in more trials than configured,
// and the breaker ends in a state it can leave.
func TestBreakerUnderConcurrentUse(t *testing.T) {
	var b breaker
	p, w := testPolicy(), newWindow(10*time.Second)
	var clock atomic.Int64
	clock.Store(second)
	var mu sync.Mutex
	trials := map[uint32]uint64{}
	neutrals := map[uint32]uint64{}
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(g, 2))
			for range 4000 {
				now := clock.Add(int64(r.Uint32N(4_000_000)))
				k, ok := b.admit(p, now)
				if !ok {
					continue
				}
				res := result(r.Uint32N(3))
				if k.trial {
					mu.Lock()
					trials[k.generation]++
					if res == resultNeutral {
						neutrals[k.generation]++
					}
					mu.Unlock()
				}
				if b.done(k, res, p, w, now) == eventTrip {
					b.open(k, p, now)
				}
			}
		})
	}
	wg.Wait()
	if len(trials) < 3 {
		t.Fatalf("only %d generations of trials: the test tests nothing", len(trials))
	}
	for g, n := range trials {
		if n > p.trials+neutrals[g] {
			t.Errorf("generation %d let in %d trials, %d of them neutral; want at most %d others", g, n, neutrals[g], p.trials)
		}
	}
	end := clock.Load() + 100*second
	for range 100 {
		k, ok := b.admit(p, end)
		if !ok {
			end += 100 * second
			continue
		}
		b.done(k, resultGood, p, w, end)
	}
	if !b.closed() {
		t.Errorf("state %v after a hundred good requests; want closed", b.state(end))
	}
}
