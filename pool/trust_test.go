package pool

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// The same address spoken to in two ways is two backends; changed trust is the
// same one with other connections.
func TestIdentityWithTLS(t *testing.T) {
	ca := rig.NewAuthority(t)
	open := poolOf("127.0.0.1:1")
	secure := open
	secure.TLS = ca.Trusting("a.test")
	named := open
	named.TLS = ca.Trusting("b.test")
	check := &config.HealthCheck{Type: "tcp", Interval: time.Hour}
	open.HealthCheck, secure.HealthCheck, named.HealthCheck = check, check, check
	pools := map[string]config.Pool{"clear": open, "secure": secure, "twin": secure, "named": named}
	s, err := Build(&config.Config{Pools: pools}, nil, Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Retire(nil, 0)
	member := func(pool string) *Member { return s.Pool(pool).Members()[0] }
	for _, tc := range []struct {
		name           string
		a, b           *Member
		backend, check bool // the same
	}{
		{"clear text and TLS", member("clear"), member("secure"), false, false},
		{"two pools alike", member("secure"), member("twin"), true, true},
		{"another name", member("secure"), member("named"), true, false},
	} {
		if got := tc.a.backend == tc.b.backend; got != tc.backend {
			t.Errorf("%s: the same facts: %v; want %v", tc.name, got, tc.backend)
		}
		if tc.a.clients == tc.b.clients {
			t.Errorf("%s: two pools share connections", tc.name)
		}
		if got := tc.a.health.Check() == tc.b.health.Check(); got != tc.check {
			t.Errorf("%s: the same health: %v; want %v", tc.name, got, tc.check)
		}
		if tc.a.backend.Place() != tc.b.backend.Place() {
			t.Errorf("%s: got places %q and %q; want the same", tc.name, tc.a.backend.Place(), tc.b.backend.Place())
		}
	}
}

// A reload after a file has changed keeps the facts and begins with fresh
// connections; one without a change keeps both.
func TestTrustIsRenewed(t *testing.T) {
	ca := rig.NewAuthority(t)
	certFile, keyFile := ca.Files(ca.Issue(rig.Tomorrow(), "client"))
	cfg := poolOf("127.0.0.1:1")
	cfg.TLS = config.PoolTLS{Enabled: true, ServerName: "a.test", CAFile: ca.File, CertFile: certFile, KeyFile: keyFile}
	s, p := buildOne(t, cfg, nil, nil)
	renew := func(what string, same bool) {
		t.Helper()
		next, q := buildOne(t, cfg, s, nil)
		before, after := p.Members()[0], q.Members()[0]
		if before.backend != after.backend {
			t.Errorf("%s: the facts are lost", what)
		}
		if got := before.clients == after.clients; got != same {
			t.Errorf("%s: the same connections: %v; want %v", what, got, same)
		}
		s, p = next, q
	}
	renew("nothing", true)
	freshCert, freshKey := ca.Files(ca.Issue(rig.Tomorrow(), "client"))
	move(t, freshCert, certFile)
	move(t, freshKey, keyFile)
	renew("our certificate", false)
	other := rig.NewAuthority(t)
	move(t, other.File, ca.File)
	renew("the authorities", false)
	renew("nothing again", true)
	cfg.TLS.ServerName = "b.test"
	renew("the name", false)
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A pool that turns to TLS, and back, begins with new facts about its backends,
// goes on counting, and is still without what the operator has removed.
func TestPoolTurnsToTLS(t *testing.T) {
	cfg := poolOf("127.0.0.1:1", "127.0.0.1:2")
	s, _ := buildOne(t, cfg, nil, nil)
	if err := s.Remove("p", "127.0.0.1:2", "alice"); err != nil {
		t.Fatal(err)
	}
	seen := map[*Backend]bool{}
	for i, enabled := range []bool{false, true, false} {
		cfg.TLS = config.PoolTLS{Enabled: enabled, InsecureSkipVerify: true}
		next, p := buildOne(t, cfg, s, nil)
		s = next
		try(p.Members()[0], attempt.OK, 200)
		got := p.Status()
		if got.Members != 1 || got.Requests != uint64(i+1) || (got.Backends[0].TLS == "unverified") != enabled {
			t.Errorf("turn %d: got %d members, %d requests, TLS %q", i, got.Members, got.Requests, got.Backends[0].TLS)
		}
		if seen[p.Members()[0].backend] {
			t.Errorf("turn %d: the facts of another way to speak are used", i)
		}
		seen[p.Members()[0].backend] = true
	}
	if err := s.Add("p", config.Backend{Address: "127.0.0.1:2", Weight: 1}, "alice"); err != nil {
		t.Errorf("cannot take the removal back: %v", err)
	}
}

func TestOldCertificateIsSaid(t *testing.T) {
	ca := rig.NewAuthority(t)
	for ends, want := range map[time.Duration]bool{time.Hour: false, -time.Hour: true, 72 * time.Hour: true} {
		certFile, keyFile := ca.Files(ca.Issue(time.Now().Add(ends), "client"))
		cfg := poolOf("127.0.0.1:1")
		cfg.TLS = config.PoolTLS{Enabled: true, CertFile: certFile, KeyFile: keyFile}
		var log bytes.Buffer
		buildWith(t, cfg, nil, Options{Shards: 1, Logger: zerolog.New(&log)})
		if got := strings.Contains(log.String(), "has expired or is not valid yet"); got != want {
			t.Errorf("ends in %v: said %v; want %v", ends, got, want)
		}
	}
}

func TestBadFilesOfAPool(t *testing.T) {
	ca := rig.NewAuthority(t)
	certFile, keyFile := ca.Files(ca.Issue(rig.Tomorrow(), "a"))
	_, otherKey := ca.Files(ca.Issue(rig.Tomorrow(), "b"))
	for name, tc := range map[string]struct {
		tls  config.PoolTLS
		want string
	}{
		"no authorities":     {config.PoolTLS{CAFile: "/nowhere.pem"}, `pools.p.tls.ca_file: cannot read authorities "/nowhere.pem"`},
		"none in the file":   {config.PoolTLS{CAFile: keyFile}, "pools.p.tls.ca_file: cannot use authorities"},
		"no certificate":     {config.PoolTLS{CertFile: "/nowhere.pem", KeyFile: keyFile}, "pools.p.tls.cert_file: cannot use certificate"},
		"the key of another": {config.PoolTLS{CertFile: certFile, KeyFile: otherKey}, "pools.p.tls.cert_file: cannot use certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := poolOf("127.0.0.1:1")
			cfg.TLS, cfg.TLS.Enabled = tc.tls, true
			_, err := Build(&config.Config{Pools: map[string]config.Pool{"p": cfg}}, nil, Options{Shards: 1})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v; want %q", err, tc.want)
			}
		})
	}
}
