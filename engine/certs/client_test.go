package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientLeaf makes a certificate with everything the fields can say.
func clientLeaf(t testing.TB, template *x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// odd is a name full of what must be escaped.
func odd() pkix.Name {
	text := func(oid asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oid, Value: value}
	}
	return pkix.Name{
		CommonName: `#a,b+c"d\e<f>g;h `, Organization: []string{"Zoë\r\nX-Admin: yes"}, OrganizationalUnit: []string{" \x7f\x00"}, Country: []string{"DE"},
		ExtraNames: []pkix.AttributeTypeAndValue{
			text(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, "ops@a.test"),
			text(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, "test"),
			text(asn1.ObjectIdentifier{1, 2, 3, 4}, "unknown"),
		},
	}
}

const oddText = `1.2.3.4=#1307756E6B6E6F776E,DC=test,emailAddress=ops@a.test,` +
	`CN=\#a\,b\+c\"d\\e\<f\>g\;h\ ,OU=\ \7F\00,O=Zo\C3\AB\0D\0AX-Admin: yes,C=DE`

func TestClientFields(t *testing.T) {
	uri, err := url.Parse("spiffe://a.test/b,DNS:evil.test")
	if err != nil {
		t.Fatal(err)
	}
	leaf := clientLeaf(t, &x509.Certificate{
		SerialNumber: big.NewInt(0x0abc), Subject: odd(), NotAfter: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		DNSNames: []string{"a.test", "*.b.test"}, IPAddresses: []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")},
		EmailAddresses: []string{"a@b.test"}, URIs: []*url.URL{uri},
	})
	bare := clientLeaf(t, &x509.Certificate{SerialNumber: big.NewInt(0), NotAfter: time.Now()})
	sum := sha256.Sum256(leaf.Raw)
	given := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, bare}}
	for _, c := range []struct {
		fact  string
		state tls.ConnectionState
		want  string
	}{
		{"subject", given, oddText},
		{"issuer", given, oddText},
		{"serial", given, "0ABC"},
		{"serial", tls.ConnectionState{PeerCertificates: []*x509.Certificate{bare}}, "00"},
		{"fingerprint", given, hex.EncodeToString(sum[:])},
		{"san", given, `DNS:a.test, DNS:*.b.test, IP:192.0.2.1, IP:2001:db8::1, email:a@b.test, URI:spiffe://a.test/b\,DNS:evil.test`},
		{"not_after", given, "2030-01-02T03:04:05Z"},
		{"certificate", given, ":" + base64.StdEncoding.EncodeToString(leaf.Raw) + ":"},
		{"verified", given, "FAILED:unverified"},
		{"verified", tls.ConnectionState{PeerCertificates: given.PeerCertificates, VerifiedChains: [][]*x509.Certificate{{leaf}}}, "SUCCESS"},
		{"verified", tls.ConnectionState{}, "NONE"},
		{"subject", tls.ConnectionState{}, ""},
		{"certificate", tls.ConnectionState{}, ""},
		{"subject", tls.ConnectionState{PeerCertificates: []*x509.Certificate{bare}}, ""},
		{"san", tls.ConnectionState{PeerCertificates: []*x509.Certificate{bare}}, ""},
	} {
		want := ""
		if c.want != "" {
			want = "X-Field: " + c.want + "\r\n"
		}
		if got := NewClientFields(map[string]string{"X-Field": c.fact}).Append(nil, &c.state); string(got) != want {
			t.Errorf("%s: got %q; want %q", c.fact, got, want)
		}
	}
}

func TestClientFieldsStandInOrder(t *testing.T) {
	f := NewClientFields(map[string]string{"X_B": "verified", "x-a": "serial", "X-A0": "verified"})
	if got := f.Names(); !slices.Equal(got, []string{"x-a0", "x-b", "x-a"}) {
		t.Errorf("names: got %q", got)
	}
	if got := string(f.Append([]byte("Before: 1\r\n"), &tls.ConnectionState{})); got != "Before: 1\r\nX-A0: NONE\r\nX_B: NONE\r\n" {
		t.Errorf("got %q", got)
	}
	if NewClientFields(nil) != nil || NewClientFields(nil).Names() != nil {
		t.Error("no section made fields")
	}
}

func TestLargeClientCertificatesAreRefused(t *testing.T) {
	f := NewClientFields(map[string]string{"X-A": "certificate"})
	for n, want := range map[int]error{0: nil, clientCertificateMax: nil, clientCertificateMax + 1: errClientCertificateLarge} {
		s := tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: make([]byte, n)}}}
		if err := f.Accepts(s); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v; want %v", n, err, want)
		}
	}
	if err := f.Accepts(tls.ConnectionState{}); err != nil {
		t.Errorf("no certificate: got %v", err)
	}
}

// TestNamesAreWrittenAsOpenSSLDoes compares with what openssl prints, which is
// where nginx has its $ssl_client_s_dn from.
func TestNamesAreWrittenAsOpenSSLDoes(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed, and CI needs it: run scripts/install-tools.sh")
		}
		t.Skip("SKIPPED: openssl is not installed: run scripts/install-tools.sh")
	}
	leaf := clientLeaf(t, &x509.Certificate{SerialNumber: big.NewInt(0xff00), Subject: odd(), NotAfter: time.Now()})
	file := filepath.Join(t.TempDir(), "a.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "x509", "-in", file, "-noout", "-subject", "-serial", "-nameopt", "RFC2253").Output()
	if err != nil {
		t.Fatal(err)
	}
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	got := NewClientFields(map[string]string{"1": "subject", "2": "serial"}).Append(nil, &state)
	want := strings.NewReplacer("subject=", "1: ", "serial=", "2: ", "\n", "\r\n").Replace(string(out))
	if string(got) != want {
		t.Errorf("got\n%s; openssl says\n%s", got, want)
	}
}

func TestNamesThatAreNoText(t *testing.T) {
	title := attribute{Type: asn1.ObjectIdentifier{2, 5, 4, 12}, Value: asn1.RawValue{Tag: asn1.TagInteger, Bytes: []byte{5}}}
	name := attribute{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("a")}}
	der, err := asn1.Marshal([]attributeSET{{title, name}, {name}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(appendName(nil, der)); got != "CN=a,CN=a+title=#020105" && got != "CN=a,title=#020105+CN=a" {
		t.Errorf("got %q", got)
	}
	if got := appendName(nil, append(der, 0)); got != nil {
		t.Errorf("with a byte behind it: got %q; want nothing", got)
	}
}

// FuzzAppendName looks for names that would end their header field.
func FuzzAppendName(f *testing.F) {
	f.Add(clientLeaf(f, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: odd()}).RawSubject)
	f.Add([]byte("0\x0f1\x0d0\x0b\x06\x03U\x04\x03\x1e\x04\x00\x0a\x00\x0d")) // a BMPString
	f.Add([]byte("0\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		if got := appendName(nil, der); bytes.ContainsFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			t.Errorf("got %q; want printable ASCII", got)
		}
	})
}
