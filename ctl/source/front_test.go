package source

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/pool/rig"
)

// serveTLS is an address that speaks TLS, asks for certificates of an authority, and passes
// on what it hears to a server in clear text.
func serveTLS(t *testing.T, to string, clients *rig.Authority, certFile, keyFile string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients.Pool(), NextProtos: []string{"h2"},
		MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			open.Go(func() { _, _ = io.Copy(out, in); out.Close(); in.Close() })
			open.Go(func() { _, _ = io.Copy(in, out); out.Close(); in.Close() })
		}
	})
	return l.Addr().String()
}
