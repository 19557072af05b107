package shared

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Name, password and database are those of the options.
func TestAccess(t *testing.T) {
	redis := startRedis(t, "--requirepass", "all", "--user", "isame", "on", ">pass", "~test:*", "+@all")
	for _, c := range []struct {
		name   string
		change func(o *Options)
		fine   bool
	}{
		{"password", func(o *Options) { o.Password = "all" }, true},
		{"user", func(o *Options) { o.Username, o.Password = "isame", "pass" }, true},
		{"database", func(o *Options) { o.Password, o.DB = "all", 3 }, true},
		{"no password", func(*Options) {}, false},
		{"wrong password", func(o *Options) { o.Password = "al" }, false},
		{"foreign prefix", func(o *Options) { o.Username, o.Password, o.Prefix = "isame", "pass", "other" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := redis.store(c.change, tight)
			r, by, err := take(st, "client")
			if fine := by == Shared && err == nil && r.Allowed; fine != c.fine {
				t.Fatalf("got %+v by %v, %v; want fine %v", r, by, err, c.fine)
			}
			if err != nil && (strings.Contains(err.Error(), "all") || strings.Contains(err.Error(), "pass ")) {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
	redis.do("AUTH", "all") // the connection of the test
	if keys := redis.client.Do(t.Context(), "INFO", "keyspace").String(); !strings.Contains(keys, "db3:keys=1") {
		t.Errorf("got %s; want a key in database 3", keys)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	redis := startRedis(t, "--unixsocket", path)
	st := redis.store(func(o *Options) { o.Address = "unix:" + path }, tight)
	if r, by, err := take(st, "client"); by != Shared || err != nil || !r.Allowed {
		t.Errorf("got %+v by %v, %v", r, by, err)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	roots := x509.NewCertPool()
	certFile, keyFile := certificate(t, dir, roots)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	redis := startRedis(t, "--tls-port", port, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no", "--tls-ca-cert-file", certFile)
	for _, c := range []struct {
		name string
		tls  *tls.Config
		fine bool
	}{
		{"trusted", &tls.Config{RootCAs: roots, ServerName: "redis.test"}, true},
		{"unknown", &tls.Config{ServerName: "redis.test"}, false},
		{"other name", &tls.Config{RootCAs: roots, ServerName: "other.test"}, false},
		{"in clear", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := redis.store(func(o *Options) { o.Address, o.TLS, o.Timeout = address, c.tls, 5*time.Second }, tight)
			r, by, err := take(st, c.name)
			if fine := by == Shared && err == nil && r.Allowed; fine != c.fine {
				t.Errorf("got %+v by %v, %v; want fine %v", r, by, err, c.fine)
			}
		})
	}
}

// certificate writes one that signs itself.
func certificate(t *testing.T, dir string, roots *x509.CertPool) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"redis.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(cert)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", keyDER)
}
