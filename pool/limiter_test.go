package pool

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// lockedLine is a Limiter with one obvious rule for everything and no atomics.
type lockedLine struct {
	limit, queueMax, inProgress int
	timeout                     int64
	waiting                     []*lineWaiter
	since                       int64
}

type lineWaiter struct {
	w                     *Waiter
	hurryBy, endBy, began int64
	verdict               Shed
	done                  bool
}

func (m *lockedLine) standing(now int64) bool {
	return len(m.waiting) > 0 && now-m.since > min(int64(standingAfter), m.timeout/2)
}

func (m *lockedLine) enter() bool {
	if len(m.waiting) > 0 || m.inProgress >= m.limit {
		return false
	}
	m.inProgress++
	return true
}

func (m *lockedLine) take(i int, s Shed) {
	v := m.waiting[i]
	v.verdict, v.done = s, true
	m.waiting = slices.Delete(m.waiting, i, i+1)
}

func (m *lockedLine) grant(now int64) {
	for len(m.waiting) > 0 && m.inProgress < m.limit {
		i := 0
		if m.standing(now) {
			i = len(m.waiting) - 1
		}
		m.inProgress++
		m.take(i, ShedNone)
	}
}

func (m *lockedLine) join(v *lineWaiter, now int64) Shed {
	if m.enter() {
		v.done = true
		return ShedNone
	}
	switch {
	case m.queueMax == 0:
		return ShedLimit
	case len(m.waiting) >= m.queueMax && !m.standing(now):
		return ShedFull
	case len(m.waiting) >= m.queueMax:
		m.take(0, ShedFull)
	}
	v.began, v.endBy = now, now+m.timeout
	v.hurryBy = min(v.endBy, now+max(m.timeout/hurryShare, int64(hurryShortest)))
	if n := len(m.waiting); n > 0 {
		if last := m.waiting[n-1]; last.began < now && (now >= last.endBy || m.standing(now) && now >= last.hurryBy) {
			m.take(n-1, ShedTimeout)
		}
	}
	if len(m.waiting) == 0 {
		m.since = now
	}
	m.waiting = append(m.waiting, v)
	m.grant(now)
	return ShedNone
}

// expire is the timer of v.
func (m *lockedLine) expire(v *lineWaiter, now int64) {
	i := slices.Index(m.waiting, v)
	if i < 0 || (now < v.endBy && (i == len(m.waiting)-1 || now < v.hurryBy || !m.standing(now))) {
		return
	}
	m.take(i, ShedTimeout)
}

func (m *lockedLine) cancel(v *lineWaiter) {
	if i := slices.Index(m.waiting, v); i >= 0 {
		m.take(i, ShedLeft)
	}
}

// drive runs the steps that data asks for through a Limiter and its twin.
func drive(t *testing.T, data []byte) {
	t.Helper()
	now := int64(time.Second)
	c := &config.Concurrency{MaxRequests: 3, MaxQueue: 4, QueueTimeout: 300 * time.Millisecond}
	l := newLimiter(func() int64 { return now }, newLimitPolicy(c))
	m := &lockedLine{limit: 3, queueMax: 4, timeout: int64(c.QueueTimeout)}
	var all []*lineWaiter
	for i, b := range data {
		now += int64(b>>4) * int64(5*time.Millisecond)
		var v *lineWaiter
		if len(all) > 0 {
			v = all[int(b>>3)%len(all)]
		}
		switch b % 8 {
		case 0, 1:
			if got, want := l.Enter(), m.enter(); got != want {
				t.Fatalf("step %d: Enter is %v; want %v", i, got, want)
			}
		case 2, 3:
			v = &lineWaiter{w: l.NewWaiter()}
			if got, want := l.Join(v.w, 0), m.join(v, now); got != want {
				t.Fatalf("step %d: Join is %v; want %v", i, got, want)
			} else if got == ShedNone {
				all = append(all, v)
			}
		case 4, 5:
			if m.inProgress > 0 {
				m.inProgress--
				m.grant(now)
				l.Leave()
			}
		case 6:
			if v != nil {
				l.expire(v.w, now)
				m.expire(v, now)
			}
		case 7:
			if b>>7 == 0 && v != nil {
				v.w.Cancel()
				m.cancel(v)
				break
			}
			c.MaxRequests, c.MaxQueue = 1+int(b>>3&3), int(b>>5&3)
			m.limit, m.queueMax = c.MaxRequests, c.MaxQueue
			l.enforce(newLimitPolicy(c))
			m.grant(now)
		}
		if got, want := l.InProgress(), int64(m.inProgress); got != want {
			t.Fatalf("step %d (%d): %d in progress; want %d", i, b%8, got, want)
		}
		if got, want := l.Waiting(), int64(len(m.waiting)); got != want || l.mu.slots.length != len(m.waiting) {
			t.Fatalf("step %d (%d): %d wait; want %d", i, b%8, got, want)
		}
		all = slices.DeleteFunc(all, func(v *lineWaiter) bool { return sameVerdict(t, i, v) })
	}
}

