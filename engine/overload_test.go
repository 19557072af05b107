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
func workshop(t *testing.T) string {
	t.Helper()
	slots := make(chan struct{}, workers)
	return backend(t, func(w http.ResponseWriter, _ *http.Request) {
		slots <- struct{}{}
		busy := time.NewTimer(serviceTime)
		<-busy.C
		<-slots
		_, _ = io.WriteString(w, "done")
	})
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

// peak is the rate of good answers that clients get which wait for each other:
// as many at once as there are workers, so that none of them ever queues.
func (r *rig) peak(d time.Duration) float64 {
	var answers atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for range workers {
		c := r.dial()
		wg.Go(func() {
			for time.Now().Before(end) {
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: t\r\n\r\n"); err != nil {
					return
				}
				resp, err := http.ReadResponse(c.r, nil)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.StatusCode == http.StatusOK {
					answers.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return float64(answers.Load()) / d.Seconds()
}

// Three times as much is offered as four workers of 10 ms can do. The limits keep
// the good throughput at 90 % of the peak at least, bound the latency of what is
// let in, and refuse the rest with a cause. Without limits everybody would wait in
// the backend until nobody wants the answer.
func TestOverloadCostsOnlyWhatIsTooMuch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 3 s a case")
	}
	for _, tc := range []struct {
		name, options string
		causes        []string
		slowest       time.Duration // p99 of the answers
	}{
		{"fixed", "concurrency: {max_requests: 5}", []string{"503concurrency_limit"}, 100 * time.Millisecond},
		{
			"queue", "concurrency: {max_requests: 5, max_queue: 50, queue_timeout: 300ms}",
			[]string{"503queue_full", "503queue_timeout"},
			330 * time.Millisecond,
		},
		{"adaptive", "concurrency: {adaptive: true}", []string{"503concurrency_limit"}, 300 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, limited(tc.options), workshop(t))
			peak := r.peak(time.Second)
			l := r.offer(3*workers/serviceTime.Seconds(), 2*time.Second)
			good := float64(len(l.good)) / 2
			t.Logf("peak %.0f/s; offered %d, good %.0f/s (%.0f %%), p50 %v, p99 %v, refused %v, limit %d", peak, l.offered, good,
				100*good/peak, l.quantile(0.5), l.quantile(0.99), l.causes, r.engine.Pools()[0].Concurrency.Limit)
			if good < 0.9*peak {
				t.Errorf("good throughput is %.0f of %.0f/s; want 90 %%", good, peak)
			}
			if p99 := l.quantile(0.99); p99 > tc.slowest {
				t.Errorf("p99 of the answers is %v; want at most %v", p99, tc.slowest)
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
