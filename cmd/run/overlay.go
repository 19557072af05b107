package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/pool"
)

// overlayKey is what the overlay is handed over by, which state.dir may not have.
const overlayKey = "overlay"

// overlayBytesMax bounds what is taken of it.
const overlayBytesMax = 64 << 20

// openOverlay restores what operators have changed of backends in a process before.
func (p *proxy) openOverlay(dir string) {
	var handed []byte
	for _, part := range p.legacy.TakeParts(overlayKey) {
		f := os.NewFile(uintptr(part.FD), overlayKey)
		text, err := io.ReadAll(io.NewSectionReader(f, 0, overlayBytesMax))
		if err = errors.Join(err, f.Close()); err != nil {
			p.log.Error().Err(err).Msg("cannot read what the process before has handed over of backends")
			continue
		}
		handed = text
	}
	p.overlay = overlay.Open(overlay.Options{
		Overlay: p.engine.Overlay(), Pools: p.engine.PoolSet,
		Add: p.engine.AddBackend, Remove: p.engine.RemoveBackend, Settle: p.engine.Settle,
		Dir: dir, Handed: handed, Logger: p.log,
		Tell: func(change string, v pool.Override, author string) {
			p.overlaid(api.OverlayEvent{
				Pool: v.Pool, Backend: v.Address, Change: change, Author: author, State: string(v.State), Until: v.Until, Weight: v.Weight,
			})
		},
	})
}

// handOverlay holds changes of backends off until it is clear which process serves, and
// returns a file with those that there are. It has no name and is gone with its last reader.
func (p *proxy) handOverlay() (fd int, err error) {
	text := p.overlay.Handover()
	fd, err = unix.MemfdCreate(overlayKey, unix.MFD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("cannot make a file in memory: %w", err)
	}
	for len(text) > 0 && err == nil {
		var n int
		n, err = unix.Write(fd, text)
		text = text[max(n, 0):]
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("cannot write a file in memory: %w", err), unix.Close(fd))
	}
	return fd, nil
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
