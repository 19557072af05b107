package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/pool"
)

func TestSmallThings(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := count(n); got != want {
			t.Errorf("count(%d): got %q; want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 119 * time.Second: "119s", 2 * time.Minute: "2m", 119 * time.Minute: "119m", 47 * time.Hour: "47h", 49 * time.Hour: "2d", -time.Hour: "now"} {
		if got := short(d); got != want {
			t.Errorf("short(%v): got %q; want %q", d, got, want)
		}
	}
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abcd", 1, "…"}, {"abcd", 0, ""}, {"ab cd", 4, "ab…"}, {"äöü", 2, "ä…"}} {
		if got := cut(c.text, c.width); got != c.want {
			t.Errorf("cut(%q, %d): got %q; want %q", c.text, c.width, got, c.want)
		}
	}
}

// TestNamesAreCutInTheMiddle keeps the end of a name, and the port of an address.
func TestNamesAreCutInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"127.0.0.1:18592", 15, "127.0.0.1:18592"},
		{"127.0.0.1:18592", 10, "127.…18592"},
		{"shop-eu-canary", 9, "shop…nary"},
		{"äöüß", 3, "ä…ß"},
		{"abc", 2, "…c"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
	} {
		if got := cutMiddle(c.text, c.width); got != c.want {
			t.Errorf("cutMiddle(%q, %d): got %q; want %q", c.text, c.width, got, c.want)
		}
	}
	rows := table{columns: []column{{title: "A", min: 8}, {title: "B", min: 8, prose: true}}}
	rows.row(c("a-long-name-of-eu-1"), c("what has become of the one"))
	rows.row(c("a-long-name-of-eu-2"), c("what has become of another"))
	s := &screen{width: 30}
	rows.draw(s, "")
	want := "A               B\na-long…of-eu-1  what has beco…\na-long…of-eu-2  what has beco…\n"
	if got := s.buf.String(); got != want {
		t.Errorf("got\n%s; want\n%s", got, want)
	}
}

// TestTimesThatHaveJustPassedReadWell shows what happened in this second, and never.
func TestTimesThatHaveJustPassedReadWell(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	earlier := now.Add(-5 * time.Second)
	for _, c := range []struct {
		name string
		show func(s *screen)
		want string
	}{
		{"a reload in this second", func(s *screen) { showStatus(s, &api.Status{LastReload: &api.Reload{At: now, Result: "applied"}}) }, "last reload  applied now\n"},
		{"an older one", func(s *screen) {
			showStatus(s, &api.Status{LastReload: &api.Reload{At: earlier, Result: "applied"}})
		}, "last reload  applied 5s ago\n"},
		{"a lookup in this second", func(s *screen) {
			showDiscovery(s, &pool.DiscoveryStatus{Name: "a", Type: "A", Found: 2, Resolved: &now})
		}, "2 found, last now\n"},
		{"no lookup yet", func(s *screen) { showDiscovery(s, &pool.DiscoveryStatus{Name: "a", Type: "A"}) }, "discovery: A a: nothing found yet\n"},
		{"none that was good", func(s *screen) {
			showDiscovery(s, &pool.DiscoveryStatus{Name: "a", Type: "A", Failures: 1, Error: "timeout"})
		}, "nothing found yet\nthe last lookup failed: timeout\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &screen{width: 80, now: now}
			c.show(s)
			if got := s.buf.String(); !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant %q", got, c.want)
			}
		})
	}
}

func (p *proxy) summaries() (list []pool.Summary) {
	for _, of := range p.status() {
		s := pool.Summary{
			Name: of.Name, Algorithm: of.Algorithm, Members: of.Members, Healthy: of.Healthy, InFlight: of.InFlight,
			Requests: of.Requests, Failures: of.Failures, Panic: of.Panic, Backends: []pool.BackendSummary{},
		}
		for _, b := range of.Backends {
			s.Backends = append(s.Backends, pool.BackendSummary{Address: b.Address, Up: b.Up, State: b.State, Health: b.Health, InFlight: b.InFlight})
		}
		list = append(list, s)
	}
	return list
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
