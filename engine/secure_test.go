package engine

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pair is a certificate with its key, and the files they are in.
type pair struct {
	certFile, keyFile string
	leaf              *x509.Certificate
	certificate       tls.Certificate
}

func newPair(t testing.TB, ends time.Time, names ...string) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{certFile: filepath.Join(dir, "a.pem"), keyFile: filepath.Join(dir, "a.key")}
	p.renew(t, ends, names...)
	return p
}

// newPairOf is newPair of a certificate that has more to say.
func newPairOf(t testing.TB, template *x509.Certificate) *pair {
	t.Helper()
	dir := t.TempDir()
	p := &pair{certFile: filepath.Join(dir, "a.pem"), keyFile: filepath.Join(dir, "a.key")}
	template.NotAfter = tomorrow()
	p.issue(t, template)
	return p
}

// renew puts another certificate into the files.
func (p *pair) renew(t testing.TB, ends time.Time, names ...string) {
	t.Helper()
	p.issue(t, &x509.Certificate{DNSNames: names, NotAfter: ends})
}

// issue is renew for a certificate of which the names and the end are known.
func (p *pair) issue(t testing.TB, template *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore = serial, template.NotAfter.Add(-48*time.Hour)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		p.certFile: {Type: "CERTIFICATE", Bytes: der}, p.keyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p.leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

// tlsText is a listener with the pairs, more of its tls section and of itself.
func tlsText(more, listener string, pairs ...*pair) string {
	var list []string
	for _, p := range pairs {
		list = append(list, fmt.Sprintf("{cert_file: %q, key_file: %q}", p.certFile, p.keyFile))
	}
	return `
listeners: {web: {address: "127.0.0.1:0", tls: {certificates: [` + strings.Join(list, ", ") + `]` + more + `}` + listener + `}}
routes:
  all: {pool: p}
  away: {path: /away, redirect: {to: "{scheme}://{host}/here"}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`
}

// sees answers with what the proxy says of the client, and echoes a body.
func sees(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		echo(w, r)
		return
	}
	_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-For"))
}

// dialTLS opens a connection; nil is a client that asks for a.test.
func (r *rig) dialTLS(c *tls.Config) (*client, *tls.Conn, error) {
	r.t.Helper()
	raw := r.dial()
	if c == nil {
		c = &tls.Config{ServerName: "a.test"}
	}
	c = c.Clone()
	c.InsecureSkipVerify = true
	conn := tls.Client(raw.Conn, c)
	if err := conn.Handshake(); err != nil {
		return nil, nil, err
	}
	return &client{Conn: conn, t: r.t, r: bufio.NewReader(conn)}, conn, nil
}

func (r *rig) mustDialTLS(c *tls.Config) (*client, *tls.Conn) {
	r.t.Helper()
	cl, conn, err := r.dialTLS(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return cl, conn
}

func TestExchangesOverTLS(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c, conn := r.mustDialTLS(&tls.Config{ServerName: "a.test", MaxVersion: version, NextProtos: []string{"http/1.1"}})
			if s := conn.ConnectionState(); s.Version != version || s.NegotiatedProtocol != "http/1.1" {
				t.Errorf("got %s, %q", tls.VersionName(s.Version), s.NegotiatedProtocol)
			}
			for range 3 {
				if got := c.get("/").body; got != "https 127.0.0.1" {
					t.Errorf("got %q", got)
				}
			}
			c.send(strings.Repeat("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 20)) // pipelined, in one record
			for range 20 {
				if got := c.receive("GET"); got.StatusCode != 200 {
					t.Fatalf("pipelined: got %d", got.StatusCode)
				}
			}
			for _, piece := range []string{"GET / HT", "TP/1.1\r\nHost", ": a.test\r\n", "\r\n"} { // a record each
				c.send(piece)
			}
			if got := c.receive("GET").body; got != "https 127.0.0.1" {
				t.Errorf("in pieces: got %q", got)
			}
			for _, size := range []int{10, 5000, len(large)} {
				go c.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n%s", size, large[:size]))
				if got := c.receive("POST").body; got != large[:size] {
					t.Errorf("a body of %d bytes: got %d back", size, len(got))
				}
			}
			if got := c.get("/away").Header.Get("Location"); got != "https://test/here" {
				t.Errorf("location: got %q", got)
			}
			c.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
			c.receive("GET")
			if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("got %v; want an orderly end", err)
			}
		})
	}
}

// TestRequestWithItsEnd is a client that says at once that nothing follows.
func TestRequestWithItsEnd(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	c, conn := r.mustDialTLS(nil)
	c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := c.receive("GET").body; got != "https 127.0.0.1" {
		t.Errorf("got %q", got)
	}
	if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v; want an orderly end", err)
	}
}

func TestClearTextOnATLSPort(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	got := r.dial().get("/")
	if got.StatusCode != 400 || got.Header.Get("X-Isame-Error") != "clear_text_on_tls_port" {
		t.Errorf("got %d %v; want a 400 that says why", got.StatusCode, got.Header)
	}
	c := r.dial()
	c.send("\x00\x01garbage")
	if rest, _ := io.ReadAll(c); bytes.Contains(rest, []byte("HTTP")) {
		t.Errorf("got %q; want nothing in HTTP", rest)
	}
}

