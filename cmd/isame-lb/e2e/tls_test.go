package e2e

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
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a certificate and its key on disk.
type pair struct {
	t                 *testing.T
	certFile, keyFile string
	serial            *big.Int
}

// newPair makes a certificate for names that is its own authority.
func newPair(t *testing.T, ends time.Time, names ...string) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{t: t, certFile: filepath.Join(dir, "a.pem"), keyFile: filepath.Join(dir, "a.key")}
	p.renew(ends, names...)
	return p
}

// renew puts another certificate into the files, the key first as most tools do.
func (p *pair) renew(ends time.Time, names ...string) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.serial, err = rand.Int(rand.Reader, big.NewInt(1<<60)); err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: p.serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	replaceFile(p.t, p.keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	replaceFile(p.t, p.certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

// overTLS is a configuration with listener web in TLS; more is added to its tls
// section, and listener to itself.
func overTLS(backends, more, listener string, pairs ...*pair) string {
	var list []string
	for _, p := range pairs {
		list = append(list, fmt.Sprintf("{cert_file: %q, key_file: %q}", p.certFile, p.keyFile))
	}
	return `
listeners: {web: {address: "127.0.0.1:0", tls: {certificates: [` + strings.Join(list, ", ") + `]` + more + `}` + listener + `}}
admin: {address: "127.0.0.1:0"}
routes: {all: {pool: p}}
pools: {p: {backends: ` + backends + `}}
`
}

// curlTo runs curl against a.test on listener web, with the certificate as its
// authority.
func (p *proxy) curlTo(c *pair, args ...string) string {
	p.t.Helper()
	_, port, err := net.SplitHostPort(p.address())
	if err != nil {
		p.t.Fatal(err)
	}
	return curl(p.t, append(args, "--cacert", c.certFile, "--resolve", "a.test:"+port+":127.0.0.1", "https://a.test:"+port+"/x")...)
}

func TestCurlOverTLS(t *testing.T) {
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), "", "", c))
	for _, version := range []string{"1.2", "1.3"} {
		t.Run(version, func(t *testing.T) {
			out := p.curlTo(c, "--tlsv"+version, "--tls-max", version, "--write-out", "\n%{http_version} %{num_connects}", "--data-binary", "hello")
			for _, want := range []string{`"X-Forwarded-Proto":["https"]`, `"body":"hello"`, "\n2 1"} {
				if !strings.Contains(out, want) {
					t.Errorf("lacks %s:\n%s", want, out)
				}
			}
		})
	}
	address := p.address()
	if out := curl(t, "--include", "http://"+address+"/"); !strings.HasPrefix(out, "HTTP/1.1 400") {
		t.Errorf("clear text: got %q; want a 400", out)
	}
	expiry := p.metric("isame_certificate_expiry_seconds", "name", "a.test")
	if expiry < 23*3600 || expiry > 24*3600 {
		t.Errorf("expiry: got %v seconds; want a day", expiry)
	}
	p.eventuallyCounts(1, "isame_connections_failed_total", "listener", "web", "reason", "clear_text")
}

func TestOpenSSLOverTLS(t *testing.T) {
	openssl := needProgram(t, "openssl", "openssl")
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), "", "", c))
	address := p.address()
	for _, tt := range []struct {
		name string
		keys bool // the client changes its keys first, and asks us to do the same
		args []string
		want string
	}{
		{"1.2", false, []string{"-tls1_2"}, "HTTP/1.1 200"},
		{"1.3", false, []string{"-tls1_3"}, "HTTP/1.1 200"},
		{"new keys in the middle", true, []string{"-tls1_3"}, "HTTP/1.1 200"},
		{"1.1", false, []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, "alert"},
		{"a suite without forward secrecy", false, []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"}, "handshake failure"},
		{"ALPN", false, []string{"-alpn", "h2,http/1.1"}, "ALPN protocol: h2"},
		{"ALPN without HTTP/2", false, []string{"-alpn", "http/1.1"}, "ALPN protocol: http/1.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"s_client", "-crlf", "-connect", address, "-servername", "a.test", "-CAfile", c.certFile}, tt.args...)
			if out := talk(t, openssl, args, tt.keys); !strings.Contains(out, tt.want) {
				t.Errorf("lacks %q:\n%s", tt.want, out)
			}
		})
	}
}

