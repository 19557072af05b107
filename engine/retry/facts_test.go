package retry

import "testing"

func TestFactsBelongToTheName(t *testing.T) {
	b := Book{}
	a, other := b.Of("a"), b.Of("b")
	if a == other || b.Of("a") != a {
		t.Error("two names have the same facts, or one has two")
	}
	b.Keep(func(route string) bool { return route == "b" })
	if b.Of("b") != other || b.Of("a") == a || len(b) != 2 {
		t.Error("want what b had, and a begun anew")
	}
}
