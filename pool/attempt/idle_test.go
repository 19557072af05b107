package attempt

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// ageModel is idleAges as one would write it with a lock.
type ageModel struct {
	sync.Mutex
	limits map[int64]int64 // smallest limit of each window
	latest int64
}

func (m *ageModel) observe(nowNanos, ageNanos, roundTripNanos int64) {
	m.Lock()
	defer m.Unlock()
	limit := ageNanos - max(ageNanos/8, roundTripNanos+int64(5*time.Millisecond))
	limit = max(limit, 0) / 1000 * 1000
	m.latest = max(m.latest, nowNanos/int64(ageWindow))
	if old, ok := m.limits[m.latest]; !ok || limit < old {
		m.limits[m.latest] = limit
	}
}

func (m *ageModel) limit(nowNanos int64) int64 {
	m.Lock()
	defer m.Unlock()
	// Only the latest window and the one that had observations before it are kept.
	limit, before := int64(ageNone), int64(-1)
	for w := range m.limits {
		if w < m.latest {
			before = max(before, w)
		}
	}
	for _, w := range []int64{m.latest, before} {
		if l, ok := m.limits[w]; ok && w+1 >= nowNanos/int64(ageWindow) {
			limit = min(limit, l)
		}
	}
	return limit
}

func TestIdleAges(t *testing.T) {
	const minute, ms = int64(time.Minute), int64(time.Millisecond)
	type seen struct{ at, age, roundTrip int64 }
	for _, tc := range []struct {
		name string
		seen []seen
		at   int64
		want int64
	}{
		{"nothing known", nil, minute, ageNone},
		{"an eighth less", []seen{{minute, 8000 * ms, 0}}, minute, 7000 * ms},
		{"five milliseconds less", []seen{{minute, 20 * ms, 0}}, minute, 15 * ms},
		{"a round trip less", []seen{{minute, 800 * ms, 200 * ms}}, minute, 595 * ms},
		{"never below zero", []seen{{minute, 2 * ms, 0}}, minute, 0},
		{"the smallest", []seen{{minute, 800 * ms, 0}, {minute, 80 * ms, 0}, {minute, 8000 * ms, 0}}, minute, 70 * ms},
		{"the window before counts", []seen{{4 * minute, 80 * ms, 0}, {6 * minute, 800 * ms, 0}}, 9 * minute, 70 * ms},
		{"the one before that does not", []seen{{4 * minute, 80 * ms, 0}, {6 * minute, 800 * ms, 0}}, 11 * minute, 700 * ms},
		{"forgotten", []seen{{4 * minute, 80 * ms, 0}}, 10 * minute, ageNone},
		{"a late observer", []seen{{6 * minute, 800 * ms, 0}, {4 * minute, 80 * ms, 0}}, 10 * minute, 70 * ms},
		{"longer than a word holds", []seen{{minute, 1 << 62, 0}}, minute, ageMicrosMax * 1000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var g idleAges
			for _, s := range tc.seen {
				g.observe(s.at, s.age, s.roundTrip)
			}
			if got := g.limit(tc.at); got != tc.want {
				t.Errorf("got a limit of %v; want %v", time.Duration(got), time.Duration(tc.want))
			}
			if got := g.known(); got != (tc.seen != nil) {
				t.Errorf("known is %v", got)
			}
		})
	}
}

// FuzzIdleAges compares with the model: each three bytes are one observation.
func FuzzIdleAges(f *testing.F) {
	f.Add([]byte{0, 200, 0, 1, 100, 2, 2, 50, 1, 9, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var g idleAges
		m := ageModel{limits: map[int64]int64{}}
		now := int64(1)
		for ; len(data) >= 3; data = data[3:] {
			now += int64(data[0]&15) * int64(time.Minute)
			at := max(now-int64(data[0]>>4)*int64(time.Second), 1)
			age, roundTrip := int64(data[1])*int64(time.Millisecond), int64(data[2])*int64(time.Millisecond)
			g.observe(at, age, roundTrip)
			m.observe(at, age, roundTrip)
			if got, want := g.limit(now), m.limit(now); got != want {
				t.Fatalf("at %v: got %v; want %v", time.Duration(now), time.Duration(got), time.Duration(want))
			}
		}
	})
}

// Whatever order observers come in, and however many at once: the smallest of
// a window is not lost.
func TestIdleAgesOfManyObservers(t *testing.T) {
	const observers, each = 8, 2000
	for round := range 20 {
		var g idleAges
		var wg sync.WaitGroup
		var mu sync.Mutex
		smallest := map[int64]int64{}
		for k := range observers {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(k)))
				own := map[int64]int64{}
				for range each {
					window := random.Int64N(2)
					age := int64(random.IntN(1e6))*int64(time.Microsecond) + int64(time.Second)
					g.observe(window*int64(ageWindow)+1, age, 0)
					if old, ok := own[window]; !ok || age < old {
						own[window] = age
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for w, age := range own {
					if old, ok := smallest[w]; !ok || age < old {
						smallest[w] = age
					}
				}
			})
		}
		wg.Wait()
		var want idleAges // one after the other
		want.observe(1, min(smallest[0], smallest[1]), 0)
		if got := g.limit(int64(ageWindow)); got != want.limit(1) {
			t.Fatalf("round %d: got %v; want %v", round, time.Duration(got), time.Duration(want.limit(1)))
		}
	}
}