// talk runs s_client, which ends when the proxy closes, and returns what it wrote.
func talk(t *testing.T, openssl string, args []string, keys bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, openssl, args...)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out logBuffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if keys { // a command is what it reads at once, so the request has to wait
		_, _ = io.WriteString(input, "K\n")
		eventually(t, "openssl changes its keys", func() string {
			if strings.Contains(out.String(), "KEYUPDATE") {
				return ""
			}
			return "silent"
		})
	}
	_, _ = io.WriteString(input, "GET / HTTP/1.1\nHost: a.test\nConnection: close\n\n")
	_ = command.Wait() // what it wrote says how it went
	return out.String()
}

// tlsClient trusts everybody, keeps connections if it may, and asks for a.test.
func tlsClient(t *testing.T, keep bool) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"},
		DisableKeepAlives: !keep, MaxIdleConnsPerHost: 64,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// TestCertificatesAreReplacedUnderLoad writes new files again and again, without
// a signal, while clients ask on kept and on fresh connections.
func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	b, c := newBackends(t, 2), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b...), "", "", c))
	url := "https://" + p.address() + "/"
	kept, fresh := tlsClient(t, true), tlsClient(t, false)
	stop := startLoad(t, func(ctx context.Context, _ *http.Client, n int) error {
		client := kept
		if n%4 == 0 {
			client = fresh
		}
		return expectOK(ctx, client, http.MethodGet, url, "")
	})
	for range 3 {
		c.renew(tomorrow(), "a.test")
		eventually(t, "the new certificate is served", func() string {
			conn, err := tls.Dial("tcp", p.address(), &tls.Config{InsecureSkipVerify: true, ServerName: "a.test"})
			if err != nil {
				return err.Error()
			}
			defer func() { _ = conn.Close() }()
			if conn.ConnectionState().PeerCertificates[0].SerialNumber.Cmp(c.serial) != 0 {
				return "the old one"
			}
			return ""
		})
	}
	stop()
}

func TestBadCertificatesRefuseAndOldOnesWarn(t *testing.T) {
	b, c, old := newBackend(t, nil), newPair(t, tomorrow(), "a.test"), newPair(t, time.Now().Add(-time.Hour), "old.test")
	early := newPair(t, tomorrow().Add(48*time.Hour), "early.test") // good from tomorrow on
	good := overTLS(members(b), "", "", c, old, early)
	p := start(t, good)
	if line := p.log.find("the certificate is not valid yet", "listener", "web", "certificate", "early.test"); line == nil || line["level"] != "warn" {
		t.Errorf("got %v; want a warning about early.test", line)
	}
	line := p.log.find("the certificate has expired", "listener", "web", "certificate", "old.test")
	if line == nil || line["level"] != "warn" {
		t.Errorf("got %v; want a warning about old.test", line)
	}
	if got := p.metric("isame_certificate_expiry_seconds", "name", "old.test"); got > -3500 || got < -3700 {
		t.Errorf("expiry of old.test: got %v; want an hour ago", got)
	}
	missing := strings.Replace(good, c.certFile, "/nowhere/a.pem", 1)
	p.reload(missing, "rejected")
	p.curlTo(c)
	code, out := program(t, "--config", writeConfig(t, missing))
	if want := `listeners.web.tls.certificates[0].cert_file: cannot read "/nowhere/a.pem"`; code != 1 || !strings.Contains(out, want) {
		t.Errorf("got exit code %d and %q; want 1 and %q", code, out, want)
	}
}

func TestClientCertificatesAreAskedFor(t *testing.T) {
	b, c, known, stranger := newBackend(t, nil), newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known"), newPair(t, tomorrow(), "stranger")
	p := start(t, overTLS(members(b), fmt.Sprintf(", client_auth: {mode: require, ca_file: %q}", known.certFile), "", c))
	if out := p.curlTo(c, "--cert", known.certFile, "--key", known.keyFile); !strings.Contains(out, `"uri":"/x"`) {
		t.Errorf("with the certificate: got %q", out)
	}
	url := "https://" + p.address() + "/"
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(c.certFile)
	if err != nil || !pool.AppendCertsFromPEM(authority) {
		t.Fatal(err)
	}
	for name, with := range map[string]*pair{"none": nil, "a stranger's": stranger} {
		config := &tls.Config{RootCAs: pool, ServerName: "a.test"}
		if with != nil {
			certificate, err := tls.LoadX509KeyPair(with.certFile, with.keyFile)
			if err != nil {
				t.Fatal(err)
			}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: patience}
		if a, err := tryExchange(client, request(t, http.MethodGet, url, "")); err == nil {
			t.Errorf("%s: got %d; want no handshake", name, a.status)
		}
	}
	if got := b.requests.Load(); got != 1 {
		t.Errorf("the backend saw %d requests; want 1", got)
	}
}
