package cli

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func TestWhoLagsBehind(t *testing.T) {
	member := func(name, cluster string, runs, latest int64) *api.Status {
		return &api.Status{Instance: name, Config: &api.ConfigState{Etcd: &api.EtcdState{Cluster: cluster, Key: "/k", Revision: runs, Latest: latest}}}
	}
	for _, c := range []struct {
		name  string
		found []*api.Status
		want  []string // of each; empty is fine
	}{
		{"all the same", []*api.Status{member("a", "1", 7, 7), member("b", "1", 7, 7)}, []string{"", ""}},
		{"one behind", []*api.Status{member("a", "1", 7, 7), member("b", "1", 9, 9)}, []string{"a runs revision 7 of /k, and the document has revision 9", ""}},
		{"all have refused", []*api.Status{member("a", "1", 7, 8), member("b", "1", 7, 8)}, []string{"revision 8", "revision 8"}},
		{"two clusters", []*api.Status{member("a", "1", 7, 7), member("a", "2", 9, 9)}, []string{"", ""}},
		{"one name", []*api.Status{member("a", "1", 7, 7), member("a", "1", 7, 7)}, []string{"", "has the name a, as c0 has"}},
		{"no fleet, and nobody", []*api.Status{{Generation: 1}, nil, member("a", "1", 7, 7)}, []string{"", "", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			replies := make([]reply, len(c.found))
			for i := range replies {
				replies[i].Context = "c" + string(rune('0'+i))
			}
			compare(replies, c.found)
			for i, want := range c.want {
				r := &replies[i]
				if (r.Exit == ExitFailed) != (want != "") || !strings.Contains(r.Error, want) || want == "" && r.Error != "" {
					t.Errorf("%s: got exit %d, %q; want %q", r.Context, r.Exit, r.Error, want)
				}
			}
		})
	}
}
