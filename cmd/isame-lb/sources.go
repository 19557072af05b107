package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

// sources is what the admin endpoint shows and does.
func (p *proxy) sources() ctl.Sources {
	return ctl.Sources{
		Status:        p.status,
		Pools:         p.engine.Pools,
		Routes:        p.routes,
		Listeners:     p.listeners,
		Ready:         p.engine.Ready,
		RequestsTotal: p.registry.Requests,
		WriteMetrics:  p.registry.WriteMetrics,
		Config:        p.config,
		CheckConfig:   p.checkConfig,
		Reload:        p.requestReload,
		PatchBackend:  p.patchBackend,
	}
}

func (p *proxy) status() api.Status {
	s := api.Status{
		Name: "isame-lb", Version: p.build.Version, Commit: p.build.Commit, GoVersion: p.build.GoVersion,
		PID: os.Getpid(), State: api.StateRunning, Started: p.started, UptimeSeconds: time.Since(p.started).Seconds(),
		Generation: p.engine.Generation(), ConfigFile: p.file, LastReload: p.lastReload.Load(),
		Shards: p.engine.Shards(), RequestsTotal: p.registry.Requests(),
	}
	if _, reason := p.engine.Ready(); reason == api.StateDraining {
		s.State = api.StateDraining
	}
	for _, l := range p.engine.Listeners() {
		s.Connections += int64(l.Active + l.Idle)
	}
	return s
}

func (p *proxy) routes() []api.RouteStatus {
	cfg := p.engine.Config()
	if cfg == nil {
		return nil
	}
	counts := p.registry.RequestsByRoute()
	all := ctl.DescribeRoutes(cfg)
	for i := range all {
		all[i].Requests = counts[all[i].Name]
	}
	return all
}

func (p *proxy) listeners() []api.ListenerStatus {
	cfg := p.engine.Config()
	if cfg == nil {
		return nil
	}
	counts := p.registry.RequestsByListener()
	all := ctl.DescribeListeners(cfg)
	for i, l := range p.engine.Listeners() {
		s := &all[i]
		stats := p.registry.Listener(l.Name)
		s.Address, s.ConnectionsActive, s.ConnectionsIdle = l.Bound, int64(l.Active), int64(l.Idle)
		s.Requests, s.BytesIn, s.BytesOut = counts[l.Name], stats.BytesIn.Sum(), stats.BytesOut.Sum()
	}
	return all
}

// config is the running configuration with secrets masked.
func (p *proxy) config(format string) (ctl.ConfigDocument, error) {
	loaded := p.loaded.Load()
	if loaded == nil {
		return ctl.ConfigDocument{}, fmt.Errorf("cannot show the configuration: %w: none is running yet", ctl.ErrConflict)
	}
	var b bytes.Buffer
	if err := config.Write(&b, loaded, format); err != nil {
		return ctl.ConfigDocument{}, err
	}
	sum := sha256.Sum256(b.Bytes())
	return ctl.ConfigDocument{Body: b.Bytes(), ETag: hex.EncodeToString(sum[:8])}, nil
}

// checkConfig checks a configuration somebody sent, in the environment of this
// process.
func (p *proxy) checkConfig(body []byte, format string) error {
	_, err := config.Load(config.Options{
		File: "request", Data: body, Format: format, Environ: os.Environ(), Set: p.flags.set,
	})
	return err
}

func (p *proxy) patchBackend(poolName, address string, patch api.BackendPatch) error {
	set := p.engine.PoolSet()
	if set == nil || set.Pool(poolName) == nil {
		return fmt.Errorf("cannot find pool %q: %w", poolName, ctl.ErrNotFound)
	}
	target := set.Pool(poolName)
	if target.Member(address) == nil {
		return fmt.Errorf("cannot find backend %q in pool %q: %w", address, poolName, ctl.ErrNotFound)
	}
	if patch.Weight != nil {
		if err := target.SetWeight(address, *patch.Weight); err != nil {
			return err
		}
	}
	if patch.State != nil {
		return target.SetState(address, pool.State(*patch.State))
	}
	return nil
}