// sameVerdict compares the verdicts of both, and reports that there was one.
func sameVerdict(t *testing.T, step int, v *lineWaiter) bool {
	t.Helper()
	select {
	case s := <-v.w.verdict:
		if !v.done || s != v.verdict {
			t.Fatalf("step %d: verdict %q; want %q (given: %v)", step, s, v.verdict, v.done)
		}
		return true
	default:
		if v.done {
			t.Fatalf("step %d: no verdict; want %q", step, v.verdict)
		}
		return false
	}
}

func TestLimiterAgreesWithItsTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for range 500 {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		drive(t, data)
	}
}

func FuzzLimiter(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 2, 2, 0xf4, 0xf2, 6, 4, 4, 7, 0x87})
	f.Fuzz(func(t *testing.T, data []byte) { drive(t, data[:min(len(data), 2000)]) })
}

// Many goroutines come, wait, leave and cancel at once; the limit moves. Never
// are more inside than the highest limit, nobody is forgotten, and nothing is
// left at the end.
func TestLimiterUnderContention(t *testing.T) {
	l := newLimiter(socket.Nanos, newLimitPolicy(&config.Concurrency{MaxRequests: 4, MaxQueue: 100, QueueTimeout: time.Minute}))
	var inside, entered, left atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range 2000 {
				if !l.Enter() {
					w := l.NewWaiter()
					if s := l.Join(w, 0); s != ShedNone {
						t.Errorf("refused with %q; want a place in the queue", s)
						return
					}
					if random.IntN(8) == 0 {
						go w.Cancel()
					}
					switch s := w.Sleep(nil); s {
					case ShedNone:
					case ShedLeft:
						left.Add(1)
						continue
					default:
						t.Errorf("refused with %q", s)
					}
				}
				if n := inside.Add(1); n > 6 {
					t.Errorf("%d inside; want at most 6", n)
				}
				entered.Add(1)
				runtime.Gosched() // others come meanwhile
				inside.Add(-1)
				l.Leave()
			}
		})
	}
	wg.Go(func() {
		for i := range 500 {
			l.enforce(newLimitPolicy(&config.Concurrency{MaxRequests: 1 + i%6, MaxQueue: 100, QueueTimeout: time.Minute}))
		}
	})
	wg.Wait()
	if l.InProgress() != 0 || l.Waiting() != 0 || entered.Load()+left.Load() != 16*2000 {
		t.Errorf("%d in progress, %d waiting, %d entered and %d left; want 0, 0 and 32000 together",
			l.InProgress(), l.Waiting(), entered.Load(), left.Load())
	}
}

// fill makes a limiter with one slot, which is taken, and waiters that came one
// after the other.
func fill(t *testing.T, now *int64, waiters int) (*Limiter, []*Waiter) {
	t.Helper()
	l := newLimiter(func() int64 { return *now },
		newLimitPolicy(&config.Concurrency{MaxRequests: 1, MaxQueue: waiters, QueueTimeout: time.Second}))
	if !l.Enter() {
		t.Fatal("the first was refused")
	}
	all := make([]*Waiter, waiters)
	for i := range all {
		*now++
		all[i] = l.NewWaiter()
		if s := l.Join(all[i], 0); s != ShedNone {
			t.Fatalf("waiter %d: %q", i, s)
		}
	}
	return l, all
}

func TestQueueServesTheOldestFirstAndUnderOverloadTheNewest(t *testing.T) {
	for _, tc := range []struct {
		name  string
		after time.Duration
		want  []int
	}{
		{"a burst", 50 * time.Millisecond, []int{0, 1, 2, 3}},
		{"overload", 101 * time.Millisecond, []int{3, 2, 1, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := int64(time.Second)
			l, all := fill(t, &now, 4)
			now += int64(tc.after)
			for _, i := range tc.want {
				l.Leave()
				select {
				case s := <-all[i].verdict:
					if s != ShedNone {
						t.Errorf("waiter %d: %q", i, s)
					}
				default:
					t.Errorf("waiter %d was not next", i)
				}
			}
		})
	}
}

func TestFullQueueUnderOverloadDropsItsOldest(t *testing.T) {
	now := int64(time.Second)
	l, all := fill(t, &now, 2)
	if s := l.Refuse(); s != ShedFull {
		t.Errorf("a burst: got %q; want queue_full", s)
	}
	now += int64(101 * time.Millisecond)
	if s := l.Refuse(); s != ShedNone {
		t.Errorf("overload: got %q; want to wait", s)
	}
	if s := l.Join(l.NewWaiter(), 0); s != ShedNone {
		t.Errorf("got %q; want a place", s)
	}
	if s := <-all[0].verdict; s != ShedFull {
		t.Errorf("the oldest got %q; want queue_full", s)
	}
}

// Under overload waits end early, but not the newest one's: a slot that becomes
// free finds somebody.
func TestShortWaitsUnderOverloadSpareTheNewest(t *testing.T) {
	now := int64(time.Second)
	l, all := fill(t, &now, 2)
	now += int64(150 * time.Millisecond)
	if l.expire(all[0], now) != 0 {
		t.Error("the older one still waits")
	}
	if again := l.expire(all[1], now); again <= 0 {
		t.Error("the newest one is told to go")
	}
	if s := l.Join(l.NewWaiter(), 0); s != ShedNone {
		t.Fatal(s)
	}
	for i, w := range all {
		if s := <-w.verdict; s != ShedTimeout {
			t.Errorf("waiter %d: %q; want queue_timeout", i, s)
		}
	}
}

