package engine

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	workers     = 4
	serviceTime = 10 * time.Millisecond
)

// workshop is a backend with a few workers and an endless queue before them.
type workshop struct {
	busy    atomic.Int64 // nanoseconds, of all workers
	address string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w, slots := &workshop{}, make(chan struct{}, workers)
	w.address = backend(t, func(rw http.ResponseWriter, _ *http.Request) {
		slots <- struct{}{}
		began := time.Now()
		<-time.NewTimer(serviceTime).C
		w.busy.Add(int64(time.Since(began)))
		<-slots
		_, _ = io.WriteString(rw, "done")
	})
	return w
}

// load is what clients saw of one run.
type load struct {
	mu      sync.Mutex
	good    []time.Duration
	causes  map[string]int
	offered int
}

// offer sends requests at this rate, whatever becomes of them, over connections
// of its own; each is used for one request at a time.
func (r *rig) offer(perSecond float64, d time.Duration) *load {
	r.t.Helper()
	l := &load{causes: map[string]int{}}
	idle := make(chan *client, 4096)
	var wg sync.WaitGroup
	gap := time.Duration(float64(time.Second) / perSecond)
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		l.offered++
		var c *client
		select {
		case c = <-idle:
		default:
			c = r.dial()
		}
		wg.Go(func() {
			began := time.Now()
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
				l.count("broken", 0)
				return
			}
			resp, err := http.ReadResponse(c.r, nil)
			if err != nil {
				l.count("broken", 0)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			l.count(fmt.Sprint(resp.StatusCode, resp.Header.Get("X-Isame-Error")), time.Since(began))
			idle <- c
		})
	}
	wg.Wait()
	return l
}

func (l *load) count(what string, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if what == "200" {
		l.good = append(l.good, took)
		return
	}
	l.causes[what]++
}

func (l *load) quantile(q float64) time.Duration {
	slices.Sort(l.good)
	return l.good[int(q*float64(len(l.good)-1))].Round(100 * time.Microsecond)
}

// Three times as much is offered as four workers of 10 ms can do. The limits keep
// the workers busy for nearly all of the time, bound the latency of what is let
// in, and refuse the rest with a cause. Without limits everybody would wait in the
// backend until nobody wants the answer.
func TestOverloadCostsOnlyWhatIsTooMuch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2 s a case")
	}
	for _, tc := range []struct {
		name, options string
		causes        []string
		slow          time.Duration // the most that half of the answers may take
	}{
		{"fixed", "concurrency: {max_requests: 5}", []string{"503concurrency_limit"}, 80 * time.Millisecond},
		{
			"queue", "concurrency: {max_requests: 5, max_queue: 50, queue_timeout: 300ms}",
			[]string{"503queue_full", "503queue_timeout"},
			330 * time.Millisecond,
		},
		{"adaptive", "concurrency: {adaptive: true}", []string{"503concurrency_limit"}, 150 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shop := newWorkshop(t)
			r := start(t, limited(tc.options), shop.address)
			const span = 2 * time.Second
			l := r.offer(3*workers/serviceTime.Seconds(), span)
			busy := float64(shop.busy.Load()) / float64(workers*span)
			t.Logf("offered %d, good %d, workers busy %.0f %%, p50 %v, p99 %v, refused %v, limit %d", l.offered, len(l.good),
				100*busy, l.quantile(0.5), l.quantile(0.99), l.causes, r.engine.Pools()[0].Concurrency.Limit)
			if busy < 0.6 { // on a busy machine the clients come late
				t.Errorf("the workers are busy for %.0f %% of the time; want 60 %%", 100*busy)
			}
			if p50 := l.quantile(0.5); p50 > tc.slow {
				t.Errorf("half of the answers take %v or more; want at most %v", p50, tc.slow)
			}
			for cause, n := range l.causes {
				if !slices.Contains(tc.causes, cause) {
					t.Errorf("%d refused with %s; want one of %v", n, cause, tc.causes)
				}
			}
			eventually(t, func() string { return "nothing in progress" }, func() bool {
				s := r.engine.Pools()[0].Concurrency
				return s.InProgress == 0 && s.Waiting == 0
			})
		})
	}
}
