package engine

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// secureBackend is a backend with certificate c that counts its connections.
func secureBackend(t *testing.T, c *pair, version uint16, h http.HandlerFunc) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}, MaxVersion: version}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), connections
}

// behindTLS is a configuration whose backends have certificate c for a.test.
func behindTLS(c *pair, backends ...string) string {
	var list []string
	for _, b := range backends {
		list = append(list, fmt.Sprintf("{address: %q}", b))
	}
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [` + strings.Join(list, ", ") + `], tls: {enabled: true, server_name: a.test, ca_file: "` + c.certFile + `"}}}
shutdown: {drain: 5s}
`
}

func TestExchangesWithTLSBackends(t *testing.T) {
	c := newPair(t, tomorrow(), "a.test")
	content := noise(3 << 20)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			address, connections := secureBackend(t, c, version, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/long":
					_, _ = w.Write(content)
				case "/until-close":
					w.Header().Set("Connection", "close")
					_, _ = w.Write(content[:100_000])
				default:
					echo(w, r)
				}
			})
			r := start(t, behindTLS(c, address), "")
			cl := r.dial()
			for _, size := range []int{0, 10, 5000, 100_000, len(content)} {
				go cl.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s", size, content[:size]))
				if got := cl.receive("POST"); got.StatusCode != 200 || got.body != string(content[:size]) {
					t.Errorf("a body of %d bytes: got %d and %d bytes", size, got.StatusCode, len(got.body))
				}
			}
			for range 3 {
				if got := cl.get("/long").body; got != string(content) {
					t.Errorf("download: got %d bytes; want %d", len(got), len(content))
				}
			}
			if got := connections.Load(); got != 1 {
				t.Errorf("%d connections to the backend; want one that is used again", got)
			}
			if got := cl.get("/until-close").body; got != string(content[:100_000]) {
				t.Errorf("until close: got %d bytes", len(got))
			}
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					cl := r.dial()
					for range 20 {
						if got := cl.get("/").StatusCode; got != 200 {
							t.Errorf("got %d", got)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// A request whose backend cannot be trusted goes to another one, whatever its
// method is, and is answered when there is none.
func TestBackendsThatAreNotTrusted(t *testing.T) {
	good, bad := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "a.test")
	var seen atomic.Int64
	wrong, _ := secureBackend(t, bad, 0, func(http.ResponseWriter, *http.Request) { seen.Add(1) })
	right, _ := secureBackend(t, good, 0, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	const post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"

	r := start(t, behindTLS(good, wrong, right), "")
	c := r.dial()
	for range 10 {
		c.send(post)
		if got := c.receive("POST"); got.StatusCode != 200 || got.body != "hello" {
			t.Errorf("got %d %q; want 200 hello", got.StatusCode, got.body)
		}
	}
	status := r.engine.Pools()[0].Backends
	if status[0].Failures == 0 || !strings.Contains(status[0].Reason, "TLS: certificate signed by unknown authority") || status[1].Failures != 0 {
		t.Errorf("got %d failures, %q, and %d failures", status[0].Failures, status[0].Reason, status[1].Failures)
	}

	alone := start(t, behindTLS(good, wrong), "")
	c = alone.dial()
	c.send(post)
	if got := c.receive("POST"); got.StatusCode != 502 || got.Header.Get("X-Isame-Error") != "tls_failed" {
		t.Errorf("got %d %q; want 502 tls_failed", got.StatusCode, got.Header.Get("X-Isame-Error"))
	}
	if seen.Load() != 0 {
		t.Errorf("the backend that is not trusted saw %d requests", seen.Load())
	}
}

// A client certificate that is renewed is shown on the connections made from
// then on, and those that are idle end.
func TestCertificateForBackendsIsRenewed(t *testing.T) {
	c, client := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "client")
	var serial atomic.Pointer[string]
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text := r.TLS.PeerCertificates[0].SerialNumber.String()
		serial.Store(&text)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c.certificate}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	text := strings.Replace(behindTLS(c, s.Listener.Addr().String()), "tls: {enabled: true",
		fmt.Sprintf("tls: {enabled: true, cert_file: %q, key_file: %q", client.certFile, client.keyFile), 1)
	r := start(t, text, "")
	cl := r.dial()
	for range 2 {
		cl.get("/")
		if want := client.leaf.SerialNumber.String(); *serial.Load() != want {
			t.Errorf("the backend was shown %s; want %s", *serial.Load(), want)
		}
		client.renew(t, tomorrow(), "client")
		r.apply(text, "")
	}
	eventually(t, func() string { return "old connections are closed" }, func() bool {
		return r.engine.Pools()[0].Backends[0].ConnectionsOpen == 0
	})
}
