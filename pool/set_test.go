package pool

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
)

func TestBuildReportsEveryProblemWithItsPath(t *testing.T) {
	bad := config.Pool{
		Algorithm: "fair", HashOn: "body", Protocol: "h2",
		Backends:    []config.Backend{{Address: "a:1", Weight: 1}, {Address: "a:1", Weight: 70000}},
		HealthCheck: &config.HealthCheck{Type: "grpc", Path: "x", ExpectStatus: []string{"20x", "300-200"}},
		TLS:         config.PoolTLS{Enabled: true},
		Discovery:   &config.Discovery{}, Sticky: &config.Sticky{}, Concurrency: &config.Concurrency{},
	}
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": bad, "good": poolOf("a:1"), "q": {Algorithm: "fair"}}}, nil, Options{})
	if err == nil || s != nil {
		t.Fatalf("built %v, error %v", s, err)
	}
	for _, want := range []string{
		`pools.p.algorithm: unknown algorithm "fair"`, "pools.p.hash_on: ", `pools.p.backends[1].address: "a:1" is backends[0] already`,
		"pools.p.backends[1].weight: 70000", `type: "grpc" is not supported yet`, `path: "x"`, `expect_status: "20x"`, `expect_status: "300-200"`,
		"pools.p.protocol: not supported yet", "pools.p.tls: not supported yet", "pools.p.discovery: not supported yet",
		"pools.p.sticky: not supported yet", "pools.p.concurrency: not supported yet", "pools.q.algorithm",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestFactsOutliveAReload(t *testing.T) {
	now := func() int64 { return second }
	s, p := buildOne(t, poolOf("a:1", "b:1", "c:1"), nil, now)
	a := p.Member("a:1")
	for range 5 {
		attempt(a, ConnectRefused, 0)
	}
	k, ok := p.Member("b:1").Acquire(second)
	if !ok {
		t.Fatal("refused")
	}
	cfg := poolOf("c:1", "b:1", "a:1")
	cfg.Algorithm = "least_connections"
	cfg.Backends[1].Weight = 7
	next, q := buildOne(t, cfg, s, now)
	s.Retire(next, 0)
	if q.Member("a:1").Backend() != a.Backend() || q.Member("a:1").Client(0) != a.Client(0) {
		t.Error("backend or connections were replaced")
	}
	if a.Backend().Client(1) != a.Client(1) {
		t.Error("Backend.Client is not the member's")
	}
	by := map[string]BackendStatus{}
	for _, b := range q.Status().Backends {
		by[b.Address] = b
	}
	if b := by["a:1"]; b.Breaker != "open" || b.Up || b.Requests != 5 || b.Failures != 5 {
		t.Errorf("a after the reload: %+v", b)
	}
	if b := by["b:1"]; b.InFlight != 1 || b.Weight != 7 {
		t.Errorf("b after the reload: %+v", b)
	}
	p.Member("b:1").Release(k, OK, 200, second, 1) // of the old generation
	if n := q.Member("b:1").Backend().InFlight(); n != 0 {
		t.Errorf("%d in flight; want 0", n)
	}
	if next.Pool("p") != q || next.Pool("other") != nil || len(next.Status()) != 1 || len(next.Pools()) != 1 {
		t.Error("the set does not find its pool")
	}
}

func TestPoolsShareABackend(t *testing.T) {
	now := func() int64 { return second }
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": poolOf("a:1", "b:1"), "q": poolOf("a:1", "c:1")}}, nil,
		Options{now: now, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Retire(nil, 0)
	p, q := s.Pool("p"), s.Pool("q")
	for range 5 {
		attempt(p.Member("a:1"), Timeout, 0)
	}
	if p.Member("a:1").Client(0) != q.Member("a:1").Client(0) {
		t.Error("two sets of connections under equal options")
	}
	if attempt(q.Member("a:1"), OK, 200) {
		t.Error("the other pool does not see the open breaker")
	}
	if got := q.Status().Backends[0]; got.Requests != 0 {
		t.Errorf("the other pool counts %d requests it did not make", got.Requests)
	}
}

func TestChangedConnectionOptionsKeepFactsAndReplaceConnections(t *testing.T) {
	s, p := buildOne(t, poolOf("a:1"), nil, nil)
	cfg := poolOf("a:1")
	cfg.Connections.Idle = time.Minute
	_, q := buildOne(t, cfg, s, nil)
	if p.Members()[0].Backend() != q.Members()[0].Backend() {
		t.Error("the backend was replaced")
	}
	if p.Members()[0].Client(0) == q.Members()[0].Client(0) {
		t.Error("the connections were kept")
	}
	hc := q.Members()[0].Client(0)
	if hc.MaxIdemponentCallAttempts != 1 || hc.ConnPoolStrategy != fasthttp.LIFO || hc.MaxIdleConnDuration != time.Minute ||
		hc.MaxConns != 1024 || hc.Addr != "a:1" || hc.Dial == nil {
		t.Errorf("HostClient options: %+v", hc)
	}
}

// silentBackend accepts connections and reads from them until they end. It
// ends with the test.
func silentBackend(t *testing.T, network string) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	if network == "unix" {
		return unixPrefix + address
	}
	return ln.Addr().String()
}

func TestRetireClosesConnections(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := silentBackend(t, network)
			s, p := buildOne(t, poolOf(address), nil, nil)
			m := p.Members()[0]
			hc := m.Client(1)
			idle, err := hc.AcquireConn(0, false)
			if err != nil {
				t.Fatal(err)
			}
			busy, err := hc.AcquireConn(0, false)
			if err != nil {
				t.Fatal(err)
			}
			hc.ReleaseConn(idle)
			b := p.Status().Backends[0]
			if b.ConnectionsOpen != 2 || b.ConnectionsIdle != 1 {
				t.Fatalf("open %d idle %d; want 2 and 1", b.ConnectionsOpen, b.ConnectionsIdle)
			}
			next, _ := buildOne(t, poolOf("other:1"), s, nil)
			done := make(chan struct{})
			go func() {
				s.Retire(next, time.Hour)
				close(done)
			}()
			for hc.ConnsCount() > 1 { // the idle one goes at once
				runtime.Gosched()
			}
			select {
			case <-done:
				t.Error("retired with a connection in use")
			default:
			}
			hc.ReleaseConn(busy)
			<-done
			if n := hc.ConnsCount(); n != 0 {
				t.Errorf("%d connections left", n)
			}
		})
	}
}

