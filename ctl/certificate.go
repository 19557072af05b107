package ctl

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"slices"

	"github.com/isame-lb/isame-lb/config"
)

// LoadTLS reads the files of admin.tls, which has a certificate.
func LoadTLS(t *config.AdminTLS) (*tls.Config, error) {
	pair, err := config.ReadKeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("admin.tls: cannot use certificate %q with key %q: %w", t.CertFile, t.KeyFile, err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{*pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"}, // fasthttp speaks no other
	}
	if t.ClientCAFile == "" {
		return c, nil
	}
	authorities, err := os.ReadFile(t.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("admin.tls.client_ca_file: cannot read authorities %q: %w", t.ClientCAFile, err)
	}
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("admin.tls.client_ca_file: cannot use authorities %q: no certificate in PEM", t.ClientCAFile)
	}
	return c, nil
}

// sameTLS reports that connections under a are as good as those under b.
func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ClientAuth == b.ClientAuth && a.ClientCAs.Equal(b.ClientCAs) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(x, y tls.Certificate) bool {
			return slices.EqualFunc(x.Certificate, y.Certificate, bytes.Equal)
		})
}

// termsListener begins TLS on connections that come while it is on, and notes the terms
// that a connection came under.
type termsListener struct {
	net.Listener
	server *Server
}

// Accept returns the next connection. The handshake is at its first read, in the
// goroutine and within the time of its first request.
func (l *termsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // a wrapper of a listener answers as the listener
	}
	terms := l.server.tls.Load()
	if lingers, ok := c.(*lingerConn); ok {
		lingers.terms = terms
	}
	if terms == nil {
		return c, nil
	}
	return tls.Server(c, terms), nil
}

// isOutdated reports a connection that came under other terms than those of now: its
// next answer is the last one.
func (s *Server) isOutdated(c net.Conn) bool {
	l := lingering(c)
	return l != nil && l.terms != s.tls.Load()
}
