package proxies

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// edge is how all contenders speak TLS: version 1.3, one certificate, one cipher
// suite, session tickets on, and a key exchange that all of them know.
type edge struct {
	certFile, keyFile string // PEM
	bothFile          string // both in one file, as HAProxy reads it
	roots             *x509.CertPool
	exchange          exchange
	without           []string // contenders that know no hybrid
}

// exchange is one agreement on keys, as each program calls it.
type exchange struct {
	name    string // as isame-bench run --tls-curves has it
	openSSL string // the list HAProxy and nginx are given
	caddy   string
	id      tls.CurveID
}

// The hybrid is taken when all contenders know it: what one key exchange costs
// more than another is not what is compared. Behind it stands the plain one, for
// h2load, whose connections are made before anything is measured.
var (
	hybridExchange = exchange{"X25519MLKEM768", "X25519MLKEM768:X25519", "x25519mlkem768 x25519", tls.X25519MLKEM768}
	plainExchange  = exchange{"X25519", "X25519", "x25519", tls.X25519}
)

// cipherSuite is what Go's TLS and h2load ask for first, where the processor has
// AES. HAProxy would insist on AES-256 by itself, at twice the price.
const cipherSuite = "TLS_AES_128_GCM_SHA256"

// secured is the edge of this comparison; the first call makes it, and finds out
// which key exchange all contenders know.
func (h *harness) secured(ctx context.Context, backends []string) (*edge, error) {
	if h.edge != nil {
		return h.edge, nil
	}
	e, err := newEdge(h.dir)
	if err != nil {
		return nil, err
	}
	e.exchange = hybridExchange
	for _, p := range h.contenders {
		running, err := h.enter(ctx, p, setup{backends: backends, edge: e})
		if err != nil {
			e.without = append(e.without, p.name)
			continue
		}
		running.process.stop()
	}
	if len(e.without) > 0 {
		e.exchange = plainExchange
	}
	h.edge = e
	return e, nil
}

// newEdge makes a certificate for the loopback address and writes it into dir.
func newEdge(dir string) (*edge, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "isame-bench"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot make a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a key: %w", err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	e := &edge{roots: x509.NewCertPool(), exchange: plainExchange}
	e.roots.AppendCertsFromPEM(certificate)
	for _, f := range []struct {
		path *string
		name string
		text []byte
	}{
		{&e.certFile, "edge.pem", certificate},
		{&e.keyFile, "edge.key", private},
		{&e.bothFile, "edge.both.pem", append(certificate, private...)},
	} {
		if *f.path, err = writeConfig(dir, f.name, string(f.text)); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// client speaks to a contender, or not at all if that wants another version or
// key exchange. Nil for clear text.
func (e *edge) client() *tls.Config {
	if e == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: e.roots, ServerName: "127.0.0.1", CurvePreferences: []tls.CurveID{e.exchange.id}}
}

// describe is for the caption of the table.
func (e *edge) describe() string {
	text := "TLS: 1.3, certificate ECDSA P-256, " + cipherSuite + ", session tickets, key exchange " + e.exchange.name
	if len(e.without) > 0 {
		text += " (the post-quantum " + hybridExchange.name + " is not known to all: not to " + strings.Join(e.without, ", ") + ")"
	}
	return text + "."
}
