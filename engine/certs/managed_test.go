package certs

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// planned is a managed certificate with a plan.
type planned struct {
	hosted

	at              time.Time
	reason, failure string
}

func (p *planned) Renewal() (at time.Time, reason, failure string) { return p.at, p.reason, p.failure }

// reached is a connection to an address.
type reached struct {
	net.Conn

	local string
}

func (r reached) LocalAddr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", r.local)
	if err != nil {
		panic(err)
	}
	return a
}

// TestManagedWildcards has a certificate for a domain, one for a name in it, and files of another one.
func TestManagedWildcards(t *testing.T) {
	wild, exact := &hosted{current: issued(t, "*.a.test")}, &hosted{current: issued(t, "exact.a.test")}
	s := store(t, spec{names: []string{"first.test"}}, spec{names: []string{"file.a.test"}})
	s.Manage("*.a.test", wild)
	s.Manage("exact.a.test", exact)
	for sni, want := range map[string]string{
		"exact.a.test": "exact.a.test", "file.a.test": "file.a.test", "Other.A.test": "*.a.test", "a.test": "first.test", "x.other.a.test": "first.test",
	} {
		c, err := s.Choose(&tls.ClientHelloInfo{ServerName: sni})
		if err != nil || c.Leaf.DNSNames[0] != want {
			t.Errorf("%s: got %v, %v; want %s", sni, c.Leaf.DNSNames, err, want)
		}
	}
	for _, c := range []struct {
		sni, host string
		want      bool
	}{
		{"b.a.test", "c.a.test", false},
		{"b.a.test", "exact.a.test", false}, // the wildcard is good for it, too
		{"exact.a.test", "b.a.test", true},
		{"first.test", "b.a.test", true},
		{"b.a.test", "first.test", true},
	} {
		if got := s.Misdirected(c.sni, []byte(c.host)); got != c.want {
			t.Errorf("%s over %s: got %v; want %v", c.host, c.sni, got, c.want)
		}
	}
	host := []byte("c.a.test")
	if n := testing.AllocsPerRun(100, func() { s.Misdirected("b.a.test", host) }); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
	exact.current = nil
	if c, err := s.Choose(&tls.ClientHelloInfo{ServerName: "exact.a.test"}); err != nil || c != wild.current {
		t.Errorf("while the name has none of its own: got %v, %v; want the domain's", c.Leaf.DNSNames, err)
	}
	wild.current = nil
	bare := store(t)
	bare.Manage("*.a.test", wild)
	if _, err := bare.Choose(&tls.ClientHelloInfo{ServerName: "b.a.test"}); err == nil || err.Error() != `there is no certificate for the name: the ACME server has not issued one for "b.a.test" yet` {
		t.Errorf("got %v", err)
	}
}

// TestManagedAddresses has clients that ask for no name.
func TestManagedAddresses(t *testing.T) {
	name, four, six := &hosted{current: issued(t, "a.test")}, &hosted{}, &hosted{current: issued(t, "2001:db8::1")}
	s := store(t, spec{names: []string{"first.test"}})
	s.Manage("a.test", name)
	s.Manage("192.0.2.1", four)
	s.Manage("2001:db8::1", six)
	for _, step := range []string{"one is missing", "all are there"} {
		for _, c := range []struct {
			local string
			want  *hosted
		}{
			{"192.0.2.1:443", four},
			{"[2001:db8::1]:443", six},
			{"10.0.0.1:443", four}, // an address translation
			{"", four},
		} {
			want := c.want.current
			if want == nil {
				want = six.current
			}
			hello := &tls.ClientHelloInfo{}
			if c.local != "" {
				hello.Conn = reached{local: c.local}
			}
			if got, err := s.Choose(hello); err != nil || got != want {
				t.Errorf("%s, %q: got %v, %v; want %v", step, c.local, got.Leaf.IPAddresses, err, want.Leaf.IPAddresses)
			}
		}
		four.current = issued(t, "192.0.2.1")
	}
	if got, err := s.Choose(&tls.ClientHelloInfo{ServerName: "a.test", Conn: reached{local: "192.0.2.1:443"}}); err != nil || got != name.current {
		t.Errorf("with a name: got %v, %v", got.Leaf.DNSNames, err)
	}
}

func TestDescriptionsSayWhatIsPlanned(t *testing.T) {
	at := time.Now().Add(time.Hour)
	a := &planned{hosted{current: issued(t, "a.test")}, at, "ari", ""}
	b := &planned{hosted{}, at, "retry", "the server refuses"}
	s := store(t)
	s.Manage("a.test", a)
	s.Manage("b.test", b)
	all := s.Descriptions()
	if len(all) != 1 || all[0].Name != "a.test" || !all[0].Renewal.Equal(at) || all[0].RenewalBy != "ari" || all[0].Failure != "" {
		t.Errorf("got %+v", all)
	}
	awaited := s.Awaited()
	if len(awaited) != 1 || awaited[0].Name != "b.test" || awaited[0].RenewalBy != "retry" || awaited[0].Failure != "the server refuses" || !awaited[0].NotAfter.IsZero() {
		t.Errorf("got %+v", awaited)
	}
}