func TestRetireEndsAfterDrain(t *testing.T) {
	address := silentBackend(t, "tcp")
	s, p := buildOne(t, poolOf(address), nil, nil)
	hc := p.Members()[0].Client(0)
	c, err := hc.AcquireConn(0, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hc.CloseConn(c) }) // before the backend waits for its end
	s.Retire(nil, time.Millisecond)
	if n := hc.ConnsCount(); n != 1 {
		t.Errorf("%d connections; want the one in use", n)
	}
}

func TestConnectionsMaxHoldsOverAllShards(t *testing.T) {
	address := silentBackend(t, "tcp")
	cfg := poolOf(address)
	cfg.Connections.Max = 3
	_, p := buildOne(t, cfg, nil, nil)
	one, two := p.Members()[0].Client(0), p.Members()[0].Client(1)
	a, errA := one.AcquireConn(0, false)
	b, errB := one.AcquireConn(0, false)
	c, errC := two.AcquireConn(0, false)
	if errA != nil || errB != nil || errC != nil {
		t.Fatal(errA, errB, errC)
	}
	_, err := two.AcquireConn(0, false)
	if dialOutcome(err) != NoFreeConn {
		t.Fatalf("fourth connection: %v; want none free", err)
	}
	one.ReleaseConn(a) // idle on shard 0, wanted on shard 1
	d, err := two.AcquireConn(0, false)
	if err != nil {
		t.Fatalf("an idle connection of another shard held the place: %v", err)
	}
	one.CloseConn(b)
	two.CloseConn(c)
	two.CloseConn(d)
	if open, _ := p.Members()[0].clients.counts(); open != 0 {
		t.Errorf("%d open at the end", open)
	}
}

func TestReloadsUnderTraffic(t *testing.T) {
	var log bytes.Buffer
	opts := Options{Shards: 1, Logger: zerolog.New(zerolog.SyncWriter(&log))}
	build := func(prev *Set, addresses ...string) *Set {
		s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": poolOf(addresses...)}}, prev, opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var mu sync.Mutex
	current := build(nil, "a:1", "b:1")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				p := current.Pool("p")
				mu.Unlock()
				m, _ := p.Pick(algo.Query{Random: i})
				if m == nil {
					continue
				}
				if k, ok := m.Acquire(Nanos()); ok {
					o := OK
					if i%3 == 0 {
						o = Reset
					}
					m.Release(k, o, 200, Nanos(), 1)
				}
			}
		})
	}
	for i := range 50 {
		addresses := []string{"a:1", "b:1", "c:1"}
		next := build(current, addresses[i%2:2+i%2]...)
		mu.Lock()
		old := current
		current = next
		mu.Unlock()
		next.Start()
		old.Retire(next, 0)
	}
	close(stop)
	wg.Wait()
	for _, m := range current.Pool("p").Members() {
		if n := m.Backend().InFlight(); n != 0 {
			t.Errorf("%s: %d in flight at the end", m.Address(), n)
		}
		m.backend.mu.Lock()
		if n := len(m.backend.mu.watchers); n != 1 {
			t.Errorf("%s: %d pools watch; want 1", m.Address(), n)
		}
		m.backend.mu.Unlock()
	}
	current.Retire(nil, 0)
	if !strings.Contains(log.String(), "backend retired") {
		t.Error("retired backends were not logged")
	}
}

