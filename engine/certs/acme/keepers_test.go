package acme

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// A keeper belongs to its section: equal ones share it, within a generation and from one
// to the next, and it is stopped by the one that has it no more.
func TestKeepersLiveAsLongAsTheirSection(t *testing.T) {
	made := 0
	newKeeper := func(Section) (*Keeper, error) {
		made++
		k, _ := keeper(t, t.TempDir(), newAuthority(t, time.Hour))
		return k, nil
	}
	authorities := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authorities, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := Keepers{}, Keepers{}
	for i, c := range []struct {
		of      Keepers
		earlier Keepers
		section config.ACME
		made    int // so far
		hosts   string
	}{
		{first, nil, config.ACME{Directory: "d", Hosts: []string{"A.test.", "b.test"}}, 1, "a.test b.test"},
		{first, nil, config.ACME{Directory: "d", Hosts: []string{"c.test", "b.test"}}, 1, "c.test b.test"},
		{first, nil, config.ACME{Directory: "e", Hosts: []string{"b.test"}}, 2, "b.test"},
		{second, first, config.ACME{Directory: "d", Hosts: []string{"c.test"}}, 2, "c.test"},
		{second, first, config.ACME{Directory: "d", Email: "a@b", Hosts: []string{"c.test"}}, 3, "c.test"},
		{second, first, config.ACME{Directory: "d", CAFile: authorities, Hosts: []string{"c.test"}}, 4, "c.test"},
	} {
		all, err := c.of.Of("path", &c.section, c.earlier, newKeeper)
		if err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, m := range all {
			hosts = append(hosts, m.Host())
		}
		if got := strings.Join(hosts, " "); made != c.made || got != c.hosts {
			t.Errorf("section %d: got certificates of %q, %d keepers so far; want %q and %d", i, got, made, c.hosts, c.made)
		}
	}
	d := Section{Directory: "d", KeyType: defaultKeyType}
	if first[d].Keeper != second[d].Keeper || !slices.Equal(first[d].hosts, []string{"a.test", "b.test", "c.test"}) {
		t.Errorf("got %q for the hosts of equal sections, one keeper: %v; want all of them once, and one", first[d].hosts, first[d].Keeper == second[d].Keeper)
	}
	if left := first.Without(second); len(left) != 1 || left[0] != first[Section{Directory: "e", KeyType: defaultKeyType}].Keeper {
		t.Errorf("%d keepers are left; want the one of the section that is gone", len(left))
	}
	if left := len(second.Without(nil)); left != 3 {
		t.Errorf("%d keepers in all; want 3", left)
	}
}

func TestSectionsThatCannotBeKept(t *testing.T) {
	refuse := func(Section) (*Keeper, error) { return nil, errors.New("cannot") }
	for _, c := range []struct {
		name    string
		section config.ACME
		want    string
	}{
		{"authorities", config.ACME{CAFile: "/nonexistent/ca.pem"}, "path.ca_file: cannot read authorities"},
		{"keeper", config.ACME{Hosts: []string{"a.test"}}, "path: cannot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := Keepers{}
			if _, err := all.Of("path", &c.section, nil, refuse); err == nil || !strings.HasPrefix(err.Error(), c.want) || len(all) > 0 {
				t.Errorf("got %v and %d keepers; want %q and none", err, len(all), c.want)
			}
		})
	}
}
