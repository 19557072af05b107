package pool

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/rs/zerolog"
)

// secureBackend is a server that answers every request with okAnswer. saw is what
// it was told in handshakes.
type secureBackend struct {
	address string

	mu struct {
		sync.Mutex
		names   []string // by SNI
		resumed []bool
		offered []string // protocols of the last handshake
	}
}

// startSecure serves with a configuration until the test ends; nil is clear
// text.
func startSecure(t testing.TB, server *tls.Config) *secureBackend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &secureBackend{address: ln.Addr().String()}
	if server != nil {
		server = server.Clone()
		server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.mu.names, b.mu.offered = append(b.mu.names, hello.ServerName), hello.SupportedProtos
			return nil, nil //nolint:nilnil // the one there is
		}
	}
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				b.serve(c, server)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		open.Range(func(c, _ any) bool {
			if c, ok := c.(net.Conn); ok {
				_ = c.Close()
			}
			return true
		})
		wg.Wait()
	})
	return b
}

func (b *secureBackend) serve(c net.Conn, server *tls.Config) {
	if server != nil {
		s := tls.Server(c, server)
		if s.Handshake() != nil {
			return
		}
		b.mu.Lock()
		b.mu.resumed = append(b.mu.resumed, s.ConnectionState().DidResume)
		b.mu.Unlock()
		c = s
	}
	for got := []byte(nil); ; {
		chunk := make([]byte, 1024)
		n, err := c.Read(chunk)
		if err != nil {
			return
		}
		if server == nil && chunk[0] == 0x16 { // what servers of clear text say to a ClientHello
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			return
		}
		if got = append(got, chunk[:n]...); !bytes.HasSuffix(got, []byte("\r\n\r\n")) && !bytes.HasSuffix(got, []byte("hi")) {
			continue
		}
		got = nil
		if _, err := io.WriteString(c, okAnswer); err != nil {
			return
		}
	}
}

