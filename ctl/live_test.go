package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/isame-lb/isame-lb/pool"
)

// scene is a process of a test's own, whose pools and counters it changes.
type scene struct {
	mu    sync.Mutex
	pools []pool.Status
	total uint64
	looks int // at everything
	feed  *feed.Feed
}

// newScene has one pool with n backends.
func newScene(n int) *scene {
	sc := &scene{feed: feed.New()}
	p := pool.Status{Name: "api", Algorithm: "round_robin", Members: n, Healthy: n}
	for i := range n {
		p.Backends = append(p.Backends, pool.BackendStatus{Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), Weight: 1, State: "enabled", Health: "healthy", Breaker: "closed", Up: true, Since: probeTime})
	}
	sc.pools = []pool.Status{p}
	return sc
}

func (sc *scene) sources() Sources {
	return Sources{
		Status: func() api.Status { return api.Status{Name: "isame-lb", Instance: "edge", Generation: 7} },
		Pools: func() []pool.Status {
			sc.mu.Lock()
			defer sc.mu.Unlock()
			sc.looks++
			out := append([]pool.Status(nil), sc.pools...)
			for i := range out {
				out[i].Backends = append([]pool.BackendStatus(nil), out[i].Backends...)
				for j := range out[i].Backends {
					b := &out[i].Backends[j]
					out[i].InFlight, out[i].Requests, out[i].Failures = out[i].InFlight+b.InFlight, out[i].Requests+b.Requests, out[i].Failures+b.Failures
				}
			}
			return out
		},
		Readings: func(list []pool.Reading) []pool.Reading {
			sc.mu.Lock()
			defer sc.mu.Unlock()
			for i := range sc.pools {
				for j := range sc.pools[i].Backends {
					b := &sc.pools[i].Backends[j]
					list = append(list, pool.Reading{Pool: sc.pools[i].Name, Address: b.Address, InFlight: b.InFlight, Requests: b.Requests, Failures: b.Failures})
				}
			}
			return list
		},
		RequestsTotal: func() uint64 {
			sc.mu.Lock()
			defer sc.mu.Unlock()
			return sc.total
		},
		Traffic: func() api.Traffic {
			return api.Traffic{Codes: make([]uint64, 6), Durations: []uint64{1}, BoundsSeconds: []float64{}}
		},
		Routes: func() []api.RouteStatus { return []api.RouteStatus{{Name: "all", Requests: 3, LastUsed: &probeTime}} },
		Events: sc.feed,
	}
}

// change changes the backends of the pool.
func (sc *scene) change(f func(list []pool.BackendStatus) []pool.BackendStatus) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	sc.pools[0].Backends = f(sc.pools[0].Backends)
}

func (sc *scene) looked() int {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	return sc.looks
}

// watcher applies what a stream says, as the dashboard does.
type watcher struct {
	*reading

	picture  map[string]any
	pictures int
}

func watch(t *testing.T, s *Server, query string) *watcher {
	t.Helper()
	return &watcher{reading: follow(t, s, "/api/v1/live"+query, "Accept: text/event-stream\r\n")}
}

// merge is RFC 7396.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = merge(t[name], value)
		}
	}
	return t
}

