package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
)

// TestAgendaIsInOrder compares with sorting, at random times with many equals.
func TestAgendaIsInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var a agenda
		var twin []event
		for range 300 {
			if r.IntN(3) > 0 || len(twin) == 0 {
				at := r.Int64N(50)
				twin = append(twin, event{atNanos: at, order: a.pushed, who: int32(len(twin))})
				a.push(at, finished, int32(len(twin)-1))
				continue
			}
			first := 0
			for i := range twin {
				if twin[i].before(&twin[first]) {
					first = i
				}
			}
			if next := a.next(); next != twin[first].atNanos {
				t.Fatalf("next: got %d; want %d", next, twin[first].atNanos)
			}
			if got := a.pop(); got.atNanos != twin[first].atNanos || got.order != twin[first].order {
				t.Fatalf("got %+v; want %+v", got, twin[first])
			}
			twin = slices.Delete(twin, first, first+1)
		}
	}
	if got := new(agenda).next(); got != never {
		t.Errorf("empty: got %d; want never", got)
	}
}

func TestBreakerFollowsItsDiagram(t *testing.T) {
	var b breaker
	for i := range breakerRun - 1 {
		if b.wantsOpen(true, 0) {
			t.Fatalf("wants to open after %d failures", i+1)
		}
	}
	if b.wantsOpen(false, 0) || b.run != 0 {
		t.Fatal("a good result did not end the run of failures")
	}
	for range breakerRun - 1 {
		b.wantsOpen(true, 0)
	}
	if !b.wantsOpen(true, 0) {
		t.Fatal("does not want to open after five failures in a row")
	}
	b.open(1000)
	if _, ok := b.admit(999 + breakerOpenNanos); ok {
		t.Fatal("lets in while open")
	}
	var k permit
	for i := range breakerTrials {
		var ok bool
		if k, ok = b.admit(1000 + breakerOpenNanos); !ok || !k.trial {
			t.Fatalf("trial %d: got %+v, %v; want one", i+1, k, ok)
		}
	}
	if _, ok := b.admit(1000 + breakerOpenNanos); ok {
		t.Fatal("lets in one trial too many")
	}
	if !b.trialDone(true, 2000+breakerOpenNanos) || b.state != open {
		t.Fatal("a bad trial does not open it again")
	}
	if k.generation == b.generation {
		t.Fatal("late results of the trials before would count")
	}
	b.admit(b.untilNanos)
	for i := range breakerTrials {
		if b.trialDone(false, b.untilNanos) != (i == breakerTrials-1) {
			t.Fatalf("after %d good trials: state %d", i+1, b.state)
		}
	}
	if b.state != closed {
		t.Fatalf("got state %d after good trials; want closed", b.state)
	}
}

func TestBreakerCountsShares(t *testing.T) {
	for _, c := range []struct {
		name string
		gap  int64 // between results
		want bool
	}{
		{"within the window", breakerWindowNanos / 100, true},
		{"too few in the window", breakerWindowNanos / 8, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b breaker
			opened := false
			for i := range int64(100) {
				opened = opened || b.wantsOpen(i%2 == 0, i*c.gap)
			}
			if opened != c.want {
				t.Errorf("half of the results bad: got %v; want %v", opened, c.want)
			}
		})
	}
}

// TestNoMoreThanHalfAreEjected lets every answer fail.
func TestNoMoreThanHalfAreEjected(t *testing.T) {
	p, err := newProxy(algo.RoundRobin, make([]uint32, 9), true)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		at, k := p.pick(algo.Query{})
		if at == none {
			t.Fatal("nobody left")
		}
		if p.done(&request{backend: at, permit: k}, true, 0) {
			if err := p.rebuild(0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p.ejected != 4 || len(p.members) != 5 {
		t.Errorf("got %d ejected and %d left of 9; want 4 and 5", p.ejected, len(p.members))
	}
}

// TestSlotsAndDeadlines: an answered request is skipped, its slot used again.
func TestSlotsAndDeadlines(t *testing.T) {
	var s slots
	var d deadlines
	for i := range int64(10_000) {
		at, r := s.take()
		d.push(deadline{i, at, r.use})
		if i%10 != 9 {
			s.put(at)
			continue
		}
		if got := d.next(&s); got != i {
			t.Fatalf("got %d; want %d", got, i)
		}
		d.head++
		s.put(at)
	}
	if len(s.all) != 1 || len(d.queue) > 4096 || d.next(&s) != never {
		t.Errorf("got %d slots, %d deadlines, next %d; want 1, few, never", len(s.all), len(d.queue), d.next(&s))
	}
}
