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

	"github.com/isame-lb/isame-lb/config"
	"github.com/rs/zerolog"
)

// fakeProbes answers probes from a table the test changes.
type fakeProbes struct {
	mu struct {
		sync.Mutex
		bad   map[string]string
		times map[string][]time.Time
	}
}

func (f *fakeProbes) probe(_ context.Context, address string, _ *definition) sight {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.times[address] = append(f.mu.times[address], time.Now())
	if reason := f.mu.bad[address]; reason != "" {
		return sight{dead: reason == "connection refused", reason: reason}
	}
	return sight{good: true, reason: "status 200"}
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
	s.prober.probe = f.probe
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
		if n := len(p.Status().Backends[0].Probes); n != probesKept {
			t.Errorf("%d probes kept; want %d", n, probesKept)
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
			try(a, ConnectRefused, 0)
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
	cfg := poolOf(unixPrefix + path)
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

func TestProbeRhythm(t *testing.T) {
	cases := []struct {
		name     string
		interval time.Duration
		fall     int
		took     time.Duration
		pace     pace
		random   float64
		want     time.Duration
	}{
		{"middle", 8 * time.Second, 3, 0, steady, 0.5, 8 * time.Second},
		{"earliest", 8 * time.Second, 3, 0, steady, 0, 7200 * time.Millisecond},
		{"latest", 8 * time.Second, 3, 0, steady, 1, 8800 * time.Millisecond},
		{"in a hurry", 8 * time.Second, 3, 0, hurried, 0.5, 2 * time.Second},
		{"hurry has a bound", 200 * time.Millisecond, 3, 0, hurried, 0.5, 100 * time.Millisecond},
		{"never slower in a hurry", 50 * time.Millisecond, 3, 0, hurried, 0.5, 50 * time.Millisecond},
		{"calm", 8 * time.Second, 3, 0, calm, 0.5, 16 * time.Second},
		{"calm, but two bad ones are enough", 8 * time.Second, 2, 0, calm, 0.5, 14 * time.Second},
		{"calm, but one bad one is enough", 8 * time.Second, 1, 0, calm, 0.5, 8 * time.Second},
		{"calm where no hurry is possible", 100 * time.Millisecond, 3, 0, calm, 0.5, 100 * time.Millisecond},
		{"less what the probe took", 8 * time.Second, 3, time.Second, steady, 0.5, 7 * time.Second},
		{"slower than its interval", time.Second, 3, 3 * time.Second, steady, 0.5, probePauseLeast},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := &definition{interval: c.interval, fall: c.fall}
			if got := d.pause(c.took, c.pace, c.random); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
			if worst := d.pause(0, calm, 0.5) + time.Duration(c.fall-1)*d.pause(0, hurried, 0.5); worst > time.Duration(c.fall)*c.interval {
				t.Errorf("a calm backend that dies is noticed after %v; want %d intervals at most", worst, c.fall)
			}
		})
	}
}

func TestProbesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		p := newProber(zerolog.Nop(), bubbleClock(), 3)
		p.probe = func(context.Context, string, *definition) sight {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			pass(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return sight{good: true}
		}
		d, err := define(&config.HealthCheck{Type: "tcp", Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		checks := make([]*check, 0, 20)
		for range cap(checks) {
			c := newCheck("a:1", d)
			c.hold(&standing{account: newAccount()}, "p")
			c.start(p)
			checks = append(checks, c)
		}
		pass(time.Minute)
		for _, c := range checks {
			c.mu.Lock()
			if n := c.mu.probed.count; n < 2 {
				t.Errorf("a check was starved: %d probes in a minute", n)
			}
			c.mu.Unlock()
			c.stop()
		}
		if most != 3 {
			t.Errorf("%d probes at once; want 3", most)
		}
	})
}
