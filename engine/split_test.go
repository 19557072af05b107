package engine

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool"
)

// splitText shares requests between p, q and z, which takes none.
func splitText(a []string, sticky string) string {
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {split: {p: 50, q: 50, z: 0}}}
pools:
  p: {` + sticky + `backends: [{address: "` + a[0] + `"}]}
  q: {` + sticky + `backends: [{address: "` + a[1] + `"}]}
  z: {backends: [{address: "` + a[2] + `"}]}
shutdown: {drain: 5s}
`
}

// TestASplitFallsToAPoolThatHasSomebody: a request whose pool has nobody to pick goes to
// another one of the split, but to none that takes nothing.
func TestASplitFallsToAPoolThatHasSomebody(t *testing.T) {
	a := numbered(t, 3)
	r := start(t, splitText(a, ""), "")
	set := func(name, address string, s pool.State) {
		t.Helper()
		if err := r.engine.PoolSet().Pool(name).Ask(address, pool.Wish{State: s}); err != nil {
			t.Fatal(err)
		}
	}
	c := r.dial()
	set("p", a[0], pool.Drain)
	for range 20 {
		if got := c.get("/"); got.StatusCode != http.StatusOK || got.body != "1" {
			t.Fatalf("got %d %q; want 200 of the pool that is well", got.StatusCode, got.body)
		}
	}
	var text bytes.Buffer
	r.engine.registry.WriteMetrics(&text, "")
	if !strings.Contains(text.String(), `isame_split_fallbacks_total{route="all",pool="p"} `) {
		t.Error("no metric says that p had nobody")
	}
	set("q", a[1], pool.Disabled)
	if got := c.get("/"); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("X-Isame-Error") != "no_backend_enabled" {
		t.Errorf("got %d %s with nobody in both; want 503, and not the pool of weight 0", got.StatusCode, got.Header.Get("X-Isame-Error"))
	}
	set("p", a[0], pool.Enabled)
	if got := c.get("/"); got.body != "0" {
		t.Errorf("got %q; want the pool that is well again", got.body)
	}
	set("q", a[1], pool.Enabled)
	seen := map[string]int{}
	for range 200 {
		seen[c.get("/").body]++
	}
	if seen["0"] < 60 || seen["1"] < 60 || len(seen) != 2 {
		t.Errorf("with both well got %v; want about half each", seen)
	}
}

// TestStickyBesideASplit: a client stays in its pool, moves when that has nobody, and
// stays where it has come to: the cookie that was given last counts.
func TestStickyBesideASplit(t *testing.T) {
	a := numbered(t, 3)
	r := start(t, splitText(a, "sticky: {}, "), "")
	c := r.dial()
	visit := func(cookie string) (string, *http.Cookie) {
		c.send("GET / HTTP/1.1\r\nHost: t\r\nCookie: " + cookie + "\r\n\r\n")
		got := c.receive("GET")
		if all := got.Cookies(); len(all) > 0 {
			return got.body, all[0]
		}
		return got.body, nil
	}
	var p string
	for p == "" {
		if b, k := visit("x=1"); b == "0" {
			p = k.Name + "=" + k.Value
		}
	}
	for range 10 {
		if b, k := visit(p); b != "0" || k != nil {
			t.Fatalf("got %s and %v; want to stay", b, k)
		}
	}
	if err := r.engine.PoolSet().Pool("p").Ask(a[0], pool.Wish{State: pool.Disabled}); err != nil {
		t.Fatal(err)
	}
	b, k := visit(p)
	if b != "1" || k == nil || k.Name != "isame_q" {
		t.Fatalf("got %s and %v; want the other pool and its cookie", b, k)
	}
	if err := r.engine.PoolSet().Pool("p").Ask(a[0], pool.Wish{State: pool.Enabled}); err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(p, '.')
	for _, old := range []string{p[:dot+1] + "1000; ", p[:dot+1] + "29000000; "} { // given long before
		for range 5 {
			if b, _ := visit(old + "isame_q=" + k.Value); b != "1" {
				t.Errorf("got %s; want the pool whose cookie is the younger one", b)
			}
		}
	}
}
