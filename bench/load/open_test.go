package load

import (
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stalling answers at once until the nth request, then lets all wait for d.
func stalling(t *testing.T, n int64, d time.Duration) *httptest.Server {
	t.Helper()
	var gate sync.RWMutex
	var seen atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1) == n {
			gate.Lock()
			<-time.After(d)
			gate.Unlock()
		}
		gate.RLock()
		defer gate.RUnlock()
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestOpenLoopShowsStalls is the point of the open loop: while the target stalls
// for 500 ms requests go on being due. A third of those of this run wait for it,
// evenly between 0 and 500 ms.
func TestOpenLoopShowsStalls(t *testing.T) {
	s := stalling(t, 100, 500*time.Millisecond)
	r := mustRun(t, Plan{URL: s.URL, Connections: 4, Rate: 300, Duration: 1500 * time.Millisecond})
	if asked := r.Requests + r.Unsent; asked != 450 || r.Errors != 0 {
		t.Fatalf("got %d requests (%d unsent), errors %v; want 450", asked, r.Unsent, r.Causes)
	}
	if r.Latency.P99 < 450e3 || r.Latency.P75 < 50e3 {
		t.Errorf("got p75 %.0f us, p99 %.0f us; want the stall of 500 ms to show", r.Latency.P75, r.Latency.P99)
	}
}

// TestOpenLoopCountsUnsentRequests: a target that never answers cannot hide what
// it kept from being sent.
func TestOpenLoopCountsUnsentRequests(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	r := mustRun(t, Plan{URL: s.URL, Connections: 2, Rate: 100, Duration: 500 * time.Millisecond, Timeout: 800 * time.Millisecond})
	if r.Causes["timeout"] != 2 || r.Unsent != 48 || r.Requests != 0 {
		t.Errorf("got %d answers, %v, %d unsent; want 2 timeouts and 48 unsent", r.Requests, r.Causes, r.Unsent)
	}
	if r.Latency.Count != 50 || r.Latency.P50 < 500e3 {
		t.Errorf("got p50 %.0f us of %d; want all 50 waits in it", r.Latency.P50, r.Latency.Count)
	}
	if r.Generator.Limit == "none" {
		t.Errorf("got limit %q; the rate was not reached", r.Generator.Limit)
	}
}

func TestScheduleIsEven(t *testing.T) {
	target := &target{Plan: Plan{Rate: 1000, Duration: time.Second, Threads: 2}}
	var due []int64
	for i := range 2 {
		s := newSchedule(target, i, nil)
		for {
			from, ok := s.take(int64(time.Second))
			if !ok {
				break
			}
			due = append(due, from)
		}
		if !s.over(int64(time.Second)) || s.next(0) != never {
			t.Errorf("worker %d: the schedule must be over", i)
		}
	}
	if len(due) != 1000 || due[0] != 0 || due[1] != 2e6 || due[500] != 1e6 {
		t.Errorf("got %d requests, first at %v, second worker's at %v; want 1000, at 0 and 2 ms, and 1 ms", len(due), due[:2], due[500])
	}
}

func TestScheduleHoldsBackTheFuture(t *testing.T) {
	s := newSchedule(&target{Plan: Plan{Rate: 10, Duration: time.Second, Threads: 1}}, 0, nil)
	if from, ok := s.take(0); !ok || from != 0 {
		t.Fatalf("got %d, %t; want the first request at 0", from, ok)
	}
	if _, ok := s.take(99e6); ok {
		t.Error("a request was given out before it was due")
	}
	if s.next(0) != 100e6 {
		t.Errorf("got %d; want 100 ms", s.next(0))
	}
	if from, ok := s.take(150e6); !ok || from != 100e6 {
		t.Errorf("got %d, %t; want a late request to count from when it was due", from, ok)
	}
}

func TestPoissonGapsAreExponential(t *testing.T) {
	s := newSchedule(&target{Plan: Plan{Rate: 1000, Duration: 100 * time.Second, Threads: 1, Poisson: true, Seed: 5}}, 0, nil)
	var n, sum, squares, last float64
	for {
		from, ok := s.take(int64(100 * time.Second))
		if !ok {
			break
		}
		gap := float64(from) - last
		last = float64(from)
		n, sum, squares = n+1, sum+gap, squares+gap*gap
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-1e6) > 1e4 || math.Abs(deviation-1e6) > 2e4 {
		t.Errorf("got gaps of mean %.0f and deviation %.0f ns; want both 1e6 within 1 and 2 %%", mean, deviation)
	}
}

func TestScheduleCountsLeftOver(t *testing.T) {
	s := newSchedule(&target{Plan: Plan{Rate: 100, Duration: time.Second, Warmup: time.Second, Threads: 1}}, 0, nil)
	n, first := 0, int64(0)
	s.leftOver(func(due int64) {
		if n == 0 {
			first = due
		}
		n++
	})
	if n != 100 || first != int64(time.Second) {
		t.Errorf("got %d, first at %d; want the 100 after the warm-up", n, first)
	}
}

func TestBudgetBoundsAllWorkers(t *testing.T) {
	var budget atomic.Int64
	budget.Store(10)
	plan := &target{Plan: Plan{Count: 10, Threads: 2}}
	a, b := newSchedule(plan, 0, &budget), newSchedule(plan, 1, &budget)
	n := 0
	for range 20 {
		for _, s := range []*schedule{&a, &b} {
			if _, ok := s.take(1); ok {
				n++
			}
		}
	}
	if n != 10 || !a.over(1) || !b.over(1) {
		t.Errorf("got %d requests; want 10, and the schedules over", n)
	}
}
