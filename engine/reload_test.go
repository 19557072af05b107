package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// TestReadsDoNotWaitForAReload: what a scrape and the admin endpoint read is at hand
// while a reload is under way, however long it takes.
func TestReadsDoNotWaitForAReload(t *testing.T) {
	r := start(t, plain, backend(t, echo))
	r.dial().get("/")
	e := r.engine
	e.apply.Lock() // a reload that does not end
	done := make(chan string, 1)
	go func() {
		var text bytes.Buffer
		e.registry.WriteMetrics(&text, "")
		ready, _ := e.Ready()
		done <- fmt.Sprint(len(e.Listeners()), len(e.Pools()), e.Generation(), ready, strings.Contains(text.String(), "isame_connections{"))
	}()
	select {
	case got := <-done:
		if want := "1 1 1 true true"; got != want {
			t.Errorf("read %q; want %q", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Error("a read waits for the reload")
	}
	e.apply.Unlock()
}

// TestADrainDuringAReloadHolds: the operator drains a backend while a reload is being
// built, over and over, and no generation forgets it.
func TestADrainDuringAReloadHolds(t *testing.T) {
	addresses := numbered(t, 2)
	text := strings.Replace(plain, `[{address: "{{backend}}"}]`, `[{address: "`+addresses[0]+`"}, {address: "`+addresses[1]+`"}]`, 1)
	r := start(t, text, "")
	states := []pool.State{pool.Drain, pool.Enabled}
	for round := range 60 {
		applied := make(chan struct{})
		go func() {
			defer close(applied)
			r.apply(text, "")
		}()
		want := states[round%2]
		if err := r.engine.PoolSet().Pool("p").Ask(addresses[0], pool.Wish{State: want}); err != nil {
			t.Fatal(err)
		}
		<-applied
		if got := r.engine.Pools()[0].Backends[0].State; got != string(want) {
			t.Fatalf("round %d: state %q after the reload; want %q", round, got, want)
		}
	}
}

// TestRoutesThatAreGoneAreForgotten: a thousand reloads with names of their own leave
// nothing behind, refused ones neither.
func TestRoutesThatAreGoneAreForgotten(t *testing.T) {
	named := func(name string) string { return strings.Replace(plain, "routes: {all:", "routes: {"+name+":", 1) }
	r := start(t, plain, "127.0.0.1:1")
	for i := range 20 {
		r.apply(named(fmt.Sprintf("r%d", i)), "127.0.0.1:1")
		broken := parse(t, named(fmt.Sprintf("refused%d", i)), "127.0.0.1:1")
		p := broken.Pools["p"]
		p.Algorithm = "none"
		broken.Pools["p"] = p
		if err := r.engine.Apply(broken); err == nil {
			t.Fatal("an unknown algorithm was taken")
		}
	}
	e := r.engine
	e.apply.Lock()
	defer e.apply.Unlock()
	if len(e.apply.learnt) != 1 {
		t.Errorf("kept the facts of %d routes; want those of one", len(e.apply.learnt))
	}
}
