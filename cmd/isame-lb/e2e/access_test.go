package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestAccessChangesWithAReload gives the admin endpoint tokens and hosts, replaces them,
// and takes them away, while it serves.
func TestAccessChangesWithAReload(t *testing.T) {
	p := start(t, responding(201))
	apply := func(admin string) {
		t.Helper()
		replaceFile(t, p.file, strings.Replace(responding(201), `admin: {address: "127.0.0.1:0"}`, `admin: {address: "127.0.0.1:0"`+admin+`}`, 1))
		p.signal(syscall.SIGHUP)
	}
	ask := func(method, path, secret string, fields ...string) int {
		t.Helper()
		if secret != "" {
			fields = append(fields, "Authorization", "Bearer "+secret)
		}
		return exchange(t, request(t, method, "http://"+p.admin+path, "", fields...)).status
	}
	becomes := func(want int, path, secret string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s with %q becomes %d", path, secret, want), func() string {
			if got := ask("GET", path, secret); got != want {
				return strconv.Itoa(got)
			}
			return ""
		})
	}

	apply(`, tokens: [{name: eyes, role: read, secret: secret-11aa}, {name: hands, role: operate, secret: secret-22bb}], allowed_hosts: [isame.internal]`)
	becomes(401, "/metrics", "")
	for _, c := range []struct {
		method, path, secret string
		want                 int
	}{
		{"GET", "/health", "", 200},
		{"GET", "/ready", "", 200},
		{"GET", "/", "", 200},
		{"GET", "/api/v1/status", "", 401},
		{"GET", "/metrics", "secret-11aa", 200},
		{"GET", "/api/v1/config", "secret-11aa", 200},
		{"POST", "/api/v1/reload", "secret-11aa", 403},
		{"POST", "/api/v1/reload", "secret-22bb", 200},
	} {
		if got := ask(c.method, c.path, c.secret); got != c.want {
			t.Errorf("%s %s with %q: got %d; want %d", c.method, c.path, c.secret, got, c.want)
		}
	}
	if got := ask("GET", "/api/v1/status", "secret-11aa", "Host", "isame.internal"); got != 200 {
		t.Errorf("an allowed host: got %d; want 200", got)
	}
	eventually(t, "the log says what has changed, and who made a change", func() string {
		switch {
		case p.log.find("a token is set") == nil:
			return "nothing of the token"
		case p.log.find("admin change", "author", "hands", "role", "operate", "operation", "reload") == nil:
			return "nothing of the author"
		case p.log.find("admin change refused", "author", "eyes", "code", "forbidden") == nil:
			return "nothing of the refusal"
		}
		return ""
	})
	if code, out := ctl(t, p.admin, "--token", "secret-11aa", "status"); code != 0 {
		t.Errorf("isame-ctl with a token: got exit %d, %s; want 0", code, out)
	}
	if code, out := ctl(t, p.admin, "status"); code != 1 || !strings.Contains(out, "$ISAME_TOKEN") {
		t.Errorf("isame-ctl without a token: got exit %d, %s; want 1 and what to do", code, out)
	}

	apply(`, tokens: [{name: eyes, role: read, secret: secret-33cc}]`)
	becomes(401, "/api/v1/status", "secret-11aa")
	if got := ask("GET", "/api/v1/status", "secret-33cc"); got != 200 {
		t.Errorf("the token that followed: got %d; want 200", got)
	}
	if got := ask("GET", "/api/v1/status", "secret-33cc", "Host", "isame.internal"); got != 403 {
		t.Errorf("a host that is not allowed any more: got %d; want 403", got)
	}
	apply("")
	becomes(200, "/api/v1/status", "")
	if text := p.log.String(); strings.Contains(text, "secret-11aa") || strings.Contains(text, "secret-22bb") || strings.Contains(text, "secret-33cc") {
		t.Error("the log shows a secret")
	}
}

