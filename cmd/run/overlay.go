package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/pool"
)

// openOverlay restores what operators have changed of backends in a process before.
func (p *proxy) openOverlay(dir string) {
	p.overlay = overlay.Open(overlay.Options{
		Overlay: p.engine.Overlay(), Pools: p.engine.PoolSet,
		Add: p.engine.AddBackend, Remove: p.engine.RemoveBackend, Settle: p.engine.Settle,
		Dir: dir, Logger: p.log,
		Tell: func(change string, v pool.Override, author string) {
			p.overlaid(api.OverlayEvent{
				Pool: v.Pool, Backend: v.Address, Change: change, Author: author, State: string(v.State), Until: v.Until, Weight: v.Weight,
			})
		},
	})
}

// overlayState is what status says of n changed backends.
func (p *proxy) overlayState(n int) *api.OverlaySummary {
	s := &api.OverlaySummary{Backends: n, Persisted: p.loaded.Load().Config.State.Dir != ""}
	if err := p.overlay.Trouble(); err != nil {
		s.Persisted, s.Failure = false, err.Error()
	}
	return s
}

// patchBackend changes a backend by a patch that was checked.
func (p *proxy) patchBackend(poolName, address string, patch api.BackendPatch, author string) error {
	w := pool.Wish{Weight: patch.Weight, Author: author}
	if patch.State != nil {
		w.State = pool.State(*patch.State)
	}
	if d, err := patch.Duration(); err != nil {
		return err
	} else if d > 0 {
		w.Until = time.Now().Add(d)
	}
	return poolError(p.overlay.Ask(poolName, address, w))
}

// addBackend checks a backend as if it stood in a file, and adds it.
func (p *proxy) addBackend(poolName string, b api.NewBackend, author string) error {
	body, err := json.Marshal(map[string]any{
		"listeners": map[string]any{"web": map[string]any{"address": "127.0.0.1:0"}},
		"pools":     map[string]any{"pool": map[string]any{"backends": []api.NewBackend{b}}},
	})
	if err != nil {
		return fmt.Errorf("cannot add backend: %w", err)
	}
	loaded, err := config.Load(config.Options{File: "request", Data: body, Format: ctl.FormatJSON})
	if err != nil {
		return asSent(err)
	}
	return poolError(p.overlay.Add(poolName, loaded.Config.Pools["pool"].Backends[0], author))
}

// asSent names the keys of a backend as whoever sent it has written them.
func asSent(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return err
	}
	sent := make(config.Problems, len(problems))
	for i, p := range problems {
		sent[i] = config.Problem{Path: strings.TrimPrefix(p.Path, "pools.pool.backends[0]."), Message: p.Message}
	}
	return sent
}

func (p *proxy) removeBackend(poolName, address, author string) error {
	return poolError(p.overlay.Remove(poolName, address, author))
}

// poolError puts the errors of package pool into the admin endpoint's terms.
func poolError(err error) error {
	switch {
	case errors.Is(err, pool.ErrNoPool), errors.Is(err, pool.ErrNoBackend):
		return fmt.Errorf("%w: %w", err, ctl.ErrNotFound)
	case errors.Is(err, pool.ErrBackendThere):
		return fmt.Errorf("%w: %w", err, ctl.ErrInUse)
	case errors.Is(err, engine.ErrStopping):
		return api.NewProblem(http.StatusConflict, err.Error()).WithCode(api.CodeDraining)
	}
	return err
}
