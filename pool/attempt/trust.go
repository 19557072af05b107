package attempt

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/rs/zerolog"
)

// BaseTLS is what both sides of the proxy say of TLS, whatever the files: versions,
// suites and curves. What it returns is the caller's.
func BaseTLS(lowest uint16) *tls.Config {
	return &tls.Config{
		MinVersion: lowest, MaxVersion: tls.VersionTLS13,
		// For TLS 1.2; those of 1.3 are all good. The default has CBC suites too.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// The post-quantum hybrids and the plain curves that clients have.
		CurvePreferences: []tls.CurveID{
			tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384,
		},
		// Small first records (the default) would be 90 system calls for 128 KiB.
		DynamicRecordSizingDisabled: true,
	}
}

// Trust is how a pool speaks TLS to its backends: whom it believes, as whom it
// comes, and what it offers to speak. It never changes: when a file does, a
// reload makes another one.
type Trust struct {
	base     *tls.Config       // without a name and sessions
	digest   [sha256.Size]byte // of everything that base was made of
	verified bool
}

// NewTrust reads the files of a pool; nil when it speaks clear text. path is
// where the configuration has its tls section.
func NewTrust(path string, cfg *config.Pool) (*Trust, error) {
	c := &cfg.TLS
	if !c.Enabled {
		return nil, nil //nolint:nilnil // clear text has none
	}
	t := &Trust{base: BaseTLS(tls.VersionTLS12), verified: !c.InsecureSkipVerify}
	t.base.NextProtos = offers(cfg.Protocol)
	t.base.InsecureSkipVerify = c.InsecureSkipVerify
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%v %q", c.InsecureSkipVerify, t.base.NextProtos)
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s.ca_file: cannot read authorities %q: %w", path, c.CAFile, err)
		}
		t.base.RootCAs = x509.NewCertPool()
		if !t.base.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s.ca_file: cannot use authorities %q: no certificate in PEM", path, c.CAFile)
		}
		_, _ = fmt.Fprintf(sum, " ca %q", data)
	}
	if c.CertFile != "" {
		if err := t.present(path, c); err != nil {
			return nil, err
		}
		_, _ = fmt.Fprintf(sum, " certificate %q", t.certificate().Certificate)
	}
	sum.Sum(t.digest[:0])
	return t, nil
}

// present makes us show a certificate to every backend that asks for one, also
// where it names other authorities than ours: its refusal then says more than
// that no certificate came.
func (t *Trust) present(path string, c *config.PoolTLS) error {
	certificate, err := config.ReadKeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return fmt.Errorf("%s.cert_file: cannot use certificate %q with key %q: %w", path, c.CertFile, c.KeyFile, err)
	}
	t.base.Certificates = []tls.Certificate{*certificate}
	t.base.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	return nil
}

// Same reports that both were made of the same, keys and files. nil is clear text.
func (t *Trust) Same(o *Trust) bool {
	if t == nil || o == nil {
		return t == o
	}
	return t.digest == o.digest
}

// Warn says so when backends will refuse our certificate.
func (t *Trust) Warn(log *zerolog.Logger, now time.Time) {
	if t == nil || t.certificate() == nil || t.certificate().Leaf == nil {
		return
	}
	if leaf := t.certificate().Leaf; now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		log.Warn().Time("not_before", leaf.NotBefore).Time("not_after", leaf.NotAfter).
			Msg("the certificate that backends are shown has expired or is not valid yet")
	}
}

// certificate is the one we show; nil without.
func (t *Trust) certificate() *tls.Certificate {
	if len(t.base.Certificates) == 0 {
		return nil
	}
	return &t.base.Certificates[0]
}

// Config is what a handshake with a backend of this name needs. protocols are
// what is offered by ALPN, nil what the pool says.
func (t *Trust) Config(name string, protocols []string, sessions tls.ClientSessionCache) *tls.Config {
	c := t.base.Clone()
	c.ServerName, c.ClientSessionCache = name, sessions
	if protocols != nil {
		c.NextProtos = slices.Clone(protocols)
	}
	return c
}

// Names of protocols in ALPN.
const (
	ProtocolHTTP1 = "http/1.1"
	ProtocolHTTP2 = "h2"
)

// offers is what a pool of this protocol offers to speak, the most wanted first.
func offers(protocol string) []string {
	switch protocol {
	case "h2":
		return []string{ProtocolHTTP2}
	case "auto":
		return []string{ProtocolHTTP2, ProtocolHTTP1}
	}
	return []string{ProtocolHTTP1}
}
