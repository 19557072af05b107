package ctl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert = &x509.Certificate{IsCA: true, BasicConstraintsValid: true, Subject: pkix.Name{CommonName: "authority"}, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = a.sign(a.cert, nil)
	a.file = a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a certificate of a template; no parent signs itself.
func (a *authority) sign(template *x509.Certificate, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<60)); err != nil {
		a.t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	by, signer := template, key
	if parent != nil {
		by, signer = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// issue writes NAME.pem and NAME.key of a certificate that is good for both sides.
func (a *authority) issue(name string, template x509.Certificate) (certFile, keyFile string) {
	a.t.Helper()
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	cert, key := a.sign(&template, a)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", "CERTIFICATE", cert.Raw), a.write(name+".key", "PRIVATE KEY", private)
}

// terms is admin.tls with a new certificate of a, in the same files each time.
func (a *authority) terms() *config.AdminTLS {
	a.t.Helper()
	certFile, keyFile := a.issue("server", x509.Certificate{Subject: pkix.Name{CommonName: "server"}})
	return &config.AdminTLS{CertFile: certFile, KeyFile: keyFile}
}

func loadTLS(t *testing.T, c *config.AdminTLS) *tls.Config {
	t.Helper()
	loaded, err := LoadTLS(c)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// client is one that believes a, with a certificate where files are named.
func (a *authority) client(files ...string) *http.Client {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	c := &tls.Config{RootCAs: roots}
	if len(files) == 2 {
		pair, err := tls.LoadX509KeyPair(files[0], files[1])
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: c}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// fetch asks, and returns the status, the serial number of the server and whether the
// connection ends; an error where there is no answer.
func fetch(t *testing.T, c *http.Client, method, target, token string) (status int, serial string, closes bool, err error) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		rq.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(rq)
	if err != nil {
		return 0, "", false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.TLS != nil {
		serial = resp.TLS.PeerCertificates[0].SerialNumber.String()
	}
	return resp.StatusCode, serial, resp.Close, nil
}

// TestClientCertificatesAreAskedFor: client_ca_file asks for a certificate beside a
// token, which alone has a role; without tokens the certificate says who made a change.
func TestClientCertificatesAreAskedFor(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	terms := ours.terms()
	terms.ClientCAFile = ours.file
	certFile, keyFile := ours.issue("alice", x509.Certificate{Subject: pkix.Name{CommonName: "alice", Organization: []string{"ops"}}})
	uri, err := url.Parse("spiffe://a.example/bob")
	if err != nil {
		t.Fatal(err)
	}
	bobCert, bobKey := ours.issue("bob", x509.Certificate{URIs: []*url.URL{uri}})
	strangerCert, strangerKey := other.issue("stranger", x509.Certificate{Subject: pkix.Name{CommonName: "stranger"}})

	s, log := startLogged(t, Options{TLS: loadTLS(t, terms), Sources: sampleSources(new([]string))})
	target := "https://" + s.Addr().String() + "/api/v1/reload"
	for name, c := range map[string]*http.Client{"none": ours.client(), "stranger": ours.client(strangerCert, strangerKey)} {
		if status, _, _, err := fetch(t, c, "POST", target, ""); err == nil {
			t.Errorf("%s: got %d; want no answer", name, status)
		}
	}
	for want, c := range map[string]*http.Client{"CN=alice,O=ops": ours.client(certFile, keyFile), "spiffe://a.example/bob": ours.client(bobCert, bobKey)} {
		status, _, _, err := fetch(t, c, "POST", target, "")
		if line := log.find(t, "admin change"); err != nil || status != 200 || line["author"] != want || line["via"] != "certificate" {
			t.Errorf("got %d %v, %v; want 200 as %s", status, err, line, want)
		}
	}
	s.SetAccess(&Access{Tokens: oneOfEach(), TLS: s.tls.Load()})
	alice := ours.client(certFile, keyFile)
	for token, want := range map[string]int{"": 401, "secret-read": 403, "secret-operate": 200} {
		if status, _, _, err := fetch(t, alice, "POST", target, token); err != nil || status != want {
			t.Errorf("token %q: got %d %v; want %d", token, status, err, want)
		}
	}
	if line := log.find(t, "admin change"); line["author"] != "the-operate" {
		t.Errorf("got %v; want the name of the token", line)
	}
}

// TestTLSChangesWhileItServes renews the certificate, then switches TLS off and on.
func TestTLSChangesWhileItServes(t *testing.T) {
	a := newAuthority(t)
	terms := a.terms()
	s := start(t, Options{TLS: loadTLS(t, terms)})
	secure, plain := "https://"+s.Addr().String()+"/health", "http://"+s.Addr().String()+"/health"
	kept := a.client()
	status, first, _, err := fetch(t, kept, "GET", secure, "")
	if err != nil || status != 200 {
		t.Fatalf("got %d %v; want 200", status, err)
	}
	s.SetAccess(&Access{TLS: loadTLS(t, terms)})
	if _, _, closes, err := fetch(t, kept, "GET", secure, ""); err != nil || closes {
		t.Errorf("read again, the same files: got the end of the connection (%v), %v; want it kept", closes, err)
	}
	a.terms() // the same files
	s.SetAccess(&Access{TLS: loadTLS(t, terms)})
	if _, serial, closes, err := fetch(t, kept, "GET", secure, ""); err != nil || !closes || serial != first {
		t.Errorf("renewed: got serial %s, the end (%v), %v; want the old one's last answer", serial, closes, err)
	}
	if _, serial, _, err := fetch(t, kept, "GET", secure, ""); err != nil || serial == first {
		t.Errorf("renewed: got serial %s, %v; want another one", serial, err)
	}
	s.SetAccess(&Access{})
	if status, _, _, err := fetch(t, a.client(), "GET", plain, ""); err != nil || status != 200 {
		t.Errorf("switched off: got %d, %v; want 200 in clear text", status, err)
	}
	s.SetAccess(&Access{TLS: loadTLS(t, terms)})
	if status, _, _, err := fetch(t, a.client(), "GET", secure, ""); err != nil || status != 200 {
		t.Errorf("switched on: got %d, %v; want 200", status, err)
	}
}

func TestLoadTLSNamesWhatIsWrong(t *testing.T) {
	a := newAuthority(t)
	good := *a.terms()
	text := filepath.Join(a.dir, "text.pem")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.AdminTLS){
		"admin.tls: cannot use certificate":                          func(c *config.AdminTLS) { c.CertFile = filepath.Join(a.dir, "none.pem") },
		"admin.tls: cannot use":                                      func(c *config.AdminTLS) { c.KeyFile = a.file },
		"admin.tls.client_ca_file: cannot read authorities":          func(c *config.AdminTLS) { c.ClientCAFile = filepath.Join(a.dir, "none.pem") },
		"admin.tls.client_ca_file: cannot use authorities \"" + text: func(c *config.AdminTLS) { c.ClientCAFile = text },
	} {
		c := good
		change(&c)
		if _, err := LoadTLS(&c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	if c := loadTLS(t, &good); c.MinVersion != tls.VersionTLS12 || c.ClientAuth != tls.NoClientCert {
		t.Errorf("got version %x, client certificates %v; want at least 1.2 and none", c.MinVersion, c.ClientAuth)
	}
}

func TestSubjectIsBounded(t *testing.T) {
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: strings.Repeat("a", 4000)}, SerialNumber: big.NewInt(0x1f)}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	if got := subjectOf(state); len(got) != subjectBytesMax {
		t.Errorf("got %d bytes; want %d", len(got), subjectBytesMax)
	}
	leaf.Subject = pkix.Name{}
	if got := subjectOf(state); got != "serial 1f" {
		t.Errorf("got %q; want the serial number", got)
	}
	leaf.DNSNames = []string{"a.example"}
	if got := subjectOf(state); got != "a.example" {
		t.Errorf("got %q; want the name", got)
	}
	state.VerifiedChains = nil
	if got := subjectOf(state); got != "" {
		t.Errorf("not verified: got %q; want nothing", got)
	}
}

// TestHolderThatAsksForCertificatesIsAsked: a process that drains is recognised behind
// client_ca_file as well, where its own certificate is good for clients.
func TestHolderThatAsksForCertificatesIsAsked(t *testing.T) {
	a := newAuthority(t)
	terms := a.terms()
	terms.ClientCAFile = a.file
	_, next := held(t, Options{TLS: loadTLS(t, terms)}, api.StateDraining)
	if !next.holderDrains() {
		t.Error("got no; want that the holder drains")
	}
}
