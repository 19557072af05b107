package pool

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/health"
)

// fakeProbes answers probes from a table the test changes.
type fakeProbes struct {
	mu struct {
		sync.Mutex
		bad   map[string]string
		times map[string][]time.Time
	}
}

func (f *fakeProbes) probe(_ context.Context, address string, _ *health.Definition) health.Sight {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.times[address] = append(f.mu.times[address], time.Now())
	if reason := f.mu.bad[address]; reason != "" {
		return health.Sight{Dead: reason == "connection refused", Reason: reason}
	}
	return health.Sight{Good: true, Reason: "status 200"}
}

func (f *fakeProbes) set(address, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.bad[address] = reason
}

func (f *fakeProbes) count(address string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mu.times[address])
}

// checked is poolOf with a health check every 4 s.
func checked(addresses ...string) config.Pool {
	p := poolOf(addresses...)
	p.HealthCheck = &config.HealthCheck{Type: "http", Path: "/", Interval: 4 * time.Second, HealthyAfter: 2, UnhealthyAfter: 3}
	return p
}

func startChecked(t *testing.T, f *fakeProbes, cfg config.Pool, prev *Set) (*Set, *Pool) {
	t.Helper()
	f.mu.Lock()
	if f.mu.bad == nil {
		f.mu.bad, f.mu.times = map[string]string{}, map[string][]time.Time{}
	}
	f.mu.Unlock()
	s, p := buildOne(t, cfg, prev, bubbleClock())
	if prev == nil { // the sets that follow have the same prober, which runs
		s.prober.Probe = f.probe
	}
	s.Start()
	return s, p
}

func TestHealthDecidesWhoIsPicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, p := startChecked(t, &f, checked("a:1", "b:1", "c:1"), nil)
		if got := picks(p, 3); len(got) != 3 {
			t.Errorf("before the first probe: %v; want all three", got)
		}
		synctest.Wait()
		if b := p.Status().Backends[0]; b.Health != "healthy" || len(b.Probes) != 1 || b.Reason != "status 200" {
			t.Errorf("after the first probe: %+v", b)
		}
		f.set("a:1", "connection refused")
		pass(4*time.Second + 500*time.Millisecond) // at most 4.4 s to the first bad one
		pass(2200 * time.Millisecond)              // two more in a hurry, 1.1 s at most each
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 0 || got["b:1"] != 2 {
			t.Errorf("a is down: picked %v", got)
		}
		if b := p.Status().Backends[0]; b.Health != "unhealthy" || b.Up || b.Reason != "connection refused" {
			t.Errorf("a is down: %+v", b)
		}
		f.set("a:1", "")
		pass(6 * time.Second)
		synctest.Wait()
		if got := picks(p, 3); got["a:1"] != 1 {
			t.Errorf("a is back: picked %v", got)
		}
		pass(200 * time.Second)
		if n := len(p.Status().Backends[0].Probes); n != 16 {
			t.Errorf("%d probes kept; want %d", n, 16)
		}
		s.Retire(nil, 0)
		n := f.count("b:1")
		pass(time.Minute)
		if f.count("b:1") != n {
			t.Error("probes went on after the pool retired")
		}
	})
}

func TestReloadKeepsHealthAndRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, _ := startChecked(t, &f, checked("a:1", "b:1", "c:1"), nil)
		f.set("a:1", "status 500, want 200-299")
		pass(20 * time.Second)
		synctest.Wait()
		before := f.count("a:1")
		next, q := startChecked(t, &f, checked("a:1", "b:1", "d:1"), s)
		s.Retire(next, 0)
		if b := q.Status().Backends[0]; b.Health != "unhealthy" || b.Up {
			t.Errorf("a after the reload: %+v", b)
		}
		synctest.Wait()
		if f.count("a:1") != before {
			t.Error("the reload probed a backend it already knew")
		}
		if f.count("d:1") != 1 {
			t.Error("the added backend was not probed at once")
		}
		gone := f.count("c:1")
		pass(20 * time.Second)
		if f.count("c:1") != gone {
			t.Error("the removed backend is still probed")
		}
		if f.count("a:1") == before {
			t.Error("the kept backend is not probed any more")
		}
		next.Retire(nil, 0)
	})
}

func TestAddedBackendServesAfterItsFirstGoodProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		s, _ := startChecked(t, &f, checked("a:1"), nil)
		synctest.Wait()
		f.set("b:1", "timeout after 1s")
		next, q := startChecked(t, &f, checked("a:1", "b:1"), s)
		s.Retire(next, 0)
		synctest.Wait()
		if got := picks(q, 4); got["b:1"] != 0 {
			t.Errorf("picked before its first good probe: %v", got)
		}
		f.set("b:1", "")
		pass(5 * time.Second)
		synctest.Wait()
		if got := picks(q, 4); got["b:1"] != 2 {
			t.Errorf("not picked after its first good probe: %v", got)
		}
		next.Retire(nil, 0)
	})
}

func TestGoodProbeEndsTheWaitOfAnOpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakeProbes
		cfg := checked("a:1", "b:1")
		section := breakerDefaults()
		section.OpenFor = time.Hour
		cfg.CircuitBreaker = &section
		s, p := startChecked(t, &f, cfg, nil)
		synctest.Wait()
		f.set("a:1", "connection refused")
		a := p.Member("a:1")
		for range 5 {
			try(a, attempt.ConnectRefused, 0)
		}
		pass(20 * time.Second) // a bad probe at least, whatever the jitter
		f.set("a:1", "")
		pass(20 * time.Second) // and good ones
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 2 {
			t.Errorf("picked %v; want a again, long before open_for is over", got)
		}
		s.Retire(nil, 0)
	})
}

// logLines hands every log line to a channel, so that a test can wait for it.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// The whole way with real sockets and real timers: a backend that stops
// listening leaves the rotation, and comes back when it listens again.
func TestProbesOverRealSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var wg sync.WaitGroup
	listen := func() net.Listener {
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
			}
		})
		return ln
	}
	ln := listen()
	cfg := poolOf("unix:" + path)
	cfg.HealthCheck = &config.HealthCheck{Type: "tcp", Interval: 5 * time.Millisecond, HealthyAfter: 2, UnhealthyAfter: 2}
	lines := make(logLines, 1000)
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg}}, nil, Options{Shards: 1, Logger: zerolog.New(lines)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Retire(nil, 0)
	s.Start()
	expect := func(parts ...string) {
		t.Helper()
		line := <-lines
		for !strings.Contains(line, "backend health changed") {
			line = <-lines
		}
		for _, part := range parts {
			if !strings.Contains(line, part) {
				t.Fatalf("logged %s; want %s in it", line, part)
			}
		}
	}
	expect(`"was":"unknown"`, `"is":"healthy"`, `"reason":"connected"`)
	_ = ln.Close()
	expect(`"was":"healthy"`, `"is":"unhealthy"`, `"reason":"no such socket"`, `"level":"warn"`)
	ln = listen()
	expect(`"was":"unhealthy"`, `"is":"healthy"`)
	_ = ln.Close()
	wg.Wait()
}
