package source

import (
	"strings"
	"testing"
)

// find is the report of one instance as another one sees it.
func find(t *testing.T, m *member, name string) (Report, Reports) {
	t.Helper()
	all, err := m.Reports(t.Context())
	if err != nil {
		t.Logf("the reports: %v", err)
	}
	for _, r := range all.List {
		if r.Instance == name {
			return r, all
		}
	}
	return Report{}, all
}

// TestInstancesSeeEachOther: what each of them runs and refuses, who cannot be read, and who has left.
func TestInstancesSeeEachOther(t *testing.T) {
	s := startEtcd(t)
	first := s.put(key, "one")
	a := join(t, s, nil)
	b := newMember(t, s, func(o *Options) {
		o.Instance, o.Running = "b", func() Running { return Running{Boot: "boot-of-b", Generation: 9, ETag: "tag"} }
	})
	if _, err := b.Reports(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be reached: it was not asked yet") {
		t.Errorf("before the first session: got %v; want it said that etcd is not reached", err)
	}
	d, err := b.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Taken(d)
	b.Follow()
	eventually(t, "each sees the other one", func() bool {
		ofA, _ := find(t, b, "a")
		ofB, all := find(t, a, "b")
		return ofA.Boot == "boot-of-a" && ofB.Boot == "boot-of-b" && ofB.Generation == 9 && ofB.Revision == first && all.Revision == first && len(all.List) == 2
	})
	s.put(key+"/instances/c", "no report")
	eventually(t, "one that cannot be read is there", func() bool {
		r, all := find(t, a, "c")
		return r.Instance == "c" && r.Boot == "" && len(all.List) == 3
	})
	at := s.put(key, "bad")
	eventually(t, "it is refused", func() bool { b.take(); return b.State().Refused != nil })
	eventually(t, "the other one sees that", func() bool {
		r, all := find(t, a, "b")
		return r.Refused != nil && r.Refused.Revision == at && r.Revision == first && all.Revision == at
	})
	b.end()
	eventually(t, "who has left is not there", func() bool { r, all := find(t, a, "b"); return r.Instance == "" && len(all.List) == 2 })
	s.kill()
	eventually(t, "etcd is missed", func() bool { _, err := a.Reports(t.Context()); return err != nil })
}
