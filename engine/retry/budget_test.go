package retry

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

func TestBudgetOfTheSection(t *testing.T) {
	for _, c := range []struct {
		name     string
		section  config.Budget
		requests int
		want     int // retries at once
	}{
		{"nothing", config.Budget{}, 1000, 0},
		{"share alone", config.Budget{Percent: 20}, 1000, 200},
		{"share of nothing", config.Budget{Percent: 20}, 0, 0},
		{"rate alone", config.Budget{MinPerSecond: 2}, 0, 20},
		{"both", config.Budget{Percent: 10, MinPerSecond: 1}, 100, 20},
		{"all", config.Budget{Percent: 100}, 7, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBudget(&c.section, new(Counts))
			for range c.requests {
				b.Request(1)
			}
			got := 0
			for b.Take(1) {
				got++
			}
			if got != c.want {
				t.Errorf("got %d; want %d", got, c.want)
			}
			if got == 0 {
				return
			}
			b.GiveBack()
			if !b.Take(1) || b.Take(1) {
				t.Error("one that was given back was not taken again, or two were")
			}
		})
	}
}

// What was counted lasts for a window, fades over the next one, and is gone then,
// also where nobody asked meanwhile.
func TestBudgetForgets(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		want  int // retries, after a hundred requests
	}{
		{"same window", budgetWindow - 1, 50},
		{"begin of the next", budgetWindow, 50},
		{"middle of the next", budgetWindow * 3 / 2, 25},
		{"the one after", 2 * budgetWindow, 0},
		{"much later", 100 * budgetWindow, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBudget(&config.Budget{Percent: 50}, new(Counts))
			for range 100 {
				b.Request(0)
			}
			got := 0
			for b.Take(int64(c.after)) {
				got++
			}
			if got != c.want {
				t.Errorf("got %d; want %d", got, c.want)
			}
		})
	}
}

// Two who ask at once may both find the last place: no more are taken beyond the
// budget than there are goroutines, and none is lost.
func TestBudgetHoldsUnderLoad(t *testing.T) {
	const goroutines = 8
	b := newBudget(&config.Budget{MinPerSecond: 100}, new(Counts))
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for b.Take(1) {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if got := taken.Load(); got < 1000 || got >= 1000+goroutines {
		t.Errorf("got %d; want 1000 to %d", got, 1000+goroutines-1)
	}
}

// modelBudget keeps every request and every retry, and counts them when asked.
type modelBudget struct {
	mu struct {
		sync.Mutex
		requests, retries map[int64]int64 // by window
		last              int64           // window of the last request or retry, given or not
	}
	section config.Budget
}

func (m *modelBudget) request(nowNanos int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.last = nowNanos / budgetNanos
	m.mu.requests[m.mu.last]++
}

func (m *modelBudget) take(nowNanos int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.last = nowNanos / budgetNanos
	left := 1 - float64(nowNanos%budgetNanos)/float64(budgetNanos) // of the window before
	requests := float64(m.mu.requests[m.mu.last]) + float64(m.mu.requests[m.mu.last-1])*left
	retries := float64(m.mu.retries[m.mu.last]) + float64(m.mu.retries[m.mu.last-1])*left
	if retries >= requests*m.section.Percent/100+10*float64(m.section.MinPerSecond) {
		return false
	}
	m.mu.retries[m.mu.last]++
	return true
}

func (m *modelBudget) giveBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.retries[m.mu.last] = max(m.mu.retries[m.mu.last]-1, 0)
}

// FuzzBudget compares with the model: the low bits of each byte say what is done, the
// high ones how much later.
func FuzzBudget(f *testing.F) {
	f.Add(uint8(20), uint8(1), []byte{0, 0, 0, 0, 1, 1, 2, 1})
	f.Add(uint8(100), uint8(0), []byte{0, 1, 0 | 5<<2, 1, 1 | 4<<2, 2, 1, 1 | 7<<2})
	f.Add(uint8(0), uint8(1), []byte("anything that is long enough to use up what there is"))
	later := [8]time.Duration{0, 1, time.Millisecond, time.Second, 3 * time.Second, budgetWindow, 2 * budgetWindow, 25 * time.Second}
	f.Fuzz(func(t *testing.T, percent, perSecond uint8, script []byte) {
		section := config.Budget{Percent: float64(percent % 101), MinPerSecond: int(perSecond % 4)}
		b, m, nowNanos := newBudget(&section, new(Counts)), modelBudget{section: section}, int64(1)
		m.mu.requests, m.mu.retries = map[int64]int64{}, map[int64]int64{}
		for i, op := range script {
			nowNanos += int64(later[op>>2&7])
			switch op & 3 {
			case 0:
				b.Request(nowNanos)
				m.request(nowNanos)
			case 1, 3:
				if got, want := b.Take(nowNanos), m.take(nowNanos); got != want {
					t.Fatalf("step %d at %v: got %v; want %v", i, time.Duration(nowNanos), got, want)
				}
			case 2:
				b.GiveBack()
				m.giveBack()
			}
		}
	})
}
