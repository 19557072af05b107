package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// writePair makes a self-signed certificate and its key in dir.
func writePair(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// messages returns what is wrong, nothing when the configuration is accepted.
func messages(t *testing.T, opts Options) []string {
	t.Helper()
	_, err := Load(opts)
	var problems Problems
	if err != nil && !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var all []string
	for _, p := range problems {
		all = append(all, p.Path+": "+p.Message)
	}
	return all
}

func TestCertificatesAreReadFromTheFolderOfTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writePair(t, dir, "a")
	writePair(t, dir, "b")
	write(t, filepath.Join(dir, "text.pem"), "no certificate\n")
	if err := os.Truncate(filepath.Join(dir, "b.pem"), certificateBytesMax+1); err != nil {
		t.Fatal(err)
	}
	const cert = "listeners.web.tls.certificates[0].cert_file"
	tests := []struct {
		name, tls string
		want      []string
	}{
		{"good pair", `{certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {mode: require, ca_file: a.pem}}`, nil},
		{"absolute path", `{certificates: [{cert_file: ` + dir + `/a.pem, key_file: a.key}]}`, nil},
		{"key of another", `{certificates: [{cert_file: a.pem, key_file: b.key}]}`, []string{
			cert + `: "` + dir + `/a.pem" and its key cannot be used: tls: private key does not match public key`,
		}},
		{"no authority", `{certificates: [{cert_file: a.pem, key_file: a.key}], client_auth: {ca_file: text.pem}}`, []string{
			`listeners.web.tls.client_auth.ca_file: "` + dir + `/text.pem" holds no certificate in PEM`,
		}},
		{"folder", `{certificates: [{cert_file: ., key_file: a.key}]}`, []string{cert + `: cannot read "` + dir + `": it is not a regular file`}},
		{"too large", `{certificates: [{cert_file: b.pem, key_file: a.key}]}`, []string{cert + `: cannot read "` + dir + `/b.pem": it is larger than 4MiB`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := "listeners: {web: {address: \":8443\", tls: " + tt.tls + "}}\n"
			got := messages(t, Options{File: filepath.Join(dir, "isame.yaml"), Data: []byte(text)})
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text               string
		loopback, wildcard bool
		socket             string
	}{
		{":8080", false, true, "*:8080"},
		{"0.0.0.0:8080", false, true, "*:8080"},
		{"[::]:8080", false, true, "*:8080"},
		{"[::ffff:0.0.0.0]:8080", false, true, "*:8080"},
		{"127.0.0.1:1", true, false, "127.0.0.1:1"},
		{"127.8.9.1:1", true, false, "127.8.9.1:1"},
		{"[::1]:1", true, false, "[::1]:1"},
		{"[::ffff:127.0.0.1]:1", true, false, "[::ffff:127.0.0.1]:1"},
		{"LocalHost:1", true, false, "localhost:1"},
		{"localhost.example:1", false, false, "localhost.example:1"},
		{"10.0.0.1:65535", false, false, "10.0.0.1:65535"},
		{"unix:/run/x.sock", true, false, "unix:/run/x.sock"},
	}
	for _, tt := range tests {
		a, err := parseAddress(tt.text)
		if err != nil || a.isLoopback() != tt.loopback || a.isWildcard() != tt.wildcard || a.socket() != tt.socket {
			t.Errorf("%s: got loopback %v, wildcard %v, socket %s, %v; want %v, %v, %s",
				tt.text, a.isLoopback(), a.isWildcard(), a.socket(), err, tt.loopback, tt.wildcard, tt.socket)
		}
	}
	for _, text := range []string{
		"", "x", ":", "h:+1", "h:-1", "h:99999", "h:http", "unix:", "unix:x", "[::1]", "::1:80", "a_b-:1", "-a:1", "1.2.3:80", "h\n:1",
		"unix:/a\nb", strings.Repeat("a", 64) + ":1", strings.Repeat("a.", 127) + "toolong:1",
	} {
		if a, err := parseAddress(text); err == nil {
			t.Errorf("%q: got %+v; want it refused", text, a)
		}
	}
}

func TestAdminBeyondLoopbackNeedsAToken(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":9901", "0.0.0.0:9901", "[::]:9901", "10.0.0.1:9901", "isame.internal:9901"} {
		if _, err := Load(Options{Data: []byte(base), Set: []string{"admin.address=" + address}}); err == nil {
			t.Errorf("%s without a token was accepted", address)
		}
		if _, err := Load(Options{Data: []byte(base), Set: []string{"admin.address=" + address, "admin.token=x"}}); err != nil {
			t.Errorf("%s with a token: %v", address, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:9901", "[::1]:9901", "localhost:0", "unix:/run/admin.sock"} {
		if _, err := Load(Options{Data: []byte(base), Set: []string{"admin.address=" + address}}); err != nil {
			t.Errorf("%s without a token: %v", address, err)
		}
	}
}

func TestEphemeralPortsDoNotClash(t *testing.T) {
	t.Parallel()
	text := "listeners: {a: {address: \"127.0.0.1:0\"}, b: {address: \"127.0.0.1:0\"}}\nadmin: {address: \"127.0.0.1:0\"}\n"
	if _, err := Load(Options{Data: []byte(text)}); err != nil {
		t.Error(err)
	}
}
