package terms

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs"
)

// book makes one of a section without files.
func book(t testing.TB, before *Book, c *config.ListenerTLS) *Book {
	t.Helper()
	store, err := certs.Load("certificates", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(&Options{
		Path: "listeners.web.tls", Config: c, Store: store, Before: before,
		Session: func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} },
		QUIC:    func(c, _ *tls.Config) *tls.Config { return c.Clone() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asks(mode string) *config.ClientAuth { return &config.ClientAuth{Mode: mode} }

// some has names of all kinds.
func some(t testing.TB) *Book {
	t.Helper()
	return book(t, nil, &config.ListenerTLS{MinVersion: "1.2", ClientAuth: *asks("none"), Hosts: map[string]config.TLSHost{
		"Admin.test": {ClientAuth: asks("request")}, "*.admin.test.": {MinVersion: "1.3"}, "*.deep.admin.test": {ClientAuth: asks("request")},
		"same.test": {ClientAuth: asks("none")}, "*.test": {ClientAuth: asks("request"), MinVersion: "1.3"},
	}})
}

func TestTermsOfNames(t *testing.T) {
	b := some(t)
	asking, later, both := b.names["admin.test"], b.names["*.admin.test"], b.names["*.test"]
	if asking == nil || later == nil || both == nil || asking == later || later == both || both == b.own {
		t.Fatalf("got %v", b.names)
	}
	for name, want := range map[string]*Terms{
		"": b.own, "a.example": b.own, "test": b.own, "127.0.0.1": b.own, ".": b.own, "..": b.own, "xtest": b.own, "adm*n.test": both,
		"admin.test": asking, "ADMIN.TEST": asking, "x.admin.test": later, "x.y.admin.test": later, ".admin.test": both,
		"deep.admin.test": later, "x.deep.admin.test": asking, "other.test": both, "a.b.c.test": both, "same.test": b.own,
		strings.Repeat("a.", 124) + "test": both, strings.Repeat("a.", 125) + "test": b.own,
	} {
		if got := b.Of(name); got != want {
			t.Errorf("%q: got %p; want %p", name, got, want)
		}
	}
	if b.names["*.deep.admin.test"] != asking {
		t.Error("the same terms are two")
	}
}

func TestParted(t *testing.T) {
	b := some(t)
	for _, tc := range []struct {
		sni, host string
		want      bool
	}{
		{"a.example", "b.example", false},
		{"a.example", "admin.test", true},
		{"admin.test", "a.example", true},
		{"admin.test", "Admin.test", false},
		{"admin.test", "x.deep.admin.test", false},
		{"", "admin.test", true},
		{"", "", false},
		{"admin.test", "", true},
		{"", "a.example", false},
		{"a.example", strings.Repeat("a", 300), true},
		{"a.example", strings.Repeat("a.", 130) + "test", true},
	} {
		if got := b.Parted(tc.sni, []byte(tc.host)); got != tc.want {
			t.Errorf("%q for %.40q: got %v; want %v", tc.host, tc.sni, got, tc.want)
		}
	}
	plain := book(t, nil, &config.ListenerTLS{MinVersion: "1.2"})
	if plain.Parted("a.test", []byte(strings.Repeat("a", 300))) || plain.Of("x") != plain.own {
		t.Error("a listener without names of their own parts them")
	}
}

// TestKeysOfTicketsStandByTheDemand over generations, whoever is asked.
func TestKeysOfTicketsStandByTheDemand(t *testing.T) {
	first := book(t, nil, &config.ListenerTLS{MinVersion: "1.2", ClientAuth: *asks("none"), Hosts: map[string]config.TLSHost{
		"a.test": {ClientAuth: asks("request")}, "b.test": {MinVersion: "1.3"},
	}})
	if first.Of("b.test").TCP.WrapSession != nil || first.Of("a.test").TCP.WrapSession == nil {
		t.Error("tickets of a name that is asked for the same have other keys, or of one that is not the same ones")
	}
	second := book(t, first, &config.ListenerTLS{MinVersion: "1.2", ClientAuth: *asks("request"), Hosts: map[string]config.TLSHost{"b.test": {ClientAuth: asks("none")}}})
	if second.Session() == first.Session() || second.Session() != first.tickets[keyOf(t, "request")] || second.tickets[keyOf(t, "none")] != first.Session() {
		t.Error("keys were not handed on by what clients are asked for")
	}
	third := book(t, second, &config.ListenerTLS{MinVersion: "1.2", ClientAuth: *asks("none")})
	if third.Session() != first.Session() || len(third.tickets) != 1 {
		t.Errorf("got %d sets of keys; want the one that is needed", len(third.tickets))
	}
}

func keyOf(t *testing.T, mode string) demand {
	t.Helper()
	a, err := certs.NewClientAuth("", asks(mode))
	if err != nil {
		t.Fatal(err)
	}
	return a.Asked
}

func TestUnreadableAuthoritiesOfANameRefuse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(&Options{
		Path: "listeners.web.tls", Session: func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }, QUIC: func(c, _ *tls.Config) *tls.Config { return c },
		Config: &config.ListenerTLS{Hosts: map[string]config.TLSHost{"a.test": {ClientAuth: &config.ClientAuth{Mode: "require", CAFile: file}}}},
		Store:  &certs.Store{},
	})
	if err == nil || !strings.HasPrefix(err.Error(), `listeners.web.tls.hosts."a.test".client_auth.ca_file: cannot use`) {
		t.Errorf("got %v; want the path of the key", err)
	}
}

func TestFieldsOfAllTerms(t *testing.T) {
	b := book(t, nil, &config.ListenerTLS{ClientAuth: config.ClientAuth{Mode: "request", Headers: map[string]string{"X-A": "san"}}, Hosts: map[string]config.TLSHost{
		"a.test": {ClientAuth: &config.ClientAuth{Mode: "request", Headers: map[string]string{"x_a": "san", "X-B": "serial"}}},
		"b.test": {ClientAuth: &config.ClientAuth{Mode: "request", Headers: map[string]string{"X-A": "serial"}}},
	}})
	if got := strings.Join(b.FieldNames(), " "); got != "x-a x-b" {
		t.Errorf("got %s", got)
	}
	if b.Of("b.test") == b.own || b.Of("b.test").TCP.WrapSession != nil {
		t.Error("other fields are other terms, under the same demand")
	}
}

// FuzzOf compares with a search by suffixes.
func FuzzOf(f *testing.F) {
	for _, name := range []string{"admin.test", "x.ADMIN.test", "a..test", "*.test", strings.Repeat("a.", 126)} {
		f.Add(name)
	}
	b := some(f)
	f.Fuzz(func(t *testing.T, name string) {
		lower := []byte(name)
		for i, c := range lower {
			if 'A' <= c && c <= 'Z' {
				lower[i] = c + 'a' - 'A'
			}
		}
		want, at := b.own, -1
		for known, t := range b.names {
			below, wild := strings.CutPrefix(known, "*")
			switch {
			case len(name) > nameBytesMax:
			case known == string(lower):
				want, at = t, 1<<10
			case wild && len(below) > at && strings.HasSuffix(string(lower), below) && len(lower) > len(below) && lower[len(lower)-len(below)-1] != '.':
				want, at = t, len(below)
			}
		}
		if got := find(b, name); got != want || got != find(b, []byte(name)) {
			t.Errorf("%q: got other terms", name)
		}
	})
}
