package ctl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestHTTPS(t *testing.T) {
	// net/http's own test certificate, for 127.0.0.1 and example.com.
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	s := start(t, Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}})
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	plain := dial(t, s)
	c := tls.Client(plain, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	if _, err := io.WriteString(c, "POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 70000\r\n\r\n"+strings.Repeat(" ", 70000)); err != nil {
		t.Fatal(err)
	}
	if got := readAnswer(t, c, "POST"); got.status != 413 {
		t.Errorf("got %d; want 413", got.status)
	}
	unencrypted := dial(t, s)
	if _, err := io.WriteString(unencrypted, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(unencrypted); err == nil && strings.Contains(string(answer), "200") {
		t.Errorf("clear text was answered on a TLS endpoint: %q", answer)
	}
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is not installed, and CI needs it: run scripts/install-tools.sh")
		}
		t.Skip("SKIPPED: curl is not installed: run scripts/install-tools.sh")
	}
	socket := filepath.Join(t.TempDir(), "a.sock")
	options := Options{Token: adminToken, MetricsPath: "/metrics", Sources: sampleSources(new([]string))}
	tcp := start(t, options)
	options.Address = "unix:" + socket
	start(t, options)
	base := "http://" + tcp.Addr().String()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"index", []string{base}, `"name":"isame-lb admin"`},
		{"status", []string{"-H", "Authorization: Bearer " + adminToken, base + "/api/v1/status"}, `"state":"running"`},
		{"head", []string{"-I", "-H", "Authorization: Bearer " + adminToken, base + "/metrics"}, "HTTP/1.1 200 OK\r\n"},
		{"metrics without a token", []string{base + "/metrics"}, `"code":"unauthorized"`},
		{"socket without a token", []string{"--unix-socket", socket, "http://any.example/metrics"}, "isame_config_generation 7"},
		{"socket", []string{"--unix-socket", socket, "http://any.example/ready"}, `{"status":"ready"}`},
		{"two on one connection", []string{base + "/health", base + "/ready"}, "{\"status\":\"ok\"}\n{\"status\":\"ready\"}\n"},
		{"change", []string{"-X", "PATCH", "-H", "Authorization: Bearer " + adminToken, "--json", `{"state":"drain"}`, base + "/api/v1/pools/api/backends/10.0.0.1:8080"}, `"address":"10.0.0.1:8080"`},
		{"change as a form", []string{"-d", "x=1", "-H", "Authorization: Bearer " + adminToken, base + "/api/v1/reload"}, `"status":415`},
		{"large configuration after 100-continue", []string{"-T", "-", "-H", "Authorization: Bearer " + adminToken, "-H", "Content-Type: application/yaml", "-H", "Expect: 100-continue", base + "/api/v1/config?dry_run=1"}, `{"valid":true,"unchanged":true}`},
		{"the same without token", []string{"-T", "-", "-H", "Content-Type: application/yaml", "-H", "Expect: 100-continue", base + "/api/v1/config?dry_run=1"}, `"title"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := exec.Command(curl, append([]string{"-sS", "--max-time", "20"}, c.args...)...)
			command.Stdin = strings.NewReader(strings.Repeat("# comment\n", 200_000) + plainConfig)
			out, err := command.Output()
			if failed, ok := errors.AsType[*exec.ExitError](err); ok {
				t.Fatalf("curl: %v: %s", err, failed.Stderr)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("got %s; want %s in it", out, c.want)
			}
		})
	}
}
