package pool

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// ask makes one exchange with the only backend of a pool, on a shard.
func ask(p *Pool, shard int, which attempt.Reuse) attempt.Outcome {
	var a attempt.Attempt
	if out := a.Open(p.Members()[0].Client(shard), which); out != attempt.OK {
		return out
	}
	out := a.Send([]byte(rig.Request), time.Second)
	if out == attempt.OK {
		out = a.Head(false, rig.Soon())
	}
	for out == attempt.OK && !a.Done() {
		_, out = a.Next(rig.Soon())
	}
	a.Close(out == attempt.OK, socket.Nanos())
	return out
}

// TestHandshakesThatFail pins what becomes of a request whose backend cannot be
// trusted, or does not trust us, and that an operator sees why.
func TestHandshakesThatFail(t *testing.T) {
	ca, other := rig.NewAuthority(t), rig.NewAuthority(t)
	good := ca.Issue(rig.Tomorrow(), "a.test")
	known, knownKey := ca.Files(ca.Issue(rig.Tomorrow(), "client"))
	stranger, strangerKey := other.Files(other.Issue(rig.Tomorrow(), "stranger"))
	with := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	asking := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(), MaxVersion: version}
	}
	for _, tc := range []struct {
		name   string
		server *tls.Config
		client config.PoolTLS
		want   attempt.Outcome
		reason string
	}{
		{"nothing wrong", with(good), ca.Trusting("a.test"), attempt.OK, ""},
		{"our certificate is asked for", asking(0), config.PoolTLS{CAFile: ca.File, ServerName: "a.test", CertFile: known, KeyFile: knownKey}, attempt.OK, ""},
		{"any certificate will do", with(other.Issue(rig.Tomorrow(), "b.test")), config.PoolTLS{InsecureSkipVerify: true}, attempt.OK, ""},
		{"another authority", with(other.Issue(rig.Tomorrow(), "a.test")), ca.Trusting("a.test"), attempt.TLSFailed, `certificate signed by unknown authority`},
		{"no authority but the system's", with(good), config.PoolTLS{ServerName: "a.test"}, attempt.TLSFailed, `unknown authority (subject "a.test", issuer "test authority")`},
		{"another name", with(ca.Issue(rig.Tomorrow(), "b.test")), ca.Trusting("a.test"), attempt.TLSFailed, "certificate is valid for b.test, not a.test"},
		{"an address as name", with(good), ca.Trusting(""), attempt.TLSFailed, "cannot validate certificate for 127.0.0.1"},
		{"expired", with(ca.Issue(time.Now().Add(-time.Hour), "a.test")), ca.Trusting("a.test"), attempt.TLSFailed, "certificate has expired"},
		{"not valid yet", with(ca.Issue(time.Now().Add(72*time.Hour), "a.test")), ca.Trusting("a.test"), attempt.TLSFailed, "not yet valid"},
		{"clear text", nil, ca.Trusting("a.test"), attempt.TLSFailed, "does not speak TLS"},
		{"too old", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ca.Trusting("a.test"), attempt.TLSFailed, "refuses: protocol version not supported"},
		{"another protocol", &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"acme-tls/1"}}, ca.Trusting("a.test"), attempt.TLSFailed, "refuses: no application protocol"},
		{"we show none, 1.3", asking(0), ca.Trusting("a.test"), attempt.TLSFailed, "refuses: certificate required"},
		{"we show none, 1.2", asking(tls.VersionTLS12), ca.Trusting("a.test"), attempt.TLSFailed, "refuses: handshake failure"},
		{"ours is a stranger's", asking(0), config.PoolTLS{CAFile: ca.File, ServerName: "a.test", CertFile: stranger, KeyFile: strangerKey}, attempt.TLSFailed, "refuses: unknown certificate authority"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := rig.StartBackend(t, tc.server)
			cfg := poolOf(b.Address)
			cfg.TLS, cfg.TLS.Enabled = tc.client, true
			var log bytes.Buffer
			_, p := buildWith(t, cfg, nil, Options{Shards: 2, Loops: rig.Loops(t, 2), Logger: zerolog.New(&log)})
			for range 3 {
				if out := ask(p, 0, attempt.ReuseFree); out != tc.want {
					t.Fatalf("got %v; want %v", out, tc.want)
				}
			}
			s := p.Status().Backends[0]
			if !strings.Contains(s.TLSError, tc.reason) || (s.TLSError == "") != (tc.reason == "") {
				t.Errorf("the status says %q; want %q", s.TLSError, tc.reason)
			}
			if tc.reason != "" && s.Reason != "TLS: "+s.TLSError {
				t.Errorf("the reason is %q", s.Reason)
			}
			if want := map[bool]string{true: "unverified", false: "verified"}[tc.client.InsecureSkipVerify]; s.TLS != want {
				t.Errorf("got %q; want %q", s.TLS, want)
			}
			lines := strings.Count(log.String(), "cannot agree on TLS with a backend")
			if want := min(len(tc.reason), 1); lines != want {
				t.Errorf("%d lines in the log; want %d: %s", lines, want, &log)
			}
			if open, _ := p.Members()[0].clients.Counts(); open > 1 {
				t.Errorf("%d connections are counted", open)
			}
		})
	}
}

