package rate

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What a refusal says is when the next one passes, and not before.
func TestRetryAfterIsTheFirstTimeThatPasses(t *testing.T) {
	for _, l := range []Limit{
		{Rate: 3, Per: time.Second, Burst: 2},
		{Rate: 100, Per: time.Second, Burst: 10},
		{Rate: 7, Per: time.Hour, Burst: 1},
		{Rate: 3e6, Per: time.Second, Burst: 5},
		{Rate: 1, Per: time.Second, Burst: 1, BlockFor: 10 * time.Second},
		{Rate: 1, Per: time.Minute, Burst: 3, BlockFor: time.Second}, // shorter than the wait itself
	} {
		t.Run(fmt.Sprintf("%+v", l), func(t *testing.T) {
			const start = int64(123_456_789_123)
			o := newOne(l)
			o.passes(start)
			r := o.take(start)
			if r.Allowed || r.RetryAfter <= 0 || r.Wait != 0 {
				t.Fatalf("got %+v; want a refusal", r)
			}
			if seconds := Seconds(r.RetryAfter); seconds < 1 || time.Duration(seconds)*time.Second < r.RetryAfter {
				t.Errorf("Retry-After: got %d for %v; want it rounded up", seconds, r.RetryAfter)
			}
			if got := o.t.Peek(start+int64(r.RetryAfter)-3, o.asks[:]); got.Allowed {
				t.Errorf("three nanoseconds before %v: want a refusal", r.RetryAfter)
			}
			if got := o.take(start + int64(r.RetryAfter)); !got.Allowed {
				t.Errorf("after %v: got %+v; want it allowed", r.RetryAfter, got)
			}
		})
	}
}

func TestRemainingAndReset(t *testing.T) {
	o := newOne(Limit{Rate: 10, Per: time.Second, Burst: 5})
	ms := func(n int64) int64 { return n * int64(time.Millisecond) }
	for i, c := range []struct {
		now       int64
		allowed   bool
		remaining int64
		reset     time.Duration
	}{
		{ms(0), true, 4, 100 * time.Millisecond},
		{ms(0), true, 3, 200 * time.Millisecond},
		{ms(50), true, 2, 250 * time.Millisecond},
		{ms(300), true, 4, 100 * time.Millisecond},
		{ms(300), true, 3, 200 * time.Millisecond},
		{ms(300), true, 2, 300 * time.Millisecond},
		{ms(300), true, 1, 400 * time.Millisecond},
		{ms(300), true, 0, 500 * time.Millisecond},
		{ms(300), false, 0, 500 * time.Millisecond},
		{ms(399), false, 0, 401 * time.Millisecond},
		{ms(400), true, 0, 500 * time.Millisecond},
		{ms(9000), true, 4, 100 * time.Millisecond},
	} {
		peeked := o.t.Peek(c.now, o.asks[:])
		r := o.take(c.now)
		a := &o.asks[0]
		if r.Allowed != c.allowed || a.Remaining() != c.remaining || (a.Reset()-c.reset).Abs() > 2 || peeked.Allowed != r.Allowed || a.Refused() == r.Allowed {
			t.Errorf("step %d: got %+v, remaining %d, reset %v, peeked %+v; want %+v", i, r, a.Remaining(), a.Reset(), peeked, c)
		}
	}
}

// A request that waits has its place: those behind it wait longer, up to the bound.
func TestDelayReserves(t *testing.T) {
	o := newOne(Limit{Rate: 10, Per: time.Second, Burst: 2, MaxDelay: 250 * time.Millisecond})
	for i, want := range []struct {
		allowed bool
		wait    time.Duration
	}{{true, 0}, {true, 0}, {true, 100 * time.Millisecond}, {true, 200 * time.Millisecond}, {false, 0}} {
		if r := o.take(1); r.Allowed != want.allowed || (r.Wait-want.wait).Abs() > 2 || r.Wait < want.wait {
			t.Errorf("request %d: got %+v; want %+v", i, r, want)
		}
		if got := o.asks[0].Remaining(); got != max(0, int64(1-i)) {
			t.Errorf("request %d: %d remain; want %d", i, got, max(0, 1-i))
		}
	}
	if r := o.take(int64(51 * time.Millisecond)); !r.Allowed || (r.Wait-249*time.Millisecond).Abs() > time.Microsecond {
		t.Errorf("later: got %+v; want a wait of 249 ms", r)
	}
}

