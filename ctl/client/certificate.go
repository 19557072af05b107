package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tls is how an https endpoint is spoken to.
func (o *Options) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		authorities, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the authorities of the admin API: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("cannot use the authorities %q: no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile == "" && o.KeyFile == "" {
		return c, nil
	}
	if o.CertFile == "" || o.KeyFile == "" {
		return nil, fmt.Errorf("cannot use certificate %q with key %q: both files are needed", o.CertFile, o.KeyFile)
	}
	pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("cannot use certificate %q with key %q: %w", o.CertFile, o.KeyFile, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