// until reads on to the first picture that holds, and returns the data that led to it.
func (w *watcher) until(holds func(text string) bool) (kind string, data map[string]any) {
	w.t.Helper()
	for {
		_, kind, data = w.event()
		switch kind {
		case "":
			w.t.Fatalf("the stream has ended; it says %v", w.picture)
		case api.EventPicture:
			w.picture, w.pictures = data, w.pictures+1
		case api.EventChange:
			w.picture, _ = merge(w.picture, data).(map[string]any)
		default:
			continue
		}
		if holds(jsonText(w.t, w.picture)) {
			return kind, data
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func has(parts ...string) func(string) bool {
	return func(text string) bool {
		for _, p := range parts {
			if !strings.Contains(text, p) {
				return false
			}
		}
		return true
	}
}

func TestLiveSaysWhatIsDifferent(t *testing.T) {
	sc := newScene(2)
	s := start(t, Options{Sources: sc.sources()})
	plain, w := watch(t, s, ""), watch(t, s, "?parts=backends,routes")
	if kind, _ := w.until(has(`"10.0.0.1:80"`, `"instance":"edge"`, `"last_used":`, `"durations":[1]`)); kind != api.EventPicture {
		t.Errorf("it begins with %s; want a picture", kind)
	}
	if text := jsonText(t, w.picture); strings.Contains(text, "probes") || strings.Contains(text, "uptime_seconds") {
		t.Errorf("got %s; want nothing that is counted elsewhere", text)
	}
	plain.until(has(`"api":{`))
	if text := jsonText(t, plain.picture); strings.Contains(text, "10.0.0.1:80") || strings.Contains(text, `"routes"`) {
		t.Errorf("got %s; want no part that was not asked for", text)
	}

	sc.change(func(list []pool.BackendStatus) []pool.BackendStatus {
		list[1].Requests, list[1].InFlight = 5, 1
		return list
	})
	kind, data := w.until(has(`"requests":5`))
	delete(data, "at_ms")
	want := `{"backends":{"api":{"10.0.0.1:80":{"in_flight":1,"requests":5}}},"pools":{"api":{"in_flight":1,"requests":5}}}`
	if got := jsonText(t, data); kind != api.EventChange || got != want {
		t.Errorf("got %s %s; want %s", kind, got, want)
	}
	_, data = plain.until(has(`"requests":5`))
	delete(data, "at_ms")
	if got := jsonText(t, data); got != `{"pools":{"api":{"in_flight":1,"requests":5}}}` {
		t.Errorf("without backends: got %s", got)
	}
}

func TestLiveFollowsBackendsThatComeAndGo(t *testing.T) {
	sc := newScene(3)
	s := start(t, Options{Sources: sc.sources()})
	w := watch(t, s, "?parts=backends")
	w.until(has(`"10.0.0.2:80"`))
	sc.change(func(list []pool.BackendStatus) []pool.BackendStatus {
		more := pool.BackendStatus{Address: "10.0.9.9:80", State: "drain", Reason: "<new> \"quoted\" é"}
		return []pool.BackendStatus{more, list[0], list[2]}
	})
	w.until(func(text string) bool { return has(`"10.0.9.9:80"`)(text) && !has(`"10.0.0.1:80"`)(text) })
	for _, want := range []string{`"10.0.0.0:80"`, `"10.0.0.2:80"`, `\"quoted\" é`} {
		if text := jsonText(t, w.picture); !strings.Contains(text, want) {
			t.Errorf("got %s; want %s in it", text, want)
		}
	}
	if w.pictures != 1 {
		t.Errorf("got %d pictures; want what has become different alone", w.pictures)
	}
}

// TestLiveLooksAtOnceForAnEvent: what seldom changes is seen with the event, not a second later.
func TestLiveLooksAtOnceForAnEvent(t *testing.T) {
	sc := newScene(1)
	s := start(t, Options{Sources: sc.sources()})
	w := watch(t, s, "?parts=backends")
	w.until(has(`"up":true`))
	before := sc.looked()
	sc.change(func(list []pool.BackendStatus) []pool.BackendStatus {
		list[0].Up, list[0].Reason = false, "status 500"
		return list
	})
	began := time.Now()
	sc.feed.Publish(api.BackendEvent{At: probeTime, Pool: "api", Backend: "10.0.0.0:80", Change: "down"})
	told := false
	for !told {
		_, kind, _ := w.event()
		told = kind == api.EventBackend
	}
	w.until(has(`"up":false`, `"reason":"status 500"`))
	if took := time.Since(began); took > 500*time.Millisecond && sc.looked()-before > 1 {
		t.Errorf("it took %v and %d looks; want the first one to see it", took, sc.looked()-before)
	}
}

// TestLiveLooksOnceForAll: readers share one look, and none of them is one too many.
func TestLiveLooksOnceForAll(t *testing.T) {
	sc := newScene(2)
	s := start(t, Options{Sources: sc.sources()})
	var all []*watcher
	for range 20 {
		w := watch(t, s, "?parts=backends")
		w.until(has(`"10.0.0.1:80"`))
		all = append(all, w)
	}
	before, began := sc.looked(), time.Now()
	for i := range 3 {
		sc.change(func(list []pool.BackendStatus) []pool.BackendStatus { list[0].Requests = uint64(i + 1); return list })
		for _, w := range all {
			w.until(has(fmt.Sprintf(`"requests":%d,`, i+1)))
		}
	}
	if n, most := sc.looked()-before, 5+2*int(time.Since(began)/time.Second); n > most {
		t.Errorf("20 readers have led to %d looks; want as many as one would, %d at most", n, most)
	}
	for _, w := range all {
		_ = w.conn.Close()
	}
	until(t, "the end of the streams", func() bool { n := 0; s.streams.each(func(*stream) { n++ }); return n == 0 })
}

// TestLiveBearsReadersThatDoNotRead: they hold little, and others go on getting what is new.
func TestLiveBearsReadersThatDoNotRead(t *testing.T) {
	sc := newScene(1000)
	s := start(t, Options{Sources: sc.sources()})
	for range 100 {
		r := follow(t, s, "/api/v1/live?parts=backends", "Accept: text/event-stream\r\n")
		if r.status != 200 {
			t.Fatalf("got %d; want room for a hundred", r.status)
		}
	}
	w := watch(t, s, "?parts=backends")
	w.until(has(`"10.0.3.249:80"`))
	heap := memoryInUse()
	for i := range 40 { // more than the frames that are kept have room for
		sc.change(func(list []pool.BackendStatus) []pool.BackendStatus {
			for j := range list {
				list[j].Requests++
			}
			return list
		})
		w.until(has(fmt.Sprintf(`"requests":%d}`, (i+1)*1000)))
	}
	if grown := int64(memoryInUse()) - int64(heap); grown > 16<<20 {
		t.Errorf("a hundred who do not read hold %d MiB more; want next to nothing", grown>>20)
	}
}

// memoryInUse is what is reachable.
func memoryInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestShutdownIsBounded: a look that does not end holds it up for as long as it may take, and no longer.
func TestShutdownIsBounded(t *testing.T) {
	sources := newScene(1).sources()
	pools, looks, goOn := sources.Pools, make(chan struct{}, 1), make(chan struct{})
	sources.Pools = func() []pool.Status {
		select {
		case looks <- struct{}{}:
		default:
		}
		<-goOn
		return pools()
	}
	s := New(Options{Address: "127.0.0.1:0", Sources: sources})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	follow(t, s, "/api/v1/live", "")
	<-looks
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want that the time is over", err)
	}
	close(goOn)
}

func TestLiveRefusals(t *testing.T) {
	sc := newScene(1)
	s := start(t, Options{Sources: sc.sources()})
	for _, c := range []struct {
		name, query string
		want        int
	}{
		{"unknown part", "?parts=backends,x", 400},
		{"empty part", "?parts=", 400},
		{"unknown parameter", "?part=backends", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := raw(t, s, request("GET", "/api/v1/live"+c.query, "", "")); got.status != c.want {
				t.Errorf("got %d %s; want %d", got.status, got.body, c.want)
			}
		})
	}
	for range liveReadersMax {
		follow(t, s, "/api/v1/live", "")
	}
	if got := raw(t, s, request("GET", "/api/v1/live", "", "")); got.status != 409 || !strings.Contains(got.body, `"busy"`) {
		t.Errorf("one more than may: got %d %s", got.status, got.body)
	}
}
