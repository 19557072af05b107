package run

import (
	"fmt"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine/explain"
)

// plan says what a configuration would do to what runs.
func (p *proxy) plan(next *config.Loaded) (*api.Effects, *api.Replay, error) {
	found, err := p.engine.Plan(next.Config)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, ctl.ErrConflict)
	}
	return effectsOf(found), replayOf(&found.Replay), nil
}

func effectsOf(p *explain.Plan) *api.Effects {
	return &api.Effects{
		Connections: converted(p.Connections, func(c explain.Connections) api.PlannedConnections { return api.PlannedConnections(c) }),
		Keys:        converted(p.Keys, plannedKeys),
		Limiters:    converted(p.Limiters, func(l explain.Limiter) api.PlannedLimiter { return api.PlannedLimiter(l) }),
		Sockets:     converted(p.Sockets, func(s explain.Socket) api.PlannedSocket { return api.PlannedSocket(s) }),
	}
}

func replayOf(r *explain.Replay) *api.Replay {
	return &api.Replay{
		Requests: r.Requests, Kept: r.Kept, Stale: r.Stale, WindowSeconds: r.Window.Seconds(), Changed: r.Changed,
		Routes: replayedChanges(&r.Routes), Pools: replayedChanges(&r.Pools), Stages: replayedChanges(&r.Stages),
		Answers: replayedChanges(&r.Answers), Blind: converted(r.Blind, func(path string) string { return path }),
	}
}

func plannedKeys(k explain.Keys) api.PlannedKeys {
	out := api.PlannedKeys{Kind: k.Kind, Name: k.Name, By: k.By, Says: k.Says}
	if k.Share >= 0 {
		out.Share = &k.Share
	}
	return out
}

func replayedChanges(d *explain.Differences) api.ReplayedChanges {
	return api.ReplayedChanges{
		Requests: d.Requests, Kinds: d.Kinds,
		Examples: converted(d.Examples, func(e explain.Difference) api.ReplayedChange { return api.ReplayedChange(e) }),
	}
}
