package feed

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// publish has events from..to happen, which are known by their generation.
func publish(f *Feed, from, to int) {
	for n := from; n <= to; n++ {
		f.Publish(api.GenerationEvent{Generation: uint64(n)})
	}
}

// rest are the generations that a reader has, and how many it has lost.
func rest(t *testing.T, r *Reader) (all []uint64, lost uint64) {
	t.Helper()
	for e, n := r.Next(); e != nil; e, n = r.Next() {
		lost += n
		g, ok := e.(api.GenerationEvent)
		if !ok {
			t.Fatalf("got %#v", e)
		}
		all = append(all, g.Generation)
	}
	return all, lost
}

func TestReadersGetWhatComes(t *testing.T) {
	f := New()
	publish(f, 1, 3)
	r, missed := f.Read("")
	defer r.Close()
	if e, lost := r.Next(); e != nil || lost != 0 || missed || r.ID() != f.Boot()+"-3" {
		t.Errorf("at first: got %v, lost %d, missed %v, id %s; want nothing, behind event 3", e, lost, missed, r.ID())
	}
	publish(f, 4, 5)
	<-r.Wake()
	if got, lost := rest(t, r); !slices.Equal(got, []uint64{4, 5}) || lost != 0 || r.ID() != f.Boot()+"-5" {
		t.Errorf("got %v, lost %d, id %s; want 4 and 5", got, lost, r.ID())
	}
}

func TestReadersResume(t *testing.T) {
	f := New()
	publish(f, 1, Kept+10)
	for _, tc := range []struct {
		after  string
		want   int // how many are given
		missed bool
	}{
		{f.id(Kept + 10), 0, false},
		{f.id(Kept + 3), 7, false},
		{f.id(10), Kept, false},
		{f.id(9), 0, true},
		{f.id(Kept + 11), 0, true}, // of nobody
		{New().id(Kept + 3), 0, true},
		{f.Boot() + "-", 0, true},
		{f.Boot() + "-007", 0, true},
		{f.Boot() + "-18446744073709551616", 0, true},
		{"7", 0, true},
	} {
		r, missed := f.Read(tc.after)
		got, lost := rest(t, r)
		if missed != tc.missed || len(got) != tc.want || lost != 0 {
			t.Errorf("after %q: got %d events, %d lost, missed %v; want %d, missed %v", tc.after, len(got), lost, missed, tc.want, tc.missed)
		}
		if len(got) > 0 && got[len(got)-1] != Kept+10 {
			t.Errorf("after %q: the last one is %d", tc.after, got[len(got)-1])
		}
		r.Close()
	}
	if len(f.mu.readers) != 0 {
		t.Errorf("%d readers are left", len(f.mu.readers))
	}
}

// A reader that does not read holds nobody up, and is told how many it has lost.
func TestSlowReadersLoseTheOldest(t *testing.T) {
	f := New()
	r, _ := f.Read("")
	defer r.Close()
	publish(f, 1, Kept+25)
	got, lost := rest(t, r)
	if lost != 25 || len(got) != Kept || got[0] != 26 || got[Kept-1] != Kept+25 {
		t.Errorf("got %d events from %d on, %d lost; want %d from 26 on, 25 lost", len(got), got[0], lost, Kept)
	}
}

// Everybody sees one order. Run with the race detector.
func TestEverybodySeesOneOrder(t *testing.T) {
	f := New()
	const writers, each = 4, 200 // fewer than are kept
	readers := make([]*Reader, 3)
	for i := range readers {
		readers[i], _ = f.Read("")
	}
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() { publish(f, w*each, (w+1)*each-1) })
	}
	seen := make([][]uint64, len(readers))
	for i, r := range readers {
		running.Go(func() {
			for len(seen[i]) < writers*each {
				<-r.Wake()
				more, _ := rest(t, r)
				seen[i] = append(seen[i], more...)
			}
		})
	}
	running.Wait()
	for i, r := range readers {
		if fmt.Sprint(seen[i]) != fmt.Sprint(seen[0]) {
			t.Errorf("reader %d saw another order than reader 0", i)
		}
		r.Close()
	}
}
