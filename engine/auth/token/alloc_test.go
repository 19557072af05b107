//go:build !race

package token

import "testing"

func TestAKnownTokenDoesNotAllocate(t *testing.T) {
	v := verifierOf(t, usualPolicy, setOf(members("p256")))
	token, other := usual("ES256", "p256"), []byte("x.y.z")
	if why := v.why(string(token)); why != None {
		t.Fatal(why)
	}
	if n := testing.AllocsPerRun(1000, func() {
		known := v.Cached(token, nowNanos)
		if value := known.Claim("realm_access.roles"); string(value) != "user,admin" {
			t.Errorf("got %q", value)
		}
		if v.Cached(other, nowNanos) != nil {
			t.Error("another one is known")
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
