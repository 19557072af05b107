package ctl

import (
	"slices"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

func TestPointers(t *testing.T) {
	for _, c := range []struct {
		path, want string
		base       []string
	}{
		{"pools.p.backends[0].address", "/pools/p/backends/0/address", nil},
		{"pools.p.backends[0].address", "/backends/0/address", []string{"pools", "p"}},
		{`routes."a.b".path`, "/routes/a.b/path", nil},
		{`routes."a/b~c"`, "/routes/a~1b~0c", nil},
		{`pools.p.backends["[::1]:80"].weight`, "/pools/p/backends/[::1]:80/weight", nil},
		{"pools.p", "", []string{"pools", "p"}},
		{"", "", nil},
	} {
		keys, ok := keysOf(c.path)
		if !ok {
			t.Errorf("%s: cannot be taken apart", c.path)
			continue
		}
		if got, ok := pointerTo(keys, c.base); !ok || got != c.want {
			t.Errorf("%s below %v: got %q, %v; want %q", c.path, c.base, got, ok, c.want)
		}
	}
	if got, ok := pointerTo([]string{"routes", "x"}, []string{"pools", "p"}); ok {
		t.Errorf("outside of the body: got %q; want none", got)
	}
	for _, bad := range []string{`a."b`, "a[0", `a["x]`, `a["x"`} {
		if keys, ok := keysOf(bad); ok {
			t.Errorf("%s: got %q; want a refusal", bad, keys)
		}
	}
}

// FuzzKeysOf takes paths apart that were joined of any keys.
func FuzzKeysOf(f *testing.F) {
	f.Add("pools", "a.b", "x")
	f.Add("\"", "[0]", "\xff")
	f.Fuzz(func(t *testing.T, a, b, path string) {
		keysOf(path) // whatever it is
		joined := config.JoinPath(config.JoinPath("", a), b)
		keys, ok := keysOf(joined)
		if !ok || !slices.Equal(keys, []string{a, b}) {
			t.Errorf("%s: got %q, %v; want %q and %q", joined, keys, ok, a, b)
		}
	})
}
