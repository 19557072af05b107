package engine

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestJitterIsAShareOfTheDrain has a quarter of the drain left to tunnels, 5 s at most.
func TestJitterIsAShareOfTheDrain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	d := newDeparture(ctx, 0.5) // of 35 s but for the 2.5 s that they have to leave
	span := d.to.Sub(d.from)
	if d.toldAtOnce() != 0 || span < 16*time.Second || span > 16500*time.Millisecond || d.lag != idleShareMax/2 {
		t.Fatalf("got %d told at once, the others over %v, %v to leave; want none, over 16.25 s", d.toldAtOnce(), span, d.lag)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{-d.lag, 0}, {0, 0}, {span / 4, lotsMax / 4}, {span / 2, lotsMax / 2}, {span, lotsMax}, {2 * span, lotsMax}} {
		d.next = time.Time{}
		if told, _ := d.due(d.from.Add(c.after - d.lag)); told < c.want-1 || told > c.want {
			t.Errorf("after %v: %d lots are told; want %d", c.after, told, c.want)
		}
		d.next = time.Time{}
		if _, leaving := d.due(d.from.Add(c.after)); leaving < c.want-1 || leaving > c.want {
			t.Errorf("after %v: %d lots leave; want %d", c.after, leaving, c.want)
		}
	}
	if d := newDeparture(ctx, 0); d.toldAtOnce() != lotsMax || d.from.Equal(d.to) {
		t.Errorf("without jitter: got %+v; want all told at once", d)
	}
}

// TestJitterTellsOneConnectionAfterTheOther ends a listener with 64 clients that ask all the
// time, and 64 that wait: nobody loses a request, and not all are told at once.
func TestJitterTellsOneConnectionAfterTheOther(t *testing.T) {
	t.Parallel()
	const clients = 64
	text := strings.Replace(strings.Replace(drained, "{{drain}}}", "8s, jitter: 1}", 1), "{{listener}}", `{address: "127.0.0.1:0"}`, 1)
	r := drainRig(t, text)
	var all, kept sync.WaitGroup
	var mu sync.Mutex
	var ends []time.Time // of connections
	kept.Add(2 * clients)
	for i := range 2 * clients {
		all.Go(func() {
			v, err := visit(r.address, false)
			if err == nil {
				defer v.Close()
				_, err = v.ask()
			}
			kept.Done()
			for last := false; err == nil && !last; {
				if i%2 == 0 { // it waits until it is told
					if _, left := v.r.ReadByte(); left == nil {
						t.Error("a byte has come that nobody asked for")
					}
					break
				}
				<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
				last, err = v.ask()
			}
			if err != nil {
				t.Errorf("a connection has lost a request: %v", err)
			}
			mu.Lock()
			ends = append(ends, time.Now())
			mu.Unlock()
		})
	}
	kept.Wait()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if cut := r.engine.Shutdown(ctx); cut > 0 {
		t.Errorf("%d connections were cut", cut)
	}
	all.Wait()
	early := 0
	for _, end := range ends {
		if end.Sub(began) < 2*time.Second { // a third of the 6 s
			early++
		}
	}
	if len(ends) != 2*clients || early > clients*3/2 {
		t.Errorf("%d of %d connections ended in the first third; want about a third", early, len(ends))
	}
}
