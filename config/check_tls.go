package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"strings"
	"time"
)

// listenerTLS checks how a listener speaks TLS.
func (c *checker) listenerTLS(path string, t *ListenerTLS) {
	if len(t.Certificates) == 0 && len(t.ACME) == 0 {
		c.reportf(path, "needs certificates or acme")
	}
	for i, certificate := range t.Certificates {
		c.keyPair(indexPath(path+".certificates", i), certificate.CertFile, certificate.KeyFile)
	}
	c.issuers(path+".acme", t.ACME)
	c.clientAuth(path+".client_auth", &t.ClientAuth)
	c.handshakes(path, t)
	if t.HSTS != nil {
		c.hsts(path+".hsts", t.HSTS)
	}
}

// clientAuth checks what clients are asked for.
func (c *checker) clientAuth(path string, a *ClientAuth) {
	if a.CAFile != "" {
		c.authorities(path+".ca_file", a.CAFile)
	} else if a.Mode == "require" {
		c.reportf(path+".ca_file", "is required when client_auth.mode is require")
	}
	c.clientHeaders(path, a)
}

// preloadAge is what hstspreload.org asks for.
const preloadAge = 365 * 24 * time.Hour

func (c *checker) hsts(path string, h *HSTS) {
	if h.MaxAge%time.Second != 0 {
		c.reportf(path+".max_age", "%s is not a whole number of seconds", FormatDuration(h.MaxAge))
	}
	if h.Preload && (h.MaxAge < preloadAge || !h.IncludeSubdomains) {
		c.reportf(path+".preload", "needs include_subdomains and a max_age of at least %s: lists of browsers take nothing less",
			FormatDuration(preloadAge))
	}
}

// clientFacts are what client_auth.headers can say of a certificate.
func clientFacts() []string {
	return []string{"subject", "issuer", "serial", "fingerprint", "san", "not_after", "certificate", "verified"}
}

// ownFields are fields that frame a message or that the proxy writes already.
func ownFields() []string {
	return []string{
		"connection", "content-length", "expect", wordHost, "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto", "x-request-id",
	}
}

// clientHeaders checks the fields that tell backends of a client's certificate.
// Names are compared as CGI backends read them: without case, _ for -.
func (c *checker) clientHeaders(auth string, a *ClientAuth) {
	path := auth + ".headers"
	if len(a.Headers) > 0 && a.Mode == "none" {
		c.reportf(path, "has no effect while client_auth.mode is none")
	}
	first := map[string]string{}
	for _, name := range sortedNames(a.Headers) {
		at := joinPath(path, name)
		if !c.token(at, "header field", name) {
			continue
		}
		folded := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		switch fact := a.Headers[name]; {
		case slices.Contains(ownFields(), folded):
			c.reportf(at, "is a field the proxy needs for itself")
		case first[folded] != "":
			c.reportf(at, "is the same field as %q", first[folded])
		case !slices.Contains(clientFacts(), fact):
			c.reportf(at, "%s is none of %s%s", c.quote(at, fact), strings.Join(clientFacts(), ", "), DidYouMean(fact, clientFacts()))
		}
		first[folded] = name
	}
}

// isVisible reports text of visible ASCII characters.
func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// keyPair checks that a certificate and its key can be read and fit together.
func (c *checker) keyPair(path, certFile, keyFile string) {
	cert, certOK := c.readFile(path+".cert_file", certFile)
	key, keyOK := c.readFile(path+".key_file", keyFile)
	if !certOK || !keyOK {
		return
	}
	if _, err := FitKeyPair(cert, key, certFile, keyFile); err != nil {
		c.reportf(path+".cert_file", "%s and its key cannot be used: %s", c.quote(path+".cert_file", certFile), err)
	}
}

// A pair that does not fit together is read so often, so long after each other.
const (
	fitTries = 4
	fitPause = 50 * time.Millisecond
)

// ReadKeyPair reads a certificate and its key, as FitKeyPair does where they are being
// replaced.
func ReadKeyPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file; the caller knows what it is for
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return FitKeyPair(cert, key, certFile, keyFile)
}

// FitKeyPair makes a certificate of what was read of two files. Whoever renews one
// replaces them one after the other: where they do not fit together they are read
// again for a moment.
func FitKeyPair(cert, key []byte, certFile, keyFile string) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(cert, key) // sets Leaf
	for n := 1; err != nil && n < fitTries; n++ {
		<-time.After(fitPause)
		newCert, certErr := os.ReadFile(certFile)
		newKey, keyErr := os.ReadFile(keyFile)
		if certErr == nil && keyErr == nil {
			pair, err = tls.X509KeyPair(newCert, newKey)
		}
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller knows which pair it is
	}
	return &pair, nil
}

// authorities checks a file of CA certificates.
func (c *checker) authorities(path, file string) {
	data, ok := c.readFile(path, file)
	if ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
		c.reportf(path, "%s holds no certificate in PEM", c.quote(path, file))
	}
}

// certificateBytesMax bounds a file of certificates; a bundle of every public authority has 250 KiB.
const certificateBytesMax = 4 << 20

// readFile reads a file that the configuration names. An empty name is not a
// file: whether the key is required is checked elsewhere.
func (c *checker) readFile(path, file string) ([]byte, bool) {
	if file == "" || c.broken[path] {
		return nil, false
	}
	c.files = append(c.files, file)
	stat, err := os.Stat(file)
	switch {
	case err != nil:
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
		return nil, false
	case !stat.Mode().IsRegular():
		c.reportf(path, "cannot read %s: it is not a regular file", c.quote(path, file))
		return nil, false
	case stat.Size() > certificateBytesMax:
		c.reportf(path, "cannot read %s: it is larger than %s", c.quote(path, file), Size(certificateBytesMax))
		return nil, false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		c.reportf(path, "cannot read %s: %s", c.quote(path, file), reason(err))
		return nil, false
	}
	return data, true
}
