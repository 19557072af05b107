package pool

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

func TestBuildReportsEveryProblemWithItsPath(t *testing.T) {
	bad := config.Pool{
		Algorithm: "fair", HashOn: "body", Protocol: "h2",
		Backends:    []config.Backend{{Address: "a:1", Weight: 1}, {Address: "a:1", Weight: 70000}},
		HealthCheck: &config.HealthCheck{Type: "icmp", Path: "x", ExpectStatus: []string{"20x", "300-200"}},
		TLS:         config.PoolTLS{Enabled: true, CAFile: "/nowhere.pem"},
		Discovery:   &config.Discovery{},
	}
	s, err := Build(&config.Config{Pools: map[string]config.Pool{"p": bad, "good": poolOf("a:1"), "q": {Algorithm: "fair"}}}, nil, Options{})
	if err == nil || s != nil {
		t.Fatalf("built %v, error %v", s, err)
	}
	for _, want := range []string{
		`pools.p.algorithm: unknown algorithm "fair"`, "pools.p.hash_on: ", `pools.p.backends[1].address: "a:1" is backends[0] already`,
		"pools.p.backends[1].weight: 70000", `type: "icmp" is none of`, `path: "x"`, `expect_status: "20x"`, `expect_status: "300-200"`,
		"pools.p.protocol: cannot speak h2: nobody opens streams", `pools.p.tls.ca_file: cannot read authorities "/nowhere.pem"`, "pools.p.discovery: needs dns",
		"pools.q.algorithm",
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
		try(a, attempt.ConnectRefused, 0)
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
	p.Member("b:1").Release(k, attempt.OK, 200, second, 1) // of the old generation
	if n := q.Member("b:1").InFlight(); n != 0 {
		t.Errorf("%d in flight; want 0", n)
	}
	if next.Pool("p") != q || next.Pool("other") != nil || len(next.Status()) != 1 || len(next.Pools()) != 1 {
		t.Error("the set does not find its pool")
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
	if hc.ConnPoolStrategy != fasthttp.LIFO || hc.MaxIdleConnDuration != time.Minute ||
		hc.MaxConns != 1024 || hc.Addr != "a:1" || hc.Dial == nil {
		t.Errorf("HostClient options: %+v", hc)
	}
}

// silentBackend accepts connections and reads from them until they end. It
// ends with the test.
func silentBackend(t *testing.T, network string) string {
	t.Helper()
	return rig.Serve(t, network, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

func TestRetireClosesConnections(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := silentBackend(t, network)
			s, p := buildDialing(t, poolOf(address), nil)
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
			next, _ := buildDialing(t, poolOf("other:1"), s)
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
	s, p := buildDialing(t, poolOf(address), nil)
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
	_, p := buildDialing(t, cfg, nil)
	one, two := p.Members()[0].Client(0), p.Members()[0].Client(1)
	a, errA := one.AcquireConn(0, false)
	b, errB := one.AcquireConn(0, false)
	c, errC := two.AcquireConn(0, false)
	if errA != nil || errB != nil || errC != nil {
		t.Fatal(errA, errB, errC)
	}
	_, err := two.AcquireConn(0, false)
	if !errors.Is(err, fasthttp.ErrNoFreeConns) {
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
	if open, _ := p.Members()[0].clients.Counts(); open != 0 {
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
				if k, ok := m.Acquire(socket.Nanos()); ok {
					o := attempt.OK
					if i%3 == 0 {
						o = attempt.Reset
					}
					m.Release(k, o, 200, socket.Nanos(), 1)
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
		if n := m.InFlight(); n != 0 {
			t.Errorf("%s: %d in flight at the end", m.Address(), n)
		}
		m.standing.account.mu.Lock()
		if n := len(m.standing.account.mu.watchers); n != 1 {
			t.Errorf("%s: %d pools watch; want 1", m.Address(), n)
		}
		m.standing.account.mu.Unlock()
	}
	current.Retire(nil, 0)
	if !strings.Contains(log.String(), "backend retired") {
		t.Error("retired backends were not logged")
	}
}
