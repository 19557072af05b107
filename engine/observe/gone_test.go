package observe

import (
	"fmt"
	"testing"
)

// kinds are all that the registry counts by names of the configuration: use counts under one.
var kinds = map[string]struct {
	use  func(r *Registry, name string)
	kept func(r *Registry) int
}{
	"routes": {
		func(r *Registry, name string) { r.Route("l", name).Observe(0, 200, 1) },
		func(r *Registry) int { return len(r.names.routes) },
	},
	"retries": {
		func(r *Registry, name string) { r.Retries(name, "reset").Add(0) },
		func(r *Registry) int { return len(r.names.retries) },
	},
	"mirrors": {
		func(r *Registry, name string) { r.Mirror(name) },
		func(r *Registry) int { return len(r.names.mirrors) },
	},
	"listeners": {
		func(r *Registry, name string) { r.Listener(name) },
		func(r *Registry) int { return len(r.names.listeners) },
	},
	"routes of listeners": {
		func(r *Registry, name string) { r.Route(name, "").Observe(0, 404, 1) },
		func(r *Registry) int { return len(r.names.routes) },
	},
	"pools": {
		func(r *Registry, name string) { r.Pool(name) },
		func(r *Registry) int { return len(r.names.pools) },
	},
	"backends": {
		func(r *Registry, name string) { r.Backend("p", name) },
		func(r *Registry) int { return len(r.names.backends) },
	},
	"stages": {
		func(r *Registry, name string) { r.Middleware(name) },
		func(r *Registry) int { return len(r.names.middleware) },
	},
	"limits": {
		func(r *Registry, name string) { r.RateLimited(name) },
		func(r *Registry) int { return len(r.names.rateLimited) },
	},
	"count stages": {
		func(r *Registry, name string) { r.Series(name, []string{"a"}) },
		func(r *Registry) int { return len(r.names.series) },
	},
}

func TestCountersOfWhatIsGoneAreBounded(t *testing.T) {
	is := func(name string) bool { return name == "stays" || name == "l" }
	there := &Present{Listener: is, Route: is, Pool: is, Stage: is, Backend: func(inPool, address string) bool {
		return inPool == "p" && is(address)
	}}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(1)
			kind.use(r, "stays")
			for i := range goneMax {
				kind.use(r, fmt.Sprint("gone", i))
			}
			r.Keep(there)
			if got := kind.kept(r); got != goneMax+1 {
				t.Errorf("%d are kept within the bound; want %d", got, goneMax+1)
			}
			kind.use(r, "one too many")
			r.Keep(there)
			if got := kind.kept(r); got != 1 {
				t.Errorf("%d are kept above the bound; want the one that exists", got)
			}
		})
	}
}

func TestCountersOfWhatComesBackGoOn(t *testing.T) {
	r := NewRegistry(1)
	stays, gone := r.Backend("p", "stays:1"), r.Backend("p", "gone:1")
	is := func(_, address string) bool { return address == "stays:1" }
	nothing := func(string) bool { return false }
	r.Keep(&Present{Listener: nothing, Route: nothing, Pool: nothing, Stage: nothing, Backend: is})
	if r.Backend("p", "gone:1") != gone || r.Backend("p", "stays:1") != stays {
		t.Error("a backend lost its counters within the bound")
	}
}
