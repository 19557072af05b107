package observe

import (
	"fmt"
	"testing"
)

func TestCountersOfBackendsThatAreGoneAreBounded(t *testing.T) {
	r := NewRegistry(1)
	stays := r.Backend("p", "stays:1")
	has := func(inPool, backend string) bool { return inPool == "p" && backend == "stays:1" }
	for i := range backendsGoneMax {
		r.Backend("p", fmt.Sprintf("gone%d:1", i))
	}
	gone := r.Backend("p", "gone0:1")
	r.KeepBackends(1, has)
	if r.Backend("p", "gone0:1") != gone {
		t.Error("a backend that may come back lost its counters within the bound")
	}
	r.Backend("p", "one too many:1")
	r.KeepBackends(1, has)
	if r.Backend("p", "gone0:1") == gone {
		t.Error("counters of backends that are gone pile up")
	}
	if r.Backend("p", "stays:1") != stays {
		t.Error("a backend that is there lost its counters")
	}
}
