package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3Client speaks HTTP/3 to listener web, and trusts the certificate.
func (p *proxy) h3Client(c *pair) *http.Client {
	p.t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(textOf(p.t, c.certFile))) {
		p.t.Fatal("no certificate")
	}
	address := p.address()
	tr := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "a.test"},
		Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, address, c, q)
		},
	}
	p.t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func TestHTTP3(t *testing.T) {
	b, c := newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), "", ", http3: true", c)+"log: {access: {enabled: true}}\n")
	client := p.h3Client(c)
	a, err := tryExchange(client, request(t, "POST", "https://a.test/x?y", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if s := a.wantStatus(t, 200).seen(t); s.Body != "hello" {
		t.Errorf("the backend saw %+v", s)
	}
	eventually(t, "the access log says HTTP/3", func() string {
		for _, line := range p.log.lines() {
			if line["log"] == "access" && line["protocol"] == "HTTP/3" {
				return ""
			}
		}
		return p.log.String()
	})
	_, port, err := net.SplitHostPort(p.address())
	if err != nil {
		t.Fatal(err)
	}
	if out := p.curlTo(c, "--include"); !strings.Contains(strings.ToLower(out), "alt-svc: h3=\":"+port+"\"; ma=86400\r\n") {
		t.Errorf("no Alt-Svc:\n%s", out)
	}
}

// A request that is under way when the process is told to end has its answer.
func TestHTTP3DrainsAtTheEnd(t *testing.T) {
	came, answer := make(chan struct{}), make(chan struct{})
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(came)
		<-answer
		_, _ = io.WriteString(w, "late")
	})
	c := newPair(t, tomorrow(), "a.test")
	p := start(t, overTLS(members(b), "", ", http3: true", c))
	client := p.h3Client(c)
	got := make(chan string, 1)
	go func() {
		a, err := tryExchange(client, request(t, "GET", "https://a.test/", ""))
		got <- fmt.Sprint(string(a.body), " ", err)
	}()
	<-came
	p.signal(syscall.SIGTERM)
	eventually(t, "it drains", func() string {
		if !strings.Contains(p.log.String(), "draining: ") {
			return p.log.String()
		}
		return ""
	})
	close(answer)
	if text := <-got; text != "late <nil>" {
		t.Errorf("got %q; want the late answer", text)
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
}

// keyHash is how Chromium names a public key.
func keyHash(t *testing.T, c *pair) string {
	t.Helper()
	block, _ := pem.Decode([]byte(textOf(t, c.certFile)))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestChromium loads the service page of the embedded default in a real browser, by
// each version of HTTP.
func TestChromium(t *testing.T) {
	chromium := needProgram(t, "chromium", "chromium")
	c := newPair(t, tomorrow(), "a.test")
	tlsSet := fmt.Sprintf("listeners.web.tls={certificates: [{cert_file: %q, key_file: %q}]}", c.certFile, c.keyFile)
	p := launch(t, "", "--set", "listeners.web.address=127.0.0.1:0", "--set", "admin.address=127.0.0.1:0", "--set", tlsSet,
		"--set", "listeners.web.http3=true", "--set", "log.access.enabled=true")
	p.waitReady()
	address := p.address()
	for want, args := range map[string][]string{
		"HTTP/1.1": {"--disable-http2", "--disable-quic"}, "HTTP/2": {"--disable-quic"}, "HTTP/3": {"--enable-quic", "--origin-to-force-quic-on=" + address},
	} {
		t.Run(want, func(t *testing.T) {
			before := len(p.log.lines())
			page := browse(t, chromium, c, "https://"+address+"/", args)
			if !strings.Contains(page, "<h1>Isame serves</h1>") {
				t.Errorf("got\n%s", page)
			}
			eventually(t, "the access log says "+want, func() string {
				for _, line := range p.log.lines()[before:] {
					if line["log"] == "access" && line["target"] == "/" && line["status"] == 200.0 && line["protocol"] == want {
						return ""
					}
				}
				return p.log.String()
			})
		})
	}
}

// browse prints a page as a browser has it.
func browse(t *testing.T, chromium string, c *pair, url string, args []string) string {
	t.Helper()
	home := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, chromium, append([]string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--no-proxy-server",
		"--user-data-dir=" + home, "--ignore-certificate-errors-spki-list=" + keyHash(t, c), "--dump-dom",
	}, append(args, url)...)...)
	command.Env = append(os.Environ(), "HOME="+home)
	command.WaitDelay = 5 * time.Second // its children may hold the pipes
	var stderr bytes.Buffer
	command.Stderr = &stderr
	page, err := command.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return string(page)
}