// A block lasts from the refusal that began it, whoever asks meanwhile, and then the
// key has what has come back.
func TestBlock(t *testing.T) {
	o := newOne(Limit{Rate: 1, Per: time.Second, Burst: 3, BlockFor: time.Minute})
	second := int64(time.Second)
	if got := o.passes(second); got != 3 {
		t.Fatalf("at first %d passed; want 3", got)
	}
	for _, later := range []int64{0, 1, 30, 59} {
		r := o.take(second + later*second)
		if want := time.Minute - time.Duration(later)*time.Second; r.Allowed || (r.RetryAfter-want).Abs() > 2 {
			t.Errorf("%d s later: got %+v; want a refusal for %v", later, r, want)
		}
		if o.asks[0].Remaining() != 0 || o.asks[0].Reset() < r.RetryAfter {
			t.Errorf("%d s later: %d remain, all in %v; want none before %v", later, o.asks[0].Remaining(), o.asks[0].Reset(), r.RetryAfter)
		}
	}
	if got := o.passes(61 * second); got != 3 {
		t.Errorf("after the block %d passed; want 3", got)
	}
	if r := o.take(61 * second); r.Allowed || r.RetryAfter < time.Minute-2 {
		t.Errorf("got %+v; want another block", r)
	}
}

// A request that one limit refuses takes nothing from the others, in whatever order
// they stand, and the limit that decided is told.
func TestAllOrNothing(t *testing.T) {
	limits := []Limit{
		{Name: "wide", Rate: 1, Per: time.Hour, Burst: 100},
		{Name: "tight", Rate: 1, Per: time.Hour, Burst: 10},
		{Name: "middle", Rate: 1, Per: time.Minute, Burst: 50},
	}
	for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {2, 0, 1}} {
		table := NewTable(Definition{MaxKeys: 100, Limits: limits})
		asks := make([]Ask, len(order))
		for i, limit := range order {
			asks[i] = Ask{Key: KeyString("client"), Limit: limit}
		}
		for i := range 30 {
			r := table.Take(1, asks)
			if want := i < 10; r.Allowed != want || asks[r.Decided].Limit != 1 {
				t.Errorf("%v, request %d: got %+v; want allowed %v, decided by the tight one", order, i, r, want)
			}
		}
		for i := range asks {
			if got, want := asks[i].Remaining(), int64(limits[asks[i].Limit].Burst-10); got != want {
				t.Errorf("%v: %d remain of %s; want %d", order, got, limits[asks[i].Limit].Name, want)
			}
		}
	}
}

// Fifty at once: as many pass as the limit says, also of a key that is new to all.
func TestExactWithManyAtOnce(t *testing.T) {
	const goroutines, burst = 50, 1000
	table := NewTable(Definition{MaxKeys: 1000, Limits: []Limit{{Rate: 1, Per: time.Hour, Burst: burst}}})
	for round := range 20 {
		var passed atomic.Int64
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				asks := []Ask{{Key: Key(round) << 40}}
				for range burst / goroutines * 2 {
					if table.Take(1, asks).Allowed {
						passed.Add(1)
					}
				}
			})
		}
		group.Wait()
		if got := passed.Load(); got != burst {
			t.Fatalf("round %d: %d passed; want %d", round, got, burst)
		}
	}
}

