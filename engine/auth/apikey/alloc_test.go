//go:build !race

package apikey

import "testing"

func TestFindDoesNotAllocate(t *testing.T) {
	k, err := New([]Key{{"ann", sumOf("a1")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	value, wrong := []byte("Bearer a1"), []byte("a2")
	if n := testing.AllocsPerRun(1000, func() {
		k.Find(Bare(value))
		k.Find(wrong)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
