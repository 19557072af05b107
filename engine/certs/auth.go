package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/isame-lb/isame-lb/config"
)

// ClientAuth is a client_auth section, compiled: what clients are asked for, and what
// backends are told of them.
type ClientAuth struct {
	Asked  [sha256.Size]byte // equal for sections that ask for the same
	Fields *ClientFields     // nil is nothing

	authorities *x509.CertPool
	kind        tls.ClientAuthType
}

// NewClientAuth reads the files of a section, which stands at path.
func NewClientAuth(path string, c *config.ClientAuth) (*ClientAuth, error) {
	a := &ClientAuth{Fields: NewClientFields(c.Headers)}
	asked := sha256.New()
	_, _ = io.WriteString(asked, c.Mode)
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s.ca_file: cannot read authorities %q: %w", path, c.CAFile, err)
		}
		a.authorities = x509.NewCertPool()
		if !a.authorities.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s.ca_file: cannot use authorities %q: no certificate in PEM", path, c.CAFile)
		}
		_, _ = asked.Write(data)
	}
	switch {
	case c.Mode == "require":
		a.kind = tls.RequireAndVerifyClientCert
	case c.Mode == "request" && c.CAFile != "":
		a.kind = tls.VerifyClientCertIfGiven
	case c.Mode == "request":
		a.kind = tls.RequestClientCert
	}
	asked.Sum(a.Asked[:0])
	return a, nil
}

// Ask has clients of c asked.
func (a *ClientAuth) Ask(c *tls.Config) {
	c.ClientCAs, c.ClientAuth = a.authorities, a.kind
	if a.Fields != nil {
		c.VerifyConnection = a.Fields.Accepts
	}
}