func TestWaitersForAPlaceKeepTheirTurn(t *testing.T) {
	now := int64(time.Second)
	l := newLimiter(func() int64 { return now }, newLimitPolicy(&config.Concurrency{MaxQueue: 2, QueueTimeout: time.Second}))
	first, second := l.NewWaiter(), l.NewWaiter()
	for _, w := range []*Waiter{first, second} {
		now++
		if s := l.JoinPlace(w, 0); s != ShedNone {
			t.Fatal(s)
		}
	}
	if s := l.JoinPlace(l.NewWaiter(), 0); s != ShedFull {
		t.Errorf("a third got %q; want queue_full", s)
	}
	if !l.PlaceFreed() || first.Sleep(nil) != ShedNone {
		t.Error("the first was not woken")
	}
	now++
	if s := l.JoinPlace(first, 0); s != ShedNone { // it was outrun
		t.Fatal(s)
	}
	l.PlaceFreed()
	first.Quit() // woken and quit at once: the second one's turn
	if s := second.Sleep(nil); s != ShedNone {
		t.Errorf("the second got %q; want its turn", s)
	}
	if l.PlaceFreed() || l.Waiting() != 0 {
		t.Error("somebody still waits")
	}
}

func TestReloadKeepsWhatIsInProgressAndServesWhoWaits(t *testing.T) {
	pools := func(c *config.Concurrency) *config.Config {
		return &config.Config{Pools: map[string]config.Pool{"p": {
			Backends: []config.Backend{{Address: "127.0.0.1:1", Weight: 1}}, Concurrency: c,
		}}}
	}
	build := func(c *config.Concurrency, prev *Set) *Set {
		t.Helper()
		s, err := Build(pools(c), prev, Options{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := build(&config.Concurrency{MaxRequests: 1, MaxQueue: 5}, nil)
	a.Start()
	l := a.Pool("p").Limiter()
	if !l.Enter() {
		t.Fatal("refused")
	}
	w := l.NewWaiter()
	l.Join(w, 0)
	b := build(&config.Concurrency{MaxRequests: 2, MaxQueue: 5}, a)
	if l.Waiting() != 1 {
		t.Error("a generation that does not run yet has changed the limit")
	}
	b.Start()
	if s := w.Sleep(nil); s != ShedNone || b.Pool("p").Limiter() != l || l.InProgress() != 2 {
		t.Errorf("after the reload: %q, %d in progress; want admitted as the second", s, l.InProgress())
	}
	a.Retire(b, 0)
	w = l.NewWaiter()
	l.Join(w, 0)
	c := build(nil, b)
	c.Start()
	if s := w.Sleep(nil); s != ShedNone || c.Pool("p").Limiter() != nil || c.Pool("p").Status().Concurrency != nil {
		t.Errorf("without the section: %q; want admitted, and no limiter", s)
	}
	b.Retire(c, 0)
	d := build(&config.Concurrency{MaxRequests: 3}, c)
	d.Start()
	if got := d.Pool("p").Status().Concurrency; got == nil || got.InProgress != 3 || got.Limit != 3 {
		t.Errorf("with the section again: %+v; want 3 of 3 in progress", got)
	}
	c.Retire(d, 0)
	d.Retire(nil, 0)
}

// A backend is full with attempts of the generation before: the exchange of this one
// is woken when it has a place again, and when another backend joins.
func TestPlaceFreedByAnotherGenerationIsFound(t *testing.T) {
	build := func(c *config.Concurrency, prev *Set) *Set {
		cfg := config.Pool{Backends: []config.Backend{{Address: "127.0.0.1:1", Weight: 1, MaxRequests: 1}}, Concurrency: c}
		s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg}}, prev, Options{Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Retire(nil, 0) })
		return s
	}
	one := build(nil, nil)
	two := build(&config.Concurrency{MaxQueue: 1, QueueTimeout: time.Minute}, one)
	two.Start()
	busy, wanted := one.Pool("p").Members()[0], two.Pool("p").Members()[0]
	l := two.Pool("p").Limiter()
	for _, free := range []func(Permit){
		func(k Permit) { busy.Release(k, attempt.OK, 200, socket.Nanos(), 1) },
		func(k Permit) {
			two.Pool("p").rebuild()
			busy.Release(k, attempt.OK, 200, socket.Nanos(), 1)
		},
	} {
		k, ok := busy.Acquire(socket.Nanos())
		if !ok {
			t.Fatal("refused")
		}
		w := l.NewWaiter()
		if s := l.JoinPlace(w, 0); s != ShedNone {
			t.Fatal(s)
		}
		if _, ok := wanted.Acquire(socket.Nanos()); ok {
			t.Fatal("over max_requests")
		}
		free(k)
		if s := w.Sleep(nil); s != ShedNone {
			t.Errorf("got %q; want to be woken", s)
		}
	}
}
