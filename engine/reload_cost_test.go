package engine

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe"
)

// manyRoutes is a configuration of many routes, each with a host of its own, and of pools
// of five backends. Timeout is that of one route, slow that of one pool.
func manyRoutes(routes, pools int, timeout, slow string) string {
	var b strings.Builder
	b.WriteString("listeners: {web: {address: \"127.0.0.1:0\"}}\nshutdown: {drain: 5s}\nroutes:\n")
	for i := range routes {
		t := "9s"
		if i == 7 {
			t = timeout
		}
		fmt.Fprintf(&b, "  r%d: {hosts: [h%d.example.org], path_prefix: /api, pool: p%d, timeout: %s}\n", i, i, i%pools, t)
	}
	b.WriteString("pools:\n")
	for i := range pools {
		t := "0s"
		if i == 3 {
			t = slow
		}
		fmt.Fprintf(&b, "  p%d:\n    slow_start: %s\n    backends:\n", i, t)
		for j := range 5 {
			fmt.Fprintf(&b, "      - {address: \"127.%d.%d.%d:9\"}\n", 1+i/250, i%250, j+1)
		}
	}
	return b.String()
}

// quiet is an engine that has nobody to tell anything.
func quiet(tb testing.TB) *Engine {
	tb.Helper()
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(2), Shards: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		e.Shutdown(ctx)
	})
	return e
}

// BenchmarkApply is what a reload costs behind the reading of its configuration: everything
// the first time, later what has changed.
func BenchmarkApply(b *testing.B) {
	const routes, pools = 10000, 1000
	base := manyRoutes(routes, pools, "9s", "0s")
	for _, bc := range []struct{ changed, other string }{
		{"none", base}, {"route", manyRoutes(routes, pools, "8s", "0s")}, {"pool", manyRoutes(routes, pools, "9s", "1s")},
	} {
		b.Run(fmt.Sprintf("changed=%s/routes=%d", bc.changed, routes), func(b *testing.B) {
			e := quiet(b)
			configs := []*config.Config{parse(b, base, ""), parse(b, bc.other, "")}
			if err := e.Apply(configs[0]); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				if err := e.Apply(configs[i%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run(fmt.Sprintf("changed=all/routes=%d", routes), func(b *testing.B) {
		cfg := parse(b, base, "")
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			e := quiet(b)
			b.StartTimer()
			if err := e.Apply(cfg); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReload is a reload as a whole, of which one route in 10,000 has changed: the
// configuration is read, checked and applied.
func BenchmarkReload(b *testing.B) {
	const routes, pools = 10000, 1000
	texts := []string{manyRoutes(routes, pools, "9s", "0s"), manyRoutes(routes, pools, "8s", "0s")}
	b.Run(fmt.Sprintf("changed=route/routes=%d", routes), func(b *testing.B) {
		e := quiet(b)
		if err := e.Apply(parse(b, texts[0], "")); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for i := 1; b.Loop(); i++ {
			if err := e.Apply(parse(b, texts[i%2], "")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestReloadsLeaveNothingBehind: after hundreds of reloads, each of which replaces the
// connection that is in use to a backend, there are as many goroutines, and there is as
// much memory, as before them.
func TestReloadsLeaveNothingBehind(t *testing.T) {
	address := backend(t, echo)
	text := func(i int) string {
		text := manyRoutes(100, 20, fmt.Sprintf("%ds", 1+i%7), fmt.Sprintf("%ds", i%5))
		text = strings.Replace(text, "routes:\n", "routes:\n  live: {hosts: [live.test], pool: live}\n", 1)
		return text + fmt.Sprintf("  live: {connections: {max: %d}, backends: [{address: %q}]}\n", 100+i%2, address)
	}
	r := start(t, text(0), "")
	c := r.dial()
	reload := func(i int) {
		r.apply(text(i), "")
		renew(c.Conn)
		c.send("GET / HTTP/1.1\r\nHost: live.test\r\n\r\n")
		if a := c.receive("GET"); a.StatusCode != 200 {
			t.Fatalf("reload %d: got %d", i, a.StatusCode)
		}
	}
	held := func() (goroutines int, heap uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	for i := range 20 {
		reload(i)
	}
	goroutinesBefore, heapBefore := held()
	for i := range 300 {
		reload(i)
	}
	goroutines, heap := 0, uint64(0)
	eventually(t, func() string {
		return fmt.Sprintf("%d goroutines and %d bytes; there are %d and %d", goroutinesBefore, heapBefore, goroutines, heap)
	}, func() bool {
		goroutines, heap = held()
		return goroutines <= goroutinesBefore+5 && heap <= heapBefore+heapBefore/5
	})
}

// TestReloadsBoundCounters: a configuration whose names are others each time, as programs write
// them, does not pile up counters.
func TestReloadsBoundCounters(t *testing.T) {
	r := start(t, plain, "127.0.0.1:1")
	for i := range 1_100 {
		stage := fmt.Sprintf("stage%d", i)
		r.apply(strings.Replace(plain, "all: {pool: p", "all: {middleware: ["+stage+"], pool: p", 1)+
			"middleware: {"+stage+": {type: headers, response: {set: {A: b}}}}\n", "127.0.0.1:1")
	}
	var page strings.Builder
	r.engine.registry.WriteMetrics(&page, "")
	if n := strings.Count(page.String(), `outcome="passed"`); n == 0 || n > 1001 {
		t.Errorf("%d stages are shown; want the last and at most 1,000 that are gone", n)
	}
}
