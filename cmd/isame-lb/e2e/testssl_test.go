package e2e

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// finding is one line of testssl.sh's report.
type finding struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Finding  string `json:"finding"`
}

// isGrave reports a severity of MEDIUM or more.
func (f *finding) isGrave() bool {
	return slices.Contains([]string{"MEDIUM", "HIGH", "CRITICAL", "FATAL"}, f.Severity)
}

// authority makes certificates as a public one would: testssl.sh judges them too.
type authority struct {
	t           *testing.T
	file        string
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, file: filepath.Join(t.TempDir(), "ca.pem"), key: key}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Isame test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.write(a.file, a.certificate, key.Public())
	return a
}

// write signs a certificate and writes it.
func (a *authority) write(file string, c *x509.Certificate, key crypto.PublicKey) {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.certificate, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	replaceFile(a.t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// issue makes a pair that is good for 89 days.
func (a *authority) issue(key crypto.Signer, name string) *pair {
	a.t.Helper()
	dir := a.t.TempDir()
	p := &pair{t: a.t, certFile: filepath.Join(dir, "a.pem"), keyFile: filepath.Join(dir, "a.key")}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(p.certFile, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 89),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, CRLDistributionPoints: []string{"http://crl.test/a.crl"},
	}, key.Public())
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	replaceFile(a.t, p.keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return p
}

// carefulAnswer has the fields that testssl.sh looks for in applications.
const carefulAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Security-Policy: default-src 'self'\r\nX-Frame-Options: DENY\r\n" +
	"X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\nok"

// TestTestssl lets testssl.sh judge the listener, without name servers and other
// machines. Nothing that it finds may be MEDIUM or worse: there is no list of
// exceptions. Client simulations are left out: they would take a minute more.
func TestTestssl(t *testing.T) {
	t.Parallel()
	binary := needProgram(t, "testssl", "testssl.sh")
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, a := newRawBackend(t, always(carefulAnswer)), newAuthority(t)
	p := start(t, overTLS(`[{address: "`+b.address+`"}]`, ", hsts: {include_subdomains: true}", "", a.issue(ecdsaKey, "localhost"), a.issue(rsaKey, "localhost")))
	findings := testssl(t, binary, "--add-ca", a.file, "--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--headers", "--vulnerable",
		"https://localhost:"+portOf(t, p.address())+"/")
	seen := map[string]string{}
	for _, f := range findings {
		seen[f.ID] = f.Severity
		if f.isGrave() {
			t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
	for _, id := range []string{"TLS1", "TLS1_3", "cipherlist_LOW", "PFS", "cipher_order", "HSTS_time", "heartbleed", "secure_client_renego", "fallback_SCSV", "LUCKY13"} {
		if seen[id] == "" {
			t.Errorf("testssl.sh says nothing of %s", id)
		}
	}
}

// testssl runs testssl.sh and returns its report.
func testssl(t *testing.T, binary string, args ...string) []finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	report, began := filepath.Join(t.TempDir(), "report.json"), time.Now()
	command := exec.CommandContext(ctx, binary, append([]string{
		"--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1", "--connect-timeout", "10", "--openssl-timeout", "10", "--jsonfile", report,
	}, args...)...)
	command.Dir, command.WaitDelay = t.TempDir(), patience // it is a script with children
	out, err := command.CombinedOutput()                   // it ends with an error when it has findings
	t.Logf("testssl.sh took %v", time.Since(began).Round(time.Second))
	text, readErr := os.ReadFile(report)
	var findings []finding
	if readErr != nil || json.Unmarshal(text, &findings) != nil {
		t.Fatalf("testssl.sh made no report: %v, %v:\n%s", err, readErr, out)
	}
	return findings
}
