package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// showEtcd says how an instance is doing with the document that it shares.
func showEtcd(s *screen, e *api.EtcdState) {
	if e == nil {
		return
	}
	s.wholef("etcd         %s at %s, revision %d", e.Key, strings.Join(e.Endpoints, ", "), e.Revision)
	if e.Cached {
		s.wholef("             FROM THE COPY ON DISK: etcd was not reached since the start")
	}
	if e.Problem != "" {
		s.wholef("             %s", e.Problem)
	}
	if e.Refused != nil {
		s.wholef("             revision %d is refused here: %s", e.Refused.Revision, e.Refused.Reason)
	}
	if e.SameName != "" {
		s.wholef("             %s", e.SameName)
	}
}

// statusKey is where a context holds what status has found.
type statusKey struct{}

// collecting is a context in which status leaves what it has found in place.
func collecting(ctx context.Context, place **api.Status) context.Context {
	return context.WithValue(ctx, statusKey{}, place)
}

// collect leaves a status for whoever compares several.
func collect(ctx context.Context, st *api.Status) {
	if place, ok := ctx.Value(statusKey{}).(**api.Status); ok {
		*place = st
	}
}

// compare names the instances that lag behind others with the same document, and those that
// have one name: these replies are failures. found are the statuses, nil where there is none.
func compare(replies []reply, found []*api.Status) {
	newest, names := map[string]int64{}, map[string]string{}
	for _, st := range found {
		if e := etcdOf(st); e != nil {
			newest[fleetOf(e)] = max(newest[fleetOf(e)], e.Revision, e.Latest)
		}
	}
	for i, st := range found {
		e := etcdOf(st)
		if e == nil {
			continue
		}
		r := &replies[i]
		if last := newest[fleetOf(e)]; e.Revision != last {
			r.fail(fmt.Sprintf("lags behind: %s runs revision %d of %s, and the document has revision %d", st.Instance, e.Revision, e.Key, last))
		}
		member := fleetOf(e) + "\x00" + st.Instance
		if other, twice := names[member]; twice {
			r.fail(fmt.Sprintf("has the name %s, as %s has: give each instance its own", st.Instance, other))
		}
		names[member] = r.Context
	}
}

// fail adds what is wrong with an instance that has answered.
func (r *reply) fail(what string) {
	r.Exit = max(r.Exit, ExitFailed)
	r.Error = strings.TrimPrefix(r.Error+"\n"+what, "\n")
}

func etcdOf(st *api.Status) *api.EtcdState {
	if st == nil || st.Config == nil {
		return nil
	}
	return st.Config.Etcd
}

// fleetOf names the document, whoever shares it.
func fleetOf(e *api.EtcdState) string { return e.Cluster + e.Key }
