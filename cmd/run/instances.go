package run

import (
	"context"
	"fmt"
	"time"

	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/source"
)

// instances are those that share the document in etcd, as they report themselves; without one, this
// process alone.
func (p *proxy) instances(ctx context.Context) ([]api.Instance, error) {
	run := p.running()
	if p.fleet == nil {
		started := p.started
		return []api.Instance{{
			Name: p.instance(), Self: true, Standing: api.InstanceAlone, Generation: run.Generation, Version: p.build.Version,
			Boot: run.Boot, Since: &started,
		}}, nil
	}
	all, err := p.fleet.Reports(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", err, ctl.ErrConflict)
	}
	list := make([]api.Instance, 0, len(all.List))
	for i := range all.List {
		list = append(list, instanceFrom(&all.List[i], all.Revision, run.Boot))
	}
	return list, nil
}

// instanceFrom is a report beside the document that lies at the key, of revision latest.
func instanceFrom(r *source.Report, latest int64, ownBoot string) api.Instance {
	out := api.Instance{
		Name: r.Instance, Self: r.Boot == ownBoot, Standing: standingOf(r, latest), Generation: r.Generation, Version: r.Version,
		Boot: r.Boot, Revision: r.Revision, Latest: latest,
	}
	if at, err := time.Parse(time.RFC3339, r.At); err == nil {
		out.Since = &at
	}
	if r.Refused != nil {
		out.Refused = &api.EtcdRefusal{Revision: r.Refused.Revision, Reason: r.Refused.Reason}
	}
	return out
}

// standingOf says whether an instance runs what lies at the key. Where nothing does (latest is 0), what
// runs is as good as anything.
func standingOf(r *source.Report, latest int64) string {
	switch {
	case r.Boot == "":
		return api.InstanceUnknown
	case r.Revision == latest || latest == 0:
		return api.InstanceCurrent
	case r.Refused != nil && r.Refused.Revision == latest:
		return api.InstanceRefuses
	}
	return api.InstanceBehind
}