// Likewise with several limits, of which another one is the tight one for each key: no
// more pass than any allows, and what they say remains is what was not used.
func TestAllOrNothingWithManyAtOnce(t *testing.T) {
	const goroutines, each = 50, 200
	for round := range 30 {
		table := NewTable(Definition{MaxKeys: 100, Limits: []Limit{
			{Rate: 1, Per: time.Hour, Burst: 2000},
			{Rate: 1, Per: time.Hour, Burst: 700},
			{Rate: 1, Per: time.Hour, Burst: 900},
		}})
		var passed [2]atomic.Int64
		var group sync.WaitGroup
		for g := range goroutines {
			client := g % 2
			group.Go(func() {
				shared, own := KeyString("all"), Key(client)<<50
				asks := []Ask{{Key: shared, Limit: 0}, {Key: own, Limit: 1}, {Key: shared, Limit: 2}}
				for range each {
					if table.Take(1, asks).Allowed {
						passed[client].Add(1)
					}
				}
			})
		}
		group.Wait()
		a, b := passed[0].Load(), passed[1].Load()
		if a+b != 900 || a > 700 || b > 700 {
			t.Fatalf("round %d: %d and %d passed; want 900 together and 700 each at most", round, a, b)
		}
		for client, used := range []int64{a, b} {
			asks := []Ask{{Key: KeyString("all"), Limit: 0}, {Key: Key(client) << 50, Limit: 1}}
			table.Peek(1, asks)
			// What cannot be given back safely stays charged: a rare third one, and more of them
			// where goroutines are stopped in between. Nobody ever gets more than is there.
			if got, want := asks[0].Remaining(), int64(2000-900); got > want || got < want-goroutines {
				t.Errorf("round %d: %d remain of the wide one; want %d", round, got, want)
			}
			if got, want := asks[1].Remaining(), 700-used; got > want || got < want-goroutines {
				t.Errorf("round %d: %d remain of client %d; want %d", round, got, client, want)
			}
		}
	}
}

// Who is overtaken between the look and the charge gives back what it took.
func TestOvertakenRequestTakesNothing(t *testing.T) {
	table := NewTable(Definition{MaxKeys: 10, Limits: []Limit{
		{Rate: 1, Per: time.Hour, Burst: 10},
		{Rate: 1, Per: time.Hour, Burst: 10},
		{Rate: 1, Per: time.Hour, Burst: 1},
	}})
	slow, fast := make([]Ask, 3), make([]Ask, 2)
	for i := range slow {
		slow[i].Limit = i
	}
	fast[0].Limit, fast[1].Limit = 1, 2
	if !table.lookAll(1, slow) {
		t.Fatal("refused at first sight")
	}
	if !table.Take(1, fast).Allowed {
		t.Fatal("the faster one was refused")
	}
	table.chargeAll(1, slow)
	if r := decide(slow); r.Allowed || r.Decided != 2 {
		t.Errorf("got %+v; want a refusal by the third", r)
	}
	for i, want := range []int64{10, 9, 0} {
		told := slow[i].Remaining()
		table.Peek(1, slow)
		if got := slow[i].Remaining(); got != want || told != want {
			t.Errorf("limit %d: %d remain, told %d; want %d", i, got, told, want)
		}
	}
}