// A backend that accepts and says nothing is given up in the time that a
// connection may take, handshake included.
func TestHandshakeIsWithinTheTimeToConnect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	cfg := poolOf(ln.Addr().String())
	cfg.TLS = config.PoolTLS{Enabled: true, ServerName: "a.test"}
	cfg.Timeouts.Connect = 50 * time.Millisecond
	_, p := buildDialing(t, cfg, nil)
	if out := ask(p, 0, attempt.ReuseFree); out != attempt.ConnectTimeout {
		t.Errorf("got %v; want %v", out, attempt.ConnectTimeout)
	}
	if got, want := p.Status().Backends[0].TLSError, "the handshake has not ended after 50ms"; got != want {
		t.Errorf("the status says %q; want %q", got, want)
	}
}

// A fault is over when an answer has come.
func TestFaultEndsWithAnAnswer(t *testing.T) {
	ca := rig.NewAuthority(t)
	shown := make(chan tls.Certificate, 2)
	shown <- ca.Issue(rig.Tomorrow(), "b.test")
	shown <- ca.Issue(rig.Tomorrow(), "a.test")
	b := rig.StartBackend(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := <-shown
		return &c, nil
	}})
	cfg := poolOf(b.Address)
	cfg.TLS = ca.Trusting("a.test")
	_, p := buildDialing(t, cfg, nil)
	if out := ask(p, 0, attempt.ReuseFree); out != attempt.TLSFailed {
		t.Fatalf("got %v; want %v", out, attempt.TLSFailed)
	}
	if got, want := p.Status().Backends[0].Reason, "TLS: certificate is valid for b.test, not a.test"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if out := ask(p, 0, attempt.ReuseFree); out != attempt.OK {
		t.Fatal(out)
	}
	if s := p.Status().Backends[0]; s.TLSError != "" || s.Reason != "no health check" {
		t.Errorf("got %q and %q after an answer", s.TLSError, s.Reason)
	}
}

// Which name is asked for and which certificate satisfies it.
func TestNameOfABackend(t *testing.T) {
	ca := rig.NewAuthority(t)
	b := rig.StartBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "localhost", "a.test", "127.0.0.1")}})
	_, port, err := net.SplitHostPort(b.Address)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ address, name, sni string }{
		{"127.0.0.1:" + port, "a.test", "a.test"},
		{"127.0.0.1:" + port, "", ""},
		{"localhost:" + port, "", "localhost"},
		{"localhost:" + port, "127.0.0.1", ""},
	} {
		cfg := poolOf(tc.address)
		cfg.TLS = ca.Trusting(tc.name)
		_, p := buildDialing(t, cfg, nil)
		if out := ask(p, 0, attempt.ReuseFree); out != attempt.OK {
			t.Errorf("%s as %q: %v: %s", tc.address, tc.name, out, p.Status().Backends[0].TLSError)
			continue
		}
		names := b.Saw().Names
		if got := names[len(names)-1]; got != tc.sni {
			t.Errorf("%s as %q: asked for %q; want %q", tc.address, tc.name, got, tc.sni)
		}
	}
}

// Sessions are resumed on every shard, and forgotten when trust changes.
func TestSessionsAreResumed(t *testing.T) {
	ca := rig.NewAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			b := rig.StartBackend(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}, MaxVersion: version})
			cfg := poolOf(b.Address)
			cfg.TLS = ca.Trusting("a.test")
			s, p := buildDialing(t, cfg, nil)
			_, again := buildDialing(t, cfg, s)
			cfg.TLS.ServerName, cfg.TLS.CAFile = "", ""
			cfg.TLS.InsecureSkipVerify = true
			_, changed := buildDialing(t, cfg, s)
			want := []bool{false, true, true, true, false, true}
			for i, use := range []*Pool{p, p, p, again, changed, changed} {
				if out := ask(use, i%2, attempt.ReuseNone); out != attempt.OK {
					t.Fatal(out)
				}
			}
			for i, resumed := range b.Saw().Resumed {
				if resumed != want[i] {
					t.Errorf("connection %d: resumed is %v; want %v", i, resumed, want[i])
				}
			}
		})
	}
}
