package replay

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/sample"
)

func headOf(path string) *sample.Head {
	h := &sample.Head{Version: sample.HTTP2}
	h.Begin([]byte("GET"), []byte(path), []byte("a=b"), []byte("h.test"), 1)
	h.End()
	return h
}

// The most frequent pairs come first, with the first request that had each; what is beyond
// the bound is counted.
func TestComparisonShowsTheMostFrequentPairs(t *testing.T) {
	c := New(&config.Config{}, &config.Config{})
	for i := range explain.ExamplesMax + 5 {
		for n := range i + 1 {
			was, is := Fate{Route: fmt.Sprintf("r%d", i), Answer: Forwarded}, Fate{Answer: Forwarded}
			c.Add(&was, &is, headOf(fmt.Sprintf("/%d/%d", i, n)), "web")
		}
	}
	c.Add(&Fate{Answer: "308", Location: "a"}, &Fate{Answer: "308", Location: "b"}, headOf("/"), "web")
	same := Fate{Route: "x", Answer: Forwarded}
	c.Add(&same, &same, headOf("/"), "web")
	var r explain.Replay
	c.Into(&r)
	const pairs = explain.ExamplesMax + 5
	if r.Requests != pairs*(pairs+1)/2+2 || r.Changed != r.Requests-1 || r.Routes.Requests != r.Requests-2 || r.Routes.Kinds != pairs {
		t.Errorf("got %+v", r)
	}
	want := explain.Difference{
		Before: "r14", After: "none", Requests: pairs, Method: "GET", Host: "h.test", Path: "/14/0", Listener: "web", Protocol: "h2",
	}
	if len(r.Routes.Examples) != explain.ExamplesMax || r.Routes.Examples[0] != want {
		t.Errorf("got %+v; want %+v first", r.Routes.Examples, want)
	}
	if a := r.Answers; a.Requests != 1 || a.Examples[0].Before != "308 to another location" || a.Examples[0].After != "308" {
		t.Errorf("got %+v; want the location", a)
	}
}

func TestMoved(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after []string
		share         float64
	}{
		{"one of two", []string{"a", "b"}, []string{"a", "c"}, 0.5},
		{"nobody serves", nil, []string{"a"}, -1},
		{"nobody would", []string{"a"}, nil, 1},
	} {
		if got, says := Moved(c.before, c.after); got != c.share || says == "" {
			t.Errorf("%s: got %v, %q; want %v", c.name, got, says, c.share)
		}
	}
	seen := map[uint64]bool{}
	for _, k := range Keys() {
		seen[k] = true
	}
	if len(seen) != keysMax {
		t.Errorf("got %d keys; want %d", len(seen), keysMax)
	}
}
