package load

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// rawTLS is raw behind TLS, with the configuration a client needs.
func rawTLS(t *testing.T, serve func(n int, c net.Conn, r *bufio.Reader)) (url string, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.StartTLS() // only for its certificate
	t.Cleanup(s.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: s.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	rawOn(t, l, serve)
	return "https://" + l.Addr().String() + "/", clientOf(t, s)
}

// clientOf is a configuration that trusts a test server.
func clientOf(t *testing.T, s *httptest.Server) *tls.Config {
	t.Helper()
	transport, ok := s.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the test server's client has another transport")
	}
	return &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
}

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestTLSSessionsResume(t *testing.T) {
	resumed := make(chan bool, 64)
	url, config := rawTLS(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if _, _, err := request(r); err == nil {
			if secure, ok := c.(*tls.Conn); ok {
				resumed <- secure.ConnectionState().DidResume
			}
			_, _ = io.WriteString(c, okAnswer)
		}
	})
	config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	r := mustRun(t, Plan{URL: url, Connections: 1, Count: 5, NoKeepAlive: true, TLS: config})
	close(resumed)
	n := 0
	for yes := range resumed {
		if yes {
			n++
		}
	}
	if r.Requests != 5 || n != 4 || r.Resumed != 4 {
		t.Errorf("got %d answers (%v), %d on resumed sessions, %d counted; want 5, 4 and 4", r.Requests, r.Causes, n, r.Resumed)
	}
}