// giveBack in every order in which others can come between: never too much, and all
// of it where that can be known.
func TestGiveBack(t *testing.T) {
	second := int64(time.Second)
	for _, c := range []struct {
		name    string
		before  int           // charged before, at once
		others  []int64       // when others come between the charge and the giving back
		others2 int           // how many of the others give back, too, before
		want    time.Duration // until all is there again, at the end; what was charged for good is certain
		at      int64
	}{
		{"nobody", 0, nil, 0, 0, 0},
		{"nobody, used", 5, nil, 0, 5 * time.Second, 0},
		{"one", 0, []int64{0}, 0, time.Second, 0},
		{"one, used", 5, []int64{0}, 0, 6 * time.Second, 0},
		{"three, used", 5, []int64{0, 0, 0}, 0, 8 * time.Second, 0},
		{"later, used", 5, []int64{3 * second}, 0, 3 * time.Second, 3 * second},
		{"when it would have been at rest", 0, []int64{second / 2}, 0, time.Second + touch, second / 2},
		{"when it is at rest", 0, []int64{5 * second}, 0, time.Second, 5 * second},
		{"when it is at rest, then more", 1, []int64{5 * second, 5 * second}, 0, 2 * time.Second, 5 * second},
		{"one that gives back first", 5, []int64{0}, 1, 6 * time.Second, 0}, // its own stays charged
	} {
		t.Run(c.name, func(t *testing.T) {
			table := NewTable(Definition{MaxKeys: 1, Limits: []Limit{{Rate: 1, Per: time.Second, Burst: 20}}})
			for range c.before {
				table.Take(0, make([]Ask, 1))
			}
			ours, others := make([]Ask, 1), make([]Ask, len(c.others))
			table.Take(0, ours)
			for i, now := range c.others {
				table.Take(now, others[i:i+1])
			}
			for i := range c.others2 {
				others[i].giveBack(c.others[i])
			}
			ours[0].giveBack(0)
			table.Peek(c.at, ours)
			if got := ours[0].Reset(); got < c.want-2*touch || got > c.want+2*touch {
				t.Errorf("all is there in %v; want %v", got, c.want)
			}
		})
	}
}

const touch = time.Duration(touchNanos)

// FuzzGiveBack lets charges, and what is given back of some of them, follow each other
// in any order, and compares with a world in which those never came: a key is never
// less ahead than there.
func FuzzGiveBack(f *testing.F) {
	f.Add([]byte{0, 1, 0, 3, 2, 0, 7})
	f.Add([]byte{1, 1, 0x10, 2, 6, 0, 0x35, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 2*stampMask)] // each giving back is two steps; stamps come round after so many
		w := compile(&Limit{Rate: 1, Per: time.Second, Burst: 1000})
		table := NewTable(Definition{MaxKeys: 1, Limits: []Limit{{Rate: 1, Per: time.Second, Burst: 1000}}})
		now, truth := int64(0), int64(0)
		var pending []*Ask
		for i, op := range script {
			now += int64(op>>4) * int64(time.Second) / 4
			asks := make([]Ask, 1)
			switch op & 3 {
			case 0: // one that stays
				table.Take(now, asks)
				truth = max(truth, w.units(now)) + w.interval
			case 1: // one that will be given back
				table.Take(now, asks)
				pending = append(pending, &asks[0])
			default:
				if len(pending) > 0 {
					n := int(op>>2) % len(pending)
					pending[n].giveBack(now)
					pending = append(pending[:n], pending[n+1:]...)
				}
			}
			table.Peek(now, asks)
			if want := max(0, truth-w.units(now)); asks[0].ahead < want {
				t.Fatalf("step %d at %v: %d units ahead; want at least %d", i, time.Duration(now), asks[0].ahead, want)
			}
		}
	})
}

// A clock that some read a little earlier than others, or that is far along.
func TestClock(t *testing.T) {
	o := newOne(Limit{Rate: 10, Per: time.Second, Burst: 5})
	o.passes(int64(10 * time.Second))
	if r := o.take(int64(9 * time.Second)); r.Allowed || (r.RetryAfter-1100*time.Millisecond).Abs() > 2 {
		t.Errorf("a second back: got %+v; want a refusal for 1.1 s", r)
	}
	// The time of a word comes round: what looks ahead by more than a limit can be is
	// of an age ago.
	o = newOne(Limit{Rate: 10, Per: time.Second, Burst: 5})
	for year, step := int64(0), int64(1); year < 280; year, step = year+step, step%8+1 {
		if got := o.passes(year * int64(365*24*time.Hour)); got != 5 {
			t.Fatalf("year %d: %d passed; want 5", year, got)
		}
	}
	if got := o.passes(math.MaxInt64); got != 5 {
		t.Errorf("at the end of time %d passed; want 5", got)
	}
}
