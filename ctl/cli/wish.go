package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// wish is what an operator asks of a backend.
type wish struct {
	patch      api.BackendPatch
	pool       string // the only one that is meant; empty is the one that has the backend
	everywhere bool   // in all pools
	wait       time.Duration
	lasts      time.Duration // 0 is until something else is asked
}

// errBug stands for an answer that nobody has given.
var errBug = errors.New("a bug was met")

// place is one backend in one pool.
type place struct{ pool, address string }

// wish makes it come true, and shows the backends as they are then.
func (a *app) wish(ctx context.Context, cl *client.Client, w *wish, address string) error {
	if !w.everywhere && w.wait == 0 {
		return a.patch(ctx, cl, w.pool, address, w.patch)
	}
	places, err := w.places(ctx, cl, address)
	if err != nil {
		return err
	}
	found := make([]pool.BackendStatus, len(places))
	errs := make([]error, len(places))
	var asking sync.WaitGroup
	for i, at := range places {
		errs[i] = errBug
		safely.GoIn(&asking, "ask", func() { found[i], errs[i] = w.ask(ctx, cl, at) })
	}
	asking.Wait()
	out := []poolBackend{}
	var list []pool.Status
	var failed error
	for i, at := range places {
		if errs[i] != nil {
			failed = errs[i]
			continue
		}
		out = append(out, poolBackend{at.pool, found[i]})
		list = append(list, pool.Status{Name: at.pool, Backends: []pool.BackendStatus{found[i]}})
	}
	if len(out) > 0 || failed == nil {
		if err := a.print(out, func(s *screen) { showBackends(s, list, true) }); err != nil {
			return err
		}
	}
	return failed
}

func (w *wish) ask(ctx context.Context, cl *client.Client, at place) (pool.BackendStatus, error) {
	if w.wait == 0 {
		return cl.PatchBackend(ctx, at.pool, at.address, w.patch)
	}
	return cl.DrainBackend(ctx, at.pool, at.address, w.patch, w.wait)
}

// places are the backends that are meant.
func (w *wish) places(ctx context.Context, cl *client.Client, address string) ([]place, error) {
	if !w.everywhere {
		name, err := poolOf(ctx, cl, w.pool, address)
		return []place{{name, address}}, err
	}
	list, err := cl.Pools(ctx)
	if err != nil {
		return nil, err
	}
	var places []place
	for i := range list {
		for _, b := range list[i].Backends {
			if sameHost(b.Address, address) {
				places = append(places, place{list[i].Name, b.Address})
			}
		}
	}
	if len(places) == 0 {
		return nil, api.NewProblem(http.StatusNotFound,
			fmt.Sprintf("no pool has a backend on host %q: isame-ctl backends list shows those there are", hostOf(address)))
	}
	return places, nil
}

// sameHost reports that two backends are on the same machine, as far as their addresses say.
func sameHost(a, b string) bool { return a == b || !isUnix(a) && !isUnix(b) && hostOf(a) == hostOf(b) }

func isUnix(address string) bool { return strings.HasPrefix(address, "unix:") }

// hostOf is the host of an address, which may have no port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return strings.ToLower(strings.Trim(address, "[]"))
}
