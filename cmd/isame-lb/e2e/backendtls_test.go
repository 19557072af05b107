package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// tlsNginx is a server of nginx that asks for certificates of client and says how
// it is spoken to.
func tlsNginx(server, client *pair, version string) string {
	return `server {
    listen unix:{dir}/tls ssl;
    ssl_certificate ` + server.certFile + `; ssl_certificate_key ` + server.keyFile + `;
    ssl_protocols ` + version + `; ssl_session_tickets on;
    ssl_verify_client on; ssl_client_certificate ` + client.certFile + `;
    root {dir}/www;
    keepalive_requests 10;
    client_body_buffer_size 2m;
    location / { return 200 "nginx $ssl_protocol resumed=$ssl_session_reused name=$ssl_server_name client=$ssl_client_s_dn request=$connection_requests\n"; }
    location = /big { }
}`
}

// viaTLS is a configuration of one pool over TLS, probed each 100 ms.
func viaTLS(address string, server, client *pair, more string) string {
	return header + fmt.Sprintf(`
routes: {all: {pool: p}}
pools:
  p:
    backends: [{address: %q}]
    health_check: {type: http, path: /, interval: 1s, timeout: 1s, unhealthy_after: 1}
    tls: {enabled: true, server_name: a.test, ca_file: %q, cert_file: %q, key_file: %q}
    panic_threshold: 0
`, address, server.certFile, client.certFile, client.keyFile) + more
}

func TestNginxBackendOverTLS(t *testing.T) {
	server, client := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "proxy")
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			n := startNginx(t, tlsNginx(server, client, version))
			p := start(t, viaTLS("unix:"+n.dir+"/tls", server, client, ""))
			waitUp(t, p, 0, true, "status 200")
			first := "nginx " + version + " resumed=. name=a.test client=CN=proxy request=1\n"
			resumed := strings.Replace(first, "resumed=.", "resumed=r", 1)
			c := dial(t, p.address())
			for i := range 12 { // nginx ends a connection after ten requests
				want := first
				if i >= 10 {
					want = resumed
				}
				want = strings.Replace(want, "request=1", fmt.Sprintf("request=%d", i%10+1), 1)
				c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				if got := string(c.response("GET").body); got != want {
					t.Fatalf("request %d: got %q; want %q", i, got, want)
				}
			}
			if got := curl(t, p.url("/big")); got != string(n.big) {
				t.Errorf("big file: got %d bytes; want %d, the same", len(got), len(n.big))
			}
			upload := filepath.Join(t.TempDir(), "upload")
			if err := os.WriteFile(upload, n.big, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := curl(t, "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@"+upload, p.url("/post")); got != "200" {
				t.Errorf("a post: got %s; want 200", got)
			}
			if _, out := ctl(t, p.admin, "pools", "p"); !strings.Contains(out, "spoken to by TLS, certificates verified") {
				t.Errorf("isame-ctl says:\n%s", out)
			}
		})
	}
}

// TestWhyABackendIsNotTrusted breaks the trust in each way while requests come:
// the client gets tls_failed, the operator the reason, and trust comes back with
// the right files, without a signal.
func TestWhyABackendIsNotTrusted(t *testing.T) {
	server, client := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "proxy")
	other := newPair(t, tomorrow(), "a.test")
	n := startNginx(t, tlsNginx(server, client, "TLSv1.3"))
	good := viaTLS("unix:"+n.dir+"/tls", server, client, "    circuit_breaker: {max_ejected_percent: 0}\n")
	unprobed := regexp.MustCompile(`(?m)^ *health_check.*$`).ReplaceAllString(good, "")
	p := start(t, unprobed)
	for _, tt := range []struct{ name, configuration, reason string }{
		{"another authority", strings.Replace(unprobed, "ca_file: \""+server.certFile, "ca_file: \""+other.certFile, 1), "certificate signed by unknown authority"},
		{"the system's authorities", regexp.MustCompile(`ca_file: "[^"]*",`).ReplaceAllString(unprobed, ""), "certificate signed by unknown authority"},
		{"another name", strings.Replace(unprobed, "a.test", "b.test", 1), "certificate is valid for a.test, not b.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.reload(tt.configuration, "applied")
			out := curl(t, "--include", "--data", "x", p.url("/"))
			if !strings.HasPrefix(out, "HTTP/1.1 502") || !strings.Contains(out, "X-Isame-Error: tls_failed") {
				t.Errorf("the client got %s", out)
			}
			if got := p.pool("p").Backends[0]; !strings.HasPrefix(got.Reason, "TLS: "+tt.reason) {
				t.Errorf("the status says %q; want %q", got.Reason, tt.reason)
			}
			line := p.log.find("cannot agree on TLS with a backend", "backend", "unix:"+n.dir+"/tls")
			if reason, _ := line["reason"].(string); line == nil || !strings.Contains(p.log.String(), tt.reason) || line["level"] != "warn" {
				t.Errorf("the log says %q", reason)
			}
		})
	}
	p.reload(strings.Replace(good, "ca_file: \""+server.certFile, "ca_file: \""+other.certFile, 1), "applied")
	waitUp(t, p, 0, false, "TLS: certificate signed by unknown authority")
	copyFile(t, server.certFile, other.certFile) // the file is watched
	waitUp(t, p, 0, true, "status 200")
	if out := curl(t, p.url("/")); !strings.HasPrefix(out, "nginx TLSv1.3") {
		t.Errorf("got %q", out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, to, string(data))
}