// fakeProbes answers probes from a table the test changes.
type fakeProbes struct {
	mu struct {
		sync.Mutex
		bad   map[string]string
		times map[string][]time.Time
	}
}

func (f *fakeProbes) probe(_ context.Context, address string, _ *definition) (bool, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.times[address] = append(f.mu.times[address], time.Now())
	if reason := f.mu.bad[address]; reason != "" {
		return false, reason
	}
	return true, "status 200"
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
		time.Sleep(4*time.Second + 500*time.Millisecond) // at most 4.4 s to the first bad one
		time.Sleep(2200 * time.Millisecond)              // two more in a hurry, 1.1 s at most each
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 0 || got["b:1"] != 2 {
			t.Errorf("a is down: picked %v", got)
		}
		if b := p.Status().Backends[0]; b.Health != "unhealthy" || b.Up || b.Reason != "connection refused" {
			t.Errorf("a is down: %+v", b)
		}
		f.set("a:1", "")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if got := picks(p, 3); got["a:1"] != 1 {
			t.Errorf("a is back: picked %v", got)
		}
		time.Sleep(200 * time.Second)
		if n := len(p.Status().Backends[0].Probes); n != probesKept {
			t.Errorf("%d probes kept; want %d", n, probesKept)
		}
		s.Retire(nil, 0)
		n := f.count("b:1")
		time.Sleep(time.Minute)
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
		time.Sleep(20 * time.Second)
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
		time.Sleep(20 * time.Second)
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
		time.Sleep(5 * time.Second)
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
		section := breakerDefaults
		section.OpenFor = time.Hour
		cfg.CircuitBreaker = &section
		s, p := startChecked(t, &f, cfg, nil)
		synctest.Wait()
		f.set("a:1", "connection refused")
		a := p.Member("a:1")
		for range 5 {
			attempt(a, ConnectRefused, 0)
		}
		time.Sleep(5 * time.Second) // one bad probe
		f.set("a:1", "")
		time.Sleep(5 * time.Second) // and a good one
		synctest.Wait()
		if got := picks(p, 4); got["a:1"] != 2 {
			t.Errorf("picked %v; want a again, long before open_for is over", got)
		}
		s.Retire(nil, 0)
	})
}

func TestProbeRhythm(t *testing.T) {
	d := &definition{interval: 8 * time.Second}
	cases := []struct {
		name     string
		interval time.Duration
		took     time.Duration
		changing bool
		random   float64
		want     time.Duration
	}{
		{"middle", 8 * time.Second, 0, false, 0.5, 8 * time.Second},
		{"earliest", 8 * time.Second, 0, false, 0, 7200 * time.Millisecond},
		{"latest", 8 * time.Second, 0, false, 1, 8800 * time.Millisecond},
		{"in a hurry", 8 * time.Second, 0, true, 0.5, 2 * time.Second},
		{"hurry has a bound", 200 * time.Millisecond, 0, true, 0.5, 100 * time.Millisecond},
		{"never slower in a hurry", 50 * time.Millisecond, 0, true, 0.5, 50 * time.Millisecond},
		{"less what the probe took", 8 * time.Second, time.Second, false, 0.5, 7 * time.Second},
		{"slower than its interval", time.Second, 3 * time.Second, false, 0.5, probePauseMin},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d.interval = c.interval
			if got := d.pause(c.took, c.changing, c.random); got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestProbesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		p := newProber(&Options{ProbesMax: 3, now: bubbleClock()})
		p.probe = func(context.Context, string, *definition) (bool, string) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running--
			mu.Unlock()
			return true, ""
		}
		d, err := define(&config.HealthCheck{Type: "tcp", Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var checks []*check
		for range 20 {
			c := newCheck(newBackend("a:1"), d)
			c.start(p)
			checks = append(checks, c)
		}
		time.Sleep(time.Minute)
		for _, c := range checks {
			if n := len(c.probes()); n < 2 {
				t.Errorf("a check was starved: %d probes in a minute", n)
			}
			c.stop()
		}
		if most != 3 {
			t.Errorf("%d probes at once; want 3", most)
		}
	})
}