// TestAdminOverTLS speaks TLS to the admin endpoint, renews its certificate, and has it
// ask for one by client_ca_file, while it serves.
func TestAdminOverTLS(t *testing.T) {
	server, operator := newPair(t, tomorrow(), "localhost"), newPair(t, tomorrow(), "operator")
	text := func(more string) string {
		return fmt.Sprintf(`
listeners: {web: {address: "127.0.0.1:0"}}
admin: {address: "127.0.0.1:0", tls: {cert_file: %q, key_file: %q%s}}
routes: {all: {respond: {status: 204}}}
`, server.certFile, server.keyFile, more)
	}
	p := launch(t, writeConfig(t, text("")))
	var line map[string]any
	eventually(t, "the admin endpoint answers", func() string {
		if line = p.log.find("admin endpoint"); line == nil {
			return "not in the log"
		}
		return ""
	})
	if message, _ := line["message"].(string); !strings.Contains(message, "--admin https://127.0.0.1:") {
		t.Errorf("got %q; want how to reach it", message)
	}
	address, _ := line["address"].(string)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	base := "https://localhost:" + port
	if code, out := ctl(t, "", "--admin", base, "--ca-file", server.certFile, "status"); code != 0 {
		t.Errorf("isame-ctl: got exit %d, %s; want 0", code, out)
	}
	if code, out := ctl(t, "", "--admin", base, "status"); code != 3 || !strings.Contains(out, "--ca-file") {
		t.Errorf("isame-ctl that knows no authority: got exit %d, %s; want 3 and what to do", code, out)
	}
	serial := func() (string, error) {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		response, err := c.Do(request(t, http.MethodGet, base+"/health", ""))
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		return response.TLS.PeerCertificates[0].SerialNumber.String(), nil
	}
	server.renew(tomorrow(), "localhost")
	eventually(t, "the new certificate is shown", func() string {
		got, err := serial()
		if err != nil || got != server.serial.String() {
			return fmt.Sprintf("serial %s, %v", got, err)
		}
		return ""
	})
	replaceFile(t, p.file, text(", client_ca_file: "+strconv.Quote(operator.certFile)))
	eventually(t, "a certificate is asked for", func() string {
		if _, err := serial(); err == nil {
			return "answered without"
		}
		return ""
	})
	shown := []string{"--admin", base, "--ca-file", server.certFile, "--cert-file", operator.certFile, "--key-file", operator.keyFile}
	if code, out := ctl(t, "", append(shown, "reload")...); code != 0 {
		t.Errorf("isame-ctl with a certificate: got exit %d, %s; want 0", code, out)
	}
	eventually(t, "the log says whose certificate it was", func() string {
		if p.log.find("admin change", "author", "CN=operator", "via", "certificate") == nil {
			return "nothing"
		}
		return ""
	})
}

// TestTokensOfAnExposedAddressStay: a file that moves the endpoint to loopback and drops
// its token is refused while the old address serves.
func TestTokensOfAnExposedAddressStay(t *testing.T) {
	exposed := strings.Replace(responding(201), `admin: {address: "127.0.0.1:0"}`, `admin: {address: "0.0.0.0:0", token: secret}`, 1)
	p := launch(t, writeConfig(t, exposed))
	var line map[string]any
	eventually(t, "the admin endpoint answers", func() string {
		if line = p.log.find("admin endpoint"); line == nil {
			return "not in the log"
		}
		return ""
	})
	address, _ := line["address"].(string)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, p.file, responding(202))
	p.signal(syscall.SIGHUP)
	eventually(t, "the reload is refused", func() string {
		if !strings.Contains(p.log.String(), "admin.token: cannot be left out before a restart") {
			return "not in the log"
		}
		return ""
	})
	if line := p.log.find("a token is set"); line == nil || line["level"] != "warn" {
		t.Errorf("got %v at the start; want a word on what a token changes", line)
	}
	if got := get(t, "http://127.0.0.1:"+port+"/api/v1/status").status; got != 401 {
		t.Errorf("got %d; want the token still asked for", got)
	}
}