func TestSlowHandshakesAreCutAndHoldBackNobody(t *testing.T) {
	r := start(t, tlsText("", ", timeouts: {header: 400ms}", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	slow := make([]*client, 0, 200)
	for i := range 200 {
		c := r.dial()
		if i%2 == 0 { // the others say nothing at all
			c.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
		}
		slow = append(slow, c)
	}
	good, _ := r.mustDialTLS(nil)
	if got := good.get("/").StatusCode; got != 200 {
		t.Errorf("beside them: got %d; want 200", got)
	}
	began := time.Now()
	for _, c := range slow {
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a slow handshake was not cut")
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("they were cut after %v; want 400ms", took)
	}
}

// TestIdleTLSConnectionsHoldNoGoroutine counts what connections cost that wait.
func TestIdleTLSConnectionsHoldNoGoroutine(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	const n = 100
	conns := make([]*client, n)
	first, _ := r.mustDialTLS(nil)
	first.get("/")
	before := runtime.NumGoroutine()
	for i := range conns {
		conns[i], _ = r.mustDialTLS(nil)
		conns[i].get("/")
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before+n/10 { // those that are just ending
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines more for %d idle connections", runtime.NumGoroutine()-before, n)
		}
		runtime.Gosched()
	}
	for _, c := range conns {
		if got := c.get("/").StatusCode; got != 200 {
			t.Fatalf("afterwards: got %d", got)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	server, known, unknown := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "client"), newPair(t, tomorrow(), "stranger")
	for _, c := range []struct {
		name, auth string
		with       *pair
		ok         bool
	}{
		{"required and given", "{mode: require, ca_file: %q}", known, true},
		{"required and missing", "{mode: require, ca_file: %q}", nil, false},
		{"required and unknown", "{mode: require, ca_file: %q}", unknown, false},
		{"requested and missing", "{mode: request, ca_file: %q}", nil, true},
		{"requested and given", "{mode: request, ca_file: %q}", known, true},
		{"requested and unknown", "{mode: request, ca_file: %q}", unknown, false},
		{"none", "{mode: none, ca_file: %q}", unknown, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, tlsText(", client_auth: "+fmt.Sprintf(c.auth, known.certFile), "", server), backend(t, sees))
			config := &tls.Config{ServerName: "a.test"}
			if c.with != nil {
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.with.certificate, nil }
			}
			cl, _, err := r.dialTLS(config)
			if err == nil { // in TLS 1.3 the client learns of a refusal when it reads
				_, _ = io.WriteString(cl, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				_, err = http.ReadResponse(cl.r, nil)
			}
			if (err == nil) != c.ok {
				t.Errorf("got %v; want an answer: %v", err, c.ok)
			}
		})
	}
}

func TestMinVersion(t *testing.T) {
	r := start(t, tlsText(`, min_version: "1.3"`, "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	if _, _, err := r.dialTLS(&tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
	r.mustDialTLS(&tls.Config{MinVersion: tls.VersionTLS13})
}

func TestHostOfAnotherTenant(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "b.test")), backend(t, sees))
	for _, c := range []struct {
		host string
		want int
	}{
		{"a.test", 200}, {"A.test:443", 200}, {"b.test", 421}, {"b.test:8443", 421}, {"B.TEST.", 421}, {"c.test", 200},
	} {
		t.Run(c.host, func(t *testing.T) {
			cl, _ := r.mustDialTLS(nil)
			cl.send("GET / HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")
			if got := cl.receive("GET").StatusCode; got != c.want {
				t.Errorf("got %d; want %d", got, c.want)
			}
			if got := cl.get("/").StatusCode; got != 200 {
				t.Errorf("the next request of the connection: got %d; want 200", got)
			}
		})
	}
}

func TestTLSBehindAProxyHeader(t *testing.T) {
	r := start(t, tlsText("", ", proxy_protocol: accept, trusted_proxies: [127.0.0.1]", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	for _, c := range []struct{ name, header, want string }{
		{"v1", proxyLine4, "https 192.0.2.7"}, {"v2", proxyBinary, "https 192.0.2.7"}, {"none", "", "https 127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, together := range []bool{false, true} {
				raw := r.dial()
				conn := tls.Client(&headed{Conn: raw.Conn, header: c.header, together: together},
					&tls.Config{ServerName: "a.test", InsecureSkipVerify: true})
				cl := &client{Conn: conn, t: t, r: bufio.NewReader(conn)}
				if got := cl.get("/").body; got != c.want {
					t.Errorf("got %q; want %q", got, c.want)
				}
			}
		})
	}
}

// headed writes a header in front of the first bytes, or together with them.
type headed struct {
	net.Conn

	header   string
	together bool
}

func (h *headed) Write(b []byte) (int, error) {
	header := h.header
	h.header = ""
	if h.together {
		if _, err := h.Conn.Write(append([]byte(header), b...)); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	if _, err := io.WriteString(h.Conn, header); err != nil {
		return 0, err
	}
	return h.Conn.Write(b)
}

// TestKeyExchange has clients of this year and of some years before.
func TestKeyExchange(t *testing.T) {
	r := start(t, tlsText("", "", newPair(t, tomorrow(), "a.test")), backend(t, sees))
	for _, c := range []struct {
		name    string
		offered []tls.CurveID
		want    tls.CurveID
	}{
		{"Go's own", nil, tls.X25519MLKEM768},
		{"a browser's", []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}, tls.X25519MLKEM768},
		{"the other hybrids", []tls.CurveID{tls.SecP384r1MLKEM1024, tls.SecP256r1MLKEM768}, tls.SecP256r1MLKEM768},
		{"no hybrid", []tls.CurveID{tls.CurveP384, tls.CurveP256, tls.X25519}, tls.X25519},
		{"an old one's", []tls.CurveID{tls.CurveP256}, tls.CurveP256},
		{"a strict one's", []tls.CurveID{tls.CurveP384}, tls.CurveP384},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, conn := r.mustDialTLS(&tls.Config{ServerName: "a.test", CurvePreferences: c.offered})
			if got := conn.ConnectionState().CurveID; got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
			if got := cl.get("/").StatusCode; got != 200 {
				t.Errorf("got %d", got)
			}
		})
	}
}
