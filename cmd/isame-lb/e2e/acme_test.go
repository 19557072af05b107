package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// managed is a configuration with listener clear, which sends everybody to https,
// and listener web; more is of its tls section. Both keep their ports over reloads.
func managed(backends, inClear, more string) string {
	return `
listeners:
  ` + inClear + `
  web: {address: "127.0.0.1:0", tls: {` + strings.TrimPrefix(more, ", ") + `}}
admin: {address: "127.0.0.1:0"}
log: {format: json}
routes: {all: {listeners: [web], pool: p}}
pools: {p: {backends: ` + backends + `}}
`
}

const clearListener = `clear: {address: "localhost:0", redirect_https: {}}`

// addressOf is where a listener really listens.
func (p *proxy) addressOf(listener string) string {
	p.t.Helper()
	line := p.log.find("listening", "listener", listener)
	if line == nil {
		p.t.Fatalf("listener %s does not listen", listener)
	}
	address, _ := line["address"].(string)
	return address
}

// shown is the certificate that listener web shows a client that asks for a host.
func (p *proxy) shown(host string) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: patience}
	conn, err := tls.DialWithDialer(dialer, "tcp", p.addressOf("web"), &tls.Config{InsecureSkipVerify: true, ServerName: host})
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// waitIssued waits until a host is shown a certificate of the server, other than
// before, and returns it.
func (p *proxy) waitIssued(host string, before *x509.Certificate) *x509.Certificate {
	p.t.Helper()
	var got *x509.Certificate
	eventually(p.t, "a certificate for "+host, func() string {
		c, err := p.shown(host)
		switch {
		case err != nil:
			return err.Error()
		case !strings.Contains(c.Issuer.CommonName, "Pebble") || before != nil && c.Equal(before):
			return "that of " + c.Issuer.String()
		}
		got = c
		return ""
	})
	return got
}

// asking is a client for host on listener web, with connections kept or not.
func (p *proxy) asking(host string, keep bool) *http.Client {
	address := p.addressOf("web")
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: host}, DisableKeepAlives: !keep,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// loadOf asks for a host without a pause, every fourth time on a fresh connection.
func (p *proxy) loadOf(host string) (stop func()) {
	p.t.Helper()
	kept, fresh := p.asking(host, true), p.asking(host, false)
	return startLoad(p.t, func(ctx context.Context, _ *http.Client, n int) error {
		client := kept
		if n%4 == 0 {
			client = fresh
		}
		return expectOK(ctx, client, http.MethodGet, "https://"+host+"/", "")
	})
}

// TestACMEByHTTP has a server that reaches the proxy in clear text only: it gets
// its answers on a listener that redirects everybody else. A host is added under
// load, and a restart asks nobody.
func TestACMEByHTTP(t *testing.T) {
	t.Parallel()
	b, own, storage := newBackend(t, nil), newPair(t, tomorrow(), "file.test"), t.TempDir()
	file := fmt.Sprintf(", certificates: [{cert_file: %q, key_file: %q}]", own.certFile, own.keyFile)
	p := start(t, managed(members(b), clearListener, file))
	server := startPebble(t, validation{httpAddress: p.addressOf("clear"), seconds: 90 * 24 * 3600})
	p.reload(managed(members(b), clearListener, file+server.acme(storage, "a.test")), "applied")
	one := p.waitIssued("a.test", nil)
	if _, err := one.Verify(x509.VerifyOptions{DNSName: "a.test", Roots: server.roots(), Intermediates: p.intermediates("a.test")}); err != nil {
		t.Errorf("the chain: %v", err)
	}
	if c, err := p.shown("file.test"); err != nil || c.SerialNumber.Cmp(own.serial) != 0 {
		t.Errorf("another name: got %v, %v; want the file's", c, err)
	}
	challenge := "http://" + p.addressOf("clear") + "/.well-known/acme-challenge/unknown"
	noRedirects := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience}
	if a, err := tryExchange(noRedirects, request(t, http.MethodGet, challenge, "")); err != nil || a.status != http.StatusPermanentRedirect {
		t.Errorf("an unknown token: got %v, %v; want what the listener does with everything", a, err)
	}
	if got := p.metric("isame_certificate_expiry_seconds", "name", "a.test"); got < 89*24*3600 || got > 90*24*3600 {
		t.Errorf("expiry: got %v seconds; want 90 days", got)
	}

	stop := p.loadOf("a.test")
	both := managed(members(b), clearListener, file+server.acme(storage, "a.test, b.test"))
	p.reload(both, "applied")
	two := p.waitIssued("b.test", nil)
	stop()
	if again, err := p.shown("a.test"); err != nil || !again.Equal(one) {
		t.Errorf("after the reload a.test has another certificate: %v", err)
	}

	p.end()
	server.stop()
	p = start(t, both)
	for host, want := range map[string]*x509.Certificate{"a.test": one, "b.test": two} {
		if got, err := p.shown(host); err != nil || !got.Equal(want) {
			t.Errorf("after a restart without the server: %s has another certificate, or %v", host, err)
		}
	}
}

// intermediates are those a host is shown.
func (p *proxy) intermediates(host string) *x509.CertPool {
	p.t.Helper()
	conn, err := tls.Dial("tcp", p.addressOf("web"), &tls.Config{InsecureSkipVerify: true, ServerName: host})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	pool := x509.NewCertPool()
	for _, c := range conn.ConnectionState().PeerCertificates[1:] {
		pool.AddCert(c)
	}
	return pool
}

// TestACMEByALPN has no listener in clear text, and certificates that are good for
// six seconds: each is replaced in time, and no client notices.
func TestACMEByALPN(t *testing.T) {
	t.Parallel()
	b, own, storage := newBackend(t, nil), newPair(t, tomorrow(), "file.test"), t.TempDir()
	file := fmt.Sprintf(", certificates: [{cert_file: %q, key_file: %q}]", own.certFile, own.keyFile)
	p := start(t, managed(members(b), "", file))
	server := startPebble(t, validation{tlsAddress: p.addressOf("web"), seconds: 6})
	refusing := file + ", unknown_sni: refuse" // which challenges do not mind
	p.reload(managed(members(b), "", refusing+server.acme(storage, "a.test")), "applied")
	shown := p.waitIssued("a.test", nil)
	stop := p.loadOf("a.test")
	for range 2 {
		shown = p.waitIssued("a.test", shown)
		if left := time.Until(shown.NotAfter); left < 0 {
			t.Errorf("the new certificate has ended %v ago", -left)
		}
	}
	stop()
	p.eventuallyCounts(0, "isame_connections_failed_total", "listener", "web", "reason", "tls_handshake")
}

// TestStartDoesNotWaitForTheServer has one that takes connections and says nothing.
func TestStartDoesNotWaitForTheServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	b := newBackend(t, nil)
	acme := fmt.Sprintf(`acme: {hosts: [a.test], directory: "https://%s/dir", storage: %q}`, silent.Addr(), t.TempDir())
	p := start(t, managed(members(b), clearListener, acme))
	if c, err := p.shown("a.test"); err == nil {
		t.Errorf("got a certificate of %s; want no handshake", c.Issuer)
	}
	eventually(t, "the log says why", func() string {
		line := p.log.find("a connection ended before its first request", "listener", "web")
		if line == nil {
			return "silent"
		}
		if text, _ := line["error"].(string); !strings.Contains(text, `the ACME server has not issued one for "a.test" yet`) {
			return text
		}
		return ""
	})
	p.reload(managed(members(b), clearListener, strings.Replace(acme, "a.test", "a.test, b.test", 1)), "applied")
	began := time.Now()
	p.end() // the request under way is broken off
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
}