// TestHAProxyBackendRefusesUs has a backend that looks at our certificate after
// the handshake, as TLS 1.3 does.
func TestHAProxyBackendRefusesUs(t *testing.T) {
	server, client, stranger := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "proxy"), newPair(t, tomorrow(), "stranger")
	both := filepath.Join(t.TempDir(), "both.pem")
	certificate, err := os.ReadFile(server.certFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(server.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, both, string(certificate)+string(key))
	address := startHAProxy(t, "http", `
frontend f
  bind fd@3 ssl crt `+both+` ca-file `+client.certFile+` verify required
  http-request return status 200 content-type text/plain lf-string "haproxy %[ssl_fc_protocol] %[ssl_c_s_dn(CN)]\n"
`)
	known := viaTLS(address, server, client, "")
	p := start(t, known)
	waitUp(t, p, 0, true, "status 200")
	if got := curl(t, p.url("/")); got != "haproxy TLSv1.3 proxy\n" {
		t.Errorf("got %q", got)
	}
	p.reload(viaTLS(address, server, stranger, ""), "applied")
	waitUp(t, p, 0, false, "TLS: the backend refuses: ")
	p.reload(known, "applied")
	waitUp(t, p, 0, true, "status 200")
}

// TestBackendChangesKeys has openssl as a backend, which changes its keys between
// two requests and asks us to do the same: the connection goes on.
func TestBackendChangesKeys(t *testing.T) {
	openssl := needProgram(t, "openssl", "openssl")
	server := newPair(t, tomorrow(), "a.test")
	command := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", server.certFile, "-key", server.keyFile, "-crlf", "-naccept", "1")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("openssl wrote:\n%s", log)
		}
	})
	says := func(what string) {
		t.Helper()
		eventually(t, "openssl writes "+what, func() string {
			if regexp.MustCompile(what).MatchString(log.String()) {
				return ""
			}
			return "silent"
		})
	}
	says(`ACCEPT [0-9.:]*:\d+\n`)
	address := regexp.MustCompile(`ACCEPT ([0-9.:]+)`).FindStringSubmatch(log.String())[1]
	p := start(t, header+fmt.Sprintf("routes: {all: {pool: p}}\npools: {p: {backends: [{address: %q}], tls: {enabled: true, server_name: a.test, ca_file: %q}}}\n", address, server.certFile))
	c := dial(t, p.address())
	for i, path := range []string{"/first", "/second", "/third"} {
		if i > 0 {
			_, _ = io.WriteString(input, "K\n") // it is read before the request, so it stands alone
		}
		c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
		says("GET " + path + " (?s).*Via: ")
		_, _ = io.WriteString(input, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		c.response("GET").wantStatus(t, 200)
	}
	_ = input.Close()
	says(`(?s)(SSL_do_handshake -> 1.*){2}`)
}

// proxiedNginx are servers of nginx that take PROXY headers, one of them over TLS.
func proxiedNginx(server *pair) string {
	const body = `location / { return 200 "$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port request=$connection_requests\n"; }`
	return `
  server { listen unix:{dir}/clear proxy_protocol; ` + body + ` }
  server { listen unix:{dir}/secure proxy_protocol ssl; ssl_certificate ` + server.certFile + `; ssl_certificate_key ` + server.keyFile + `; ` + body + ` }`
}

// TestBackendsThatTakeProxyHeaders asks real backends what they were told of the
// client: its own address, and that it came to ours.
func TestBackendsThatTakeProxyHeaders(t *testing.T) {
	server := newPair(t, tomorrow(), "a.test")
	n := startNginx(t, proxiedNginx(server))
	haproxy := startHAProxy(t, "http", `
frontend f
  bind fd@3 accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port] request=1\n"
`)
	overTLS := fmt.Sprintf(", tls: {enabled: true, server_name: a.test, ca_file: %q}", server.certFile)
	for _, tt := range []struct{ name, address, more string }{
		{"nginx", "unix:" + n.dir + "/clear", ""},
		{"nginx over TLS", "unix:" + n.dir + "/secure", overTLS},
		{"HAProxy", haproxy, ""},
	} {
		for _, version := range []string{"v1", "v2"} {
			t.Run(tt.name+" "+version, func(t *testing.T) {
				p := start(t, header+fmt.Sprintf(`
routes: {all: {pool: p}}
pools:
  p: {backends: [{address: %q}], proxy_protocol: %s, health_check: {type: http, path: /, interval: 100ms, timeout: 100ms}, panic_threshold: 0%s}
`, tt.address, version, tt.more))
				waitUp(t, p, 0, true, "status 200")
				for range 2 {
					c := dial(t, p.address())
					want := fmt.Sprintf("%v %v request=1\n", c.conn.LocalAddr(), c.conn.RemoteAddr())
					for range 3 {
						c.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
						if got := string(c.response("GET").wantStatus(t, 200).body); got != want {
							t.Errorf("got %q; want %q", got, want)
						}
					}
				}
			})
		}
	}
}

// TestClientOfAProxyInFrontIsAnnounced passes a client on through three proxies.
func TestClientOfAProxyInFrontIsAnnounced(t *testing.T) {
	n := startNginx(t, proxiedNginx(newPair(t, tomorrow(), "a.test")))
	p := start(t, fmt.Sprintf(`
listeners: {web: {address: "127.0.0.1:0"%s}}
admin: {address: "127.0.0.1:0"}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "unix:%s/clear"}], proxy_protocol: v2}}
`, behindProxies, n.dir))
	front := haproxyTCP(t, "send-proxy-v2", p.address())
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}, Timeout: patience}).Dial("tcp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\r\n\r\n%v %v request=1\n", c.LocalAddr(), c.RemoteAddr()); !strings.HasSuffix(string(answer), want) {
		t.Errorf("got %q; want %q at its end", answer, want)
	}
}