// ask makes one exchange with the only backend of a pool, on a shard.
func ask(p *Pool, shard int, which Reuse) Outcome {
	var a Attempt
	if out := a.Open(p.Members()[0].Client(shard), which); out != OK {
		return out
	}
	out := a.Send([]byte(request), time.Second)
	if out == OK {
		out = a.Head(false, soon())
	}
	for out == OK && !a.Done() {
		_, out = a.Next(soon())
	}
	a.Close(out == OK, Nanos())
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
		want   Outcome
		reason string
	}{
		{"nothing wrong", with(good), ca.Trusting("a.test"), OK, ""},
		{"our certificate is asked for", asking(0), config.PoolTLS{CAFile: ca.File, ServerName: "a.test", CertFile: known, KeyFile: knownKey}, OK, ""},
		{"any certificate will do", with(other.Issue(rig.Tomorrow(), "b.test")), config.PoolTLS{InsecureSkipVerify: true}, OK, ""},
		{"another authority", with(other.Issue(rig.Tomorrow(), "a.test")), ca.Trusting("a.test"), TLSFailed, `certificate signed by unknown authority`},
		{"no authority but the system's", with(good), config.PoolTLS{ServerName: "a.test"}, TLSFailed, `unknown authority (subject "a.test", issuer "test authority")`},
		{"another name", with(ca.Issue(rig.Tomorrow(), "b.test")), ca.Trusting("a.test"), TLSFailed, "certificate is valid for b.test, not a.test"},
		{"an address as name", with(good), ca.Trusting(""), TLSFailed, "cannot validate certificate for 127.0.0.1"},
		{"expired", with(ca.Issue(time.Now().Add(-time.Hour), "a.test")), ca.Trusting("a.test"), TLSFailed, "certificate has expired"},
		{"not valid yet", with(ca.Issue(time.Now().Add(72*time.Hour), "a.test")), ca.Trusting("a.test"), TLSFailed, "not yet valid"},
		{"clear text", nil, ca.Trusting("a.test"), TLSFailed, "does not speak TLS"},
		{"too old", &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ca.Trusting("a.test"), TLSFailed, "refuses: protocol version not supported"},
		{"another protocol", &tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"acme-tls/1"}}, ca.Trusting("a.test"), TLSFailed, "refuses: no application protocol"},
		{"we show none, 1.3", asking(0), ca.Trusting("a.test"), TLSFailed, "refuses: certificate required"},
		{"we show none, 1.2", asking(tls.VersionTLS12), ca.Trusting("a.test"), TLSFailed, "refuses: handshake failure"},
		{"ours is a stranger's", asking(0), config.PoolTLS{CAFile: ca.File, ServerName: "a.test", CertFile: stranger, KeyFile: strangerKey}, TLSFailed, "refuses: unknown certificate authority"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := startSecure(t, tc.server)
			cfg := poolOf(b.address)
			cfg.TLS, cfg.TLS.Enabled = tc.client, true
			var log bytes.Buffer
			_, p := buildWith(t, cfg, nil, Options{Shards: 2, Loops: testLoops(t, 2), Logger: zerolog.New(&log)})
			for range 3 {
				if out := ask(p, 0, ReuseFree); out != tc.want {
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
			if open, _ := p.Members()[0].clients.counts(); open > 1 {
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
	if out := ask(p, 0, ReuseFree); out != ConnectTimeout {
		t.Errorf("got %v; want %v", out, ConnectTimeout)
	}
	if got, want := p.Status().Backends[0].TLSError, "the handshake has not ended after 50ms"; got != want {
		t.Errorf("the status says %q; want %q", got, want)
	}
}

// A fault is over when an answer has come.
func TestFaultEndsWithAnAnswer(t *testing.T) {
	ca := rig.NewAuthority(t)
	b := startSecure(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}})
	cfg := poolOf(b.address)
	cfg.TLS = ca.Trusting("a.test")
	_, p := buildDialing(t, cfg, nil)
	p.Members()[0].clients.faults.met("the dog ate it")
	if got := p.Status().Backends[0].Reason; got != "TLS: the dog ate it" {
		t.Errorf("got %q", got)
	}
	if out := ask(p, 0, ReuseFree); out != OK {
		t.Fatal(out)
	}
	if s := p.Status().Backends[0]; s.TLSError != "" || s.Reason != "no health check" {
		t.Errorf("got %q and %q after an answer", s.TLSError, s.Reason)
	}
}

// Which name is asked for and which certificate satisfies it.
func TestNameOfABackend(t *testing.T) {
	ca := rig.NewAuthority(t)
	b := startSecure(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "localhost", "a.test", "127.0.0.1")}})
	_, port, err := net.SplitHostPort(b.address)
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
		if out := ask(p, 0, ReuseFree); out != OK {
			t.Errorf("%s as %q: %v: %s", tc.address, tc.name, out, p.Status().Backends[0].TLSError)
			continue
		}
		b.mu.Lock()
		if got := b.mu.names[len(b.mu.names)-1]; got != tc.sni {
			t.Errorf("%s as %q: asked for %q; want %q", tc.address, tc.name, got, tc.sni)
		}
		b.mu.Unlock()
	}
}

// Sessions are resumed on every shard, and forgotten when trust changes.
func TestSessionsAreResumed(t *testing.T) {
	ca := rig.NewAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			b := startSecure(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}, MaxVersion: version})
			cfg := poolOf(b.address)
			cfg.TLS = ca.Trusting("a.test")
			s, p := buildDialing(t, cfg, nil)
			_, again := buildDialing(t, cfg, s)
			cfg.TLS.ServerName, cfg.TLS.CAFile = "", ""
			cfg.TLS.InsecureSkipVerify = true
			_, changed := buildDialing(t, cfg, s)
			want := []bool{false, true, true, true, false, true}
			for i, use := range []*Pool{p, p, p, again, changed, changed} {
				if out := ask(use, i%2, ReuseNone); out != OK {
					t.Fatal(out)
				}
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			for i, resumed := range b.mu.resumed {
				if resumed != want[i] {
					t.Errorf("connection %d: resumed is %v; want %v", i, resumed, want[i])
				}
			}
		})
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
	b := startSecure(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(rig.Tomorrow(), "a.test")}, NextProtos: []string{"h2", "http/1.1"}})
	cfg := poolOf(b.address)
	cfg.TLS = ca.Trusting("a.test")
	_, p := buildDialing(t, cfg, nil)
	var a Attempt
	if out := a.Open(p.Members()[0].Client(0), ReuseFree); out != OK {
		t.Fatal(out)
	}
	defer a.Close(false, 0)
	if got := a.Conn().Protocol(); got != protocolHTTP1 {
		t.Errorf("agreed on %q; want %q", got, protocolHTTP1)
	}
}
