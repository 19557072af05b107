package attempt

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
)

func TestFoundAs(t *testing.T) {
	for _, tc := range []struct{ kind, name, want string }{
		{"A", "api.internal", "api.internal"},
		{"AAAA", "api.internal.", "api.internal"},
		{"SRV", "_https._tcp.api.internal", "api.internal"},
		{"SRV", "api.service.consul.", "api.service.consul"},
		{"SRV", "_https", "_https"},
		{"A", "_odd.internal", "_odd.internal"},
	} {
		if got := FoundAs(&config.DNS{Name: tc.name, Type: tc.kind}); got != tc.want {
			t.Errorf("%s %s: got %q; want %q", tc.kind, tc.name, got, tc.want)
		}
	}
}

func TestNameOf(t *testing.T) {
	for _, tc := range []struct{ configured, foundAs, address, want string }{
		{"a.test", "b.test", "c.test:443", "a.test"},
		{"", "b.test", "10.0.0.1:443", "b.test"},
		{"", "", "c.test:443", "c.test"},
		{"", "", "c.test.:443", "c.test"},
		{"", "", "10.0.0.1:443", "10.0.0.1"},
		{"", "", "[fd00::1]:443", "fd00::1"},
		{"", "", "[fe80::1%eth0]:443", "fe80::1"},
		{"", "", "unix:/run/s", ""},
		{"a.test", "", "unix:/run/s", "a.test"},
	} {
		got := nameOf(&config.PoolTLS{ServerName: tc.configured}, tc.address, tc.foundAs)
		if got != tc.want {
			t.Errorf("%+v: got %q", tc, got)
		}
	}
}

func TestHostOf(t *testing.T) {
	for _, tc := range []struct {
		host, address, foundAs string
		secure                 bool
		want                   string
	}{
		{"", "a.test:81", "", false, ""},
		{"keep", "a.test:81", "b.test", false, ""},
		{"c.test:1", "a.test:81", "b.test", false, "c.test:1"},
		{"backend", "a.test:81", "", false, "a.test:81"},
		{"backend", "a.test.:80", "", false, "a.test"},
		{"backend", "a.test:443", "", false, "a.test:443"},
		{"backend", "a.test:443", "", true, "a.test"},
		{"backend", "a.test:80", "", true, "a.test:80"},
		{"backend", "10.0.0.1:8080", "b.test", false, "b.test:8080"},
		{"backend", "10.0.0.1:80", "b.test", false, "b.test"},
		{"backend", "[fd00::1]:80", "", false, "[fd00::1]"},
		{"backend", "[fe80::1%eth0]:81", "", false, "[fe80::1]:81"},
		{"backend", "unix:/run/s", "", true, "localhost"},
	} {
		cfg := config.Pool{Host: tc.host, TLS: config.PoolTLS{Enabled: tc.secure}}
		if got := HostOf(&cfg, tc.address, tc.foundAs); got != tc.want {
			t.Errorf("%+v: got %q", tc, got)
		}
	}
}

// What a backend puts into its certificate must not reach a terminal as it is.
func TestReasonsArePlain(t *testing.T) {
	leaf := &x509.Certificate{DNSNames: []string{"\x1b[31mred", strings.Repeat("x", 1000)}}
	leaf.Subject.CommonName = "a\nb"
	for _, err := range []error{
		&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: leaf, Host: "a.test"}, UnverifiedCertificates: []*x509.Certificate{leaf}},
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: leaf}, UnverifiedCertificates: []*x509.Certificate{leaf}},
	} {
		got := TLSReason(err, 0)
		if strings.ContainsAny(got, "\x1b\n") || len(got) > tlsReasonMax+len("...") || strings.HasPrefix(got, "x509") {
			t.Errorf("got %q", got)
		}
	}
}

// What a pool offers by ALPN follows from its protocol.
func TestOffers(t *testing.T) {
	for protocol, want := range map[string]string{"": "http/1.1", "http1": "http/1.1", "h2": "h2", "auto": "h2 http/1.1"} {
		if got := strings.Join(offers(protocol), " "); got != want {
			t.Errorf("%q: got %q; want %q", protocol, got, want)
		}
	}
	ca := rig.NewAuthority(t)
	b := rig.StartBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}, NextProtos: []string{"h2", "http/1.1"}})
	var a Attempt
	if out := a.Open(clientsTo(t, b.Address, config.Pool{TLS: ca.Trusting("a.test")}).Shard(0), ReuseFree); out != OK {
		t.Fatal(out)
	}
	defer a.Close(false, 0)
	if got := a.Conn().Protocol(); got != ProtocolHTTP1 {
		t.Errorf("agreed on %q; want %q", got, ProtocolHTTP1)
	}
}
