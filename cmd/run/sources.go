package run

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
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// sources is what the admin endpoint shows and does.
func (p *proxy) sources() ctl.Sources {
	return ctl.Sources{
		Status:        p.status,
		Pools:         p.engine.Pools,
		Summaries:     p.engine.Summaries,
		Readings:      p.engine.Readings,
		Traffic:       p.traffic,
		Routes:        p.routes,
		Listeners:     p.listeners,
		Certificates:  p.certificates,
		Limits:        p.limits,
		Ready:         p.ready,
		RequestsTotal: p.registry.Requests,
		WriteMetrics:  p.registry.WriteMetrics,
		Config:        p.config,
		Ledger:        p.ledger,
		Reload:        p.requestReload,
		Upgrade:       p.requestUpgrade,
		Explain:       p.explain,
		ExplainBy:     p.explainBy,
		Plan:          p.plan,
		PatchBackend:  p.patchBackend,
		AddBackend:    p.addBackend,
		RemoveBackend: p.removeBackend,
		Records:       p.records,
		Overlay:       p.overlay,
		Tap:           p.tap,
		Events:        p.events,
		Blame:         p.blame,
		Instances:     p.instances,
		Headroom:      p.headroom.tell,
	}
}

func (p *proxy) status() api.Status {
	from := p.ledger.State()
	s := api.Status{
		Config: &from,
		Name:   "isame-lb", Version: p.build.Version, Commit: p.build.Commit, GoVersion: p.build.GoVersion,
		PID: os.Getpid(), State: api.StateRunning, Started: p.started, UptimeSeconds: time.Since(p.started).Seconds(),
		Generation: p.engine.Generation(), ConfigFile: p.file, LastReload: p.lastReload.Load(),
		Shards: p.engine.Shards(), RequestsTotal: p.registry.Requests(),
	}
	if n := len(p.overlay.List()); n > 0 {
		s.Overlay = p.overlayState(n)
	}
	if _, reason := p.ready(); reason == api.StateDraining {
		s.State = api.StateDraining
	}
	p.noteFleet(&s)
	for _, l := range p.engine.Listeners() {
		s.Connections += int64(l.Active + l.Idle)
	}
	return s
}

func (p *proxy) routes() []api.RouteStatus {
	if p.engine.Config() == nil {
		return nil
	}
	counts, now := p.registry.RequestsByRoute(), time.Now()
	unused := p.registry.UnusedByRoute(socket.Nanos())
	all := ctl.DescribeRoutes(p.loaded.Load())
	for i := range all {
		s := &all[i]
		s.Requests = counts[s.Name]
		if since, used := unused[s.Name]; used {
			at := now.Add(-since).Truncate(time.Second)
			s.LastUsed = &at
		}
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
	now := map[string]engine.ListenerStatus{} // of this generation or, where a reload comes between, of the next
	for _, l := range p.engine.Listeners() {
		now[l.Name] = l
	}
	for i := range all {
		s := &all[i]
		l, there := now[s.Name]
		if !there {
			continue
		}
		stats := p.registry.Listener(l.Name)
		s.Address, s.ConnectionsActive, s.ConnectionsIdle = l.Bound, int64(l.Active), int64(l.Idle)
		s.HTTP3 = string(l.HTTP3)
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
