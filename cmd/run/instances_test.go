package run

import (
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/source"
)

func TestStandingOfInstances(t *testing.T) {
	refused := func(revision int64) *source.Refusal {
		return &source.Refusal{Revision: revision, Reason: "no listener"}
	}
	for _, c := range []struct {
		name   string
		report source.Report
		latest int64
		want   string
	}{
		{"runs what lies there", source.Report{Boot: "b", Revision: 7}, 7, api.InstanceCurrent},
		{"older", source.Report{Boot: "b", Revision: 6}, 7, api.InstanceBehind},
		{"has refused the last one", source.Report{Boot: "b", Revision: 6, Refused: refused(7)}, 7, api.InstanceRefuses},
		{"has refused one in between", source.Report{Boot: "b", Revision: 5, Refused: refused(6)}, 7, api.InstanceBehind},
		{"newer, of a cluster before it was restored", source.Report{Boot: "b", Revision: 90}, 7, api.InstanceBehind},
		{"nothing lies there", source.Report{Boot: "b", Revision: 6}, 0, api.InstanceCurrent},
		{"no report", source.Report{Instance: "x"}, 7, api.InstanceUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := standingOf(&c.report, c.latest); got != c.want {
				t.Errorf("got %s; want %s", got, c.want)
			}
		})
	}
	i := instanceFrom(&source.Report{Instance: "a", Boot: "own", Generation: 3, At: "2026-01-02T03:04:05Z", Refused: refused(9)}, 9, "own")
	if !i.Self || i.Since == nil || i.Since.Year() != 2026 || i.Refused == nil || i.Refused.Reason != "no listener" || i.Generation != 3 {
		t.Errorf("got %+v; want all that the report says, and that it is our own", i)
	}
	if i := instanceFrom(&source.Report{Instance: "a", Boot: "other", At: "yesterday"}, 9, "own"); i.Self || i.Since != nil {
		t.Errorf("got %+v; want another one, without a time", i)
	}
}
