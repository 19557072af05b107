package proxies

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
)

// agree is what a client of the edge agrees on with a server of certFile and keyFile.
func agree(t *testing.T, e *edge, server *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(e.certFile, e.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	server.Certificates = []tls.Certificate{pair}
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.Close()
		_ = tls.Server(b, server).HandshakeContext(t.Context())
	}()
	c := tls.Client(a, e.client())
	err = c.HandshakeContext(t.Context())
	a.Close()
	<-done
	return c.ConnectionState(), err
}

func TestEdgeAgreesOnNothingElse(t *testing.T) {
	e, err := newEdge(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []exchange{plainExchange, hybridExchange} {
		e.exchange = x
		state, err := agree(t, e, &tls.Config{MinVersion: tls.VersionTLS12})
		if err != nil || state.Version != tls.VersionTLS13 || state.CurveID != x.id {
			t.Errorf("got %v, version %x, %v; want TLS 1.3 and %s", err, state.Version, state.CurveID, x.name)
		}
		if _, err := agree(t, e, &tls.Config{MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP384}}); err == nil {
			t.Errorf("%s: agreed with a server that knows P-384 only", x.name)
		}
		if _, err := agree(t, e, &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}); err == nil {
			t.Errorf("%s: agreed with a server that knows TLS 1.2 only", x.name)
		}
	}
	if _, err := tls.LoadX509KeyPair(e.bothFile, e.bothFile); err != nil {
		t.Errorf("the file of both: %v", err)
	}
}

func TestCaptionNamesTheKeyExchange(t *testing.T) {
	e := &edge{exchange: hybridExchange}
	if got := e.describe(); !strings.HasSuffix(got, "key exchange X25519MLKEM768.") {
		t.Errorf("got %q", got)
	}
	e = &edge{exchange: plainExchange, without: []string{"a", "b"}}
	if got := e.describe(); !strings.Contains(got, "key exchange X25519 (") || !strings.Contains(got, "not to a, b)") {
		t.Errorf("got %q", got)
	}
	var none *edge
	if none.client() != nil {
		t.Error("clear text needs no configuration")
	}
}
