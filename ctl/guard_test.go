package ctl

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

const adminToken = "s3cret-t0ken"

// guarded is a server with a token that says what it was made to do.
func guarded(t *testing.T, changes *[]string) *Server {
	t.Helper()
	return start(t, Options{Token: adminToken, AllowedHosts: []string{"lb.example.com", "with-port.example:9901"}, MetricsPath: "/metrics", Sources: sampleSources(changes)})
}

func TestGuard(t *testing.T) {
	var changes []string
	s := guarded(t, &changes)
	const (
		auth    = "Authorization: Bearer " + adminToken + "\r\n"
		reload  = "POST /api/v1/reload HTTP/1.1\r\n"
		here    = "Host: $HOST\r\n"
		jsonOne = "Content-Type: application/json\r\nContent-Length: 2\r\n"
	)
	for _, c := range []struct {
		name, request string
		want          int
		wantDetail    string
	}{
		{"change with token", reload + here + auth + "\r\n", 200, ""},
		{"scheme in another case", reload + here + "authorization: bearer " + adminToken + "\r\n\r\n", 200, ""},
		{"no token", reload + here + "\r\n", 401, "admin.token"},
		{"wrong token", reload + here + "Authorization: Bearer s3cret-t0keN\r\n\r\n", 401, ""},
		{"token cut short", reload + here + "Authorization: Bearer s3cret\r\n\r\n", 401, ""},
		{"token with more", reload + here + "Authorization: Bearer " + adminToken + "x\r\n\r\n", 401, ""},
		{"empty token", reload + here + "Authorization: Bearer \r\n\r\n", 401, ""},
		{"another scheme", reload + here + "Authorization: Basic " + adminToken + "\r\n\r\n", 401, ""},
		{"token in the query", "POST /api/v1/reload?token=" + adminToken + " HTTP/1.1\r\n" + here + "\r\n", 401, ""},
		{"token in the query as well", "POST /api/v1/reload?token=" + adminToken + " HTTP/1.1\r\n" + here + auth + "\r\n", 400, "unknown_parameter"},
		{"two tokens", reload + here + auth + auth + "\r\n", 401, "one field"},
		{"read with token", "GET /api/v1/status HTTP/1.1\r\n" + here + auth + "\r\n", 200, ""},
		{"read without token", "GET /api/v1/status HTTP/1.1\r\n" + here + "\r\n", 401, "admin.token"},
		{"metrics without token", "GET /metrics HTTP/1.1\r\n" + here + "\r\n", 401, ""},
		{"document without token", "GET /api/v1/openapi.json HTTP/1.1\r\n" + here + "\r\n", 401, ""},
		{"index without token", "GET / HTTP/1.1\r\n" + here + "\r\n", 200, ""},
		{"health without token", "GET /health HTTP/1.1\r\n" + here + "\r\n", 200, ""},
		{"health with a wrong token", "GET /health HTTP/1.1\r\n" + here + "Authorization: Bearer no\r\n\r\n", 200, ""},
		{"readiness without token", "GET /ready HTTP/1.1\r\n" + here + "\r\n", 200, ""},

		{"localhost", "GET /health HTTP/1.1\r\nHost: localhost:1234\r\n\r\n", 200, ""},
		{"localhost with root dot", "GET /health HTTP/1.1\r\nHost: LOCALHOST.:1\r\n\r\n", 200, ""},
		{"loopback of version 6", "GET /health HTTP/1.1\r\nHost: [::1]:9901\r\n\r\n", 200, ""},
		{"another loopback address", "GET /health HTTP/1.1\r\nHost: 127.9.9.9\r\n\r\n", 200, ""},
		{"allowed host", "GET /health HTTP/1.1\r\nHost: LB.example.com\r\n\r\n", 200, ""},
		{"allowed host with any port", "GET /health HTTP/1.1\r\nHost: lb.example.com:1\r\n\r\n", 200, ""},
		{"allowed host with its port", "GET /health HTTP/1.1\r\nHost: with-port.example:9901\r\n\r\n", 200, ""},
		{"allowed host with another port", "GET /health HTTP/1.1\r\nHost: with-port.example:1\r\n\r\n", 403, "admin.allowed_hosts"},
		{"rebound name", "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "evil.example"},
		{"rebound name on metrics", "GET /metrics HTTP/1.1\r\nHost: evil.example:9901\r\n\r\n", 403, ""},
		{"rebound name with token", reload + "Host: evil.example\r\n" + auth + "\r\n", 403, ""},
		{"name that begins like ours", "GET /health HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403, ""},
		{"name that ends like ours", "GET /health HTTP/1.1\r\nHost: evil-localhost\r\n\r\n", 403, ""},
		{"credentials in the host", "GET /health HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 403, ""},
		{"an address that is not ours", "GET /health HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 403, ""},
		{"no host", "GET /health HTTP/1.0\r\n\r\n", 403, ""},
		{"host hidden by an absolute target", "GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400, ""},
		{"absolute target", "GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, ""},
		{"connect", "CONNECT 10.0.0.1:80 HTTP/1.1\r\n" + here + "\r\n", 400, ""},
		{"version 2.0", "GET /health HTTP/2.0\r\n" + here + "\r\n", 505, ""},

		{"own origin", reload + here + auth + "Origin: http://$HOST\r\n\r\n", 200, ""},
		{"origin of another site", reload + here + auth + "Origin: https://evil.example\r\n\r\n", 403, "evil.example"},
		{"origin with another port", reload + here + auth + "Origin: http://127.0.0.1:1\r\n\r\n", 403, ""},
		{"origin null", reload + here + auth + "Origin: null\r\n\r\n", 403, ""},
		{"two origins", reload + here + auth + "Origin: http://$HOST\r\nOrigin: https://evil.example\r\n\r\n", 403, ""},
		{"cross-site by fetch metadata", reload + here + auth + "Sec-Fetch-Site: cross-site\r\n\r\n", 403, ""},
		{"same-site is not same-origin", reload + here + auth + "Sec-Fetch-Site: same-site\r\n\r\n", 403, ""},
		{"same-origin by fetch metadata", reload + here + auth + "Sec-Fetch-Site: same-origin\r\n\r\n", 200, ""},

		{"JSON", reload + here + auth + jsonOne + "\r\n{}", 200, ""},
		{"form without a body", reload + here + auth + "Content-Type: application/x-www-form-urlencoded\r\n\r\n", 415, ""},
		{"form", reload + here + auth + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b", 415, ""},
		{"plain text", reload + here + auth + "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415, "application/json"},
		{"body without a type", reload + here + auth + "Content-Length: 2\r\n\r\n{}", 415, ""},
		{"two types", reload + here + auth + "Content-Type: text/plain, application/json\r\nContent-Length: 2\r\n\r\n{}", 415, ""},
		{"body where none is taken", "DELETE /api/v1/pools/api/backends/a:1 HTTP/1.1\r\n" + here + auth + jsonOne + "\r\n{}", 415, "no body"},

		{"header too large", "GET /health HTTP/1.1\r\n" + here + "X-A: " + strings.Repeat("a", headBytesMax) + "\r\n\r\n", 431, "16 KiB"},
		{"body too large", reload + here + auth + "Content-Type: application/json\r\nContent-Length: 65537\r\n\r\n", 413, "64 KiB"},
		{"configuration too large", "PUT /api/v1/config?dry_run=1 HTTP/1.1\r\n" + here + auth + "Content-Type: application/yaml\r\nContent-Length: 10485761\r\n\r\n", 413, "10 MiB"},
		{"configuration without token", "PUT /api/v1/config?dry_run=1 HTTP/1.1\r\n" + here + "Content-Type: application/yaml\r\nContent-Length: 10485761\r\n\r\n", 401, ""},
		{"chunks too large", reload + here + auth + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + strings.Repeat("a", 0x10001) + "\r\n0\r\n\r\n", 413, ""},
		{"garbage", "\x16\x03\x01\x02\x00\r\n\r\n", 400, ""},
		{"length and chunks that differ", reload + here + auth + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes = nil
			got := raw(t, s, c.request)
			if got.status != c.want || !strings.Contains(got.body, c.wantDetail) {
				t.Errorf("got %d %s; want %d with %s", got.status, got.body, c.want, c.wantDetail)
			}
			if c.want == 200 {
				return
			}
			if len(changes) > 0 {
				t.Errorf("refused, but done: %v", changes)
			}
			if got.header.Get("Content-Type") != api.ProblemType || strings.Contains(got.body, adminToken) {
				t.Errorf("got %q %s; want a problem document without the token", got.header.Get("Content-Type"), got.body)
			}
			if (c.want == 401) != (got.header.Get("WWW-Authenticate") != "") {
				t.Errorf("got WWW-Authenticate %q with %d", got.header.Get("WWW-Authenticate"), c.want)
			}
		})
	}
}

// TestRefusedUploadIsToldWhy sends a body nobody reads: without the slow close
// the client would see a reset connection instead of the answer.
func TestRefusedUploadIsToldWhy(t *testing.T) {
	s := guarded(t, new([]string))
	const size = 20 << 20
	conn := dial(t, s)
	head := fmt.Sprintf("PUT /api/v1/config?dry_run=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/yaml\r\nContent-Length: %d\r\n\r\n", adminToken, size)
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(conn, io.LimitReader(zeros{}, size)); err != nil {
		t.Fatalf("the upload broke off: %v", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 413 {
		t.Errorf("got %d; want 413", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestLargestConfigurationIsTaken(t *testing.T) {
	s := guarded(t, new([]string))
	text := strings.Repeat("#", configBytesMax-len(plainConfig)-1) + "\n" + plainConfig
	got := raw(t, s, request("PUT", "/api/v1/config?dry_run=1", "Authorization: Bearer "+adminToken+"\r\nContent-Type: application/yaml\r\n", text))
	if got.status != 200 {
		t.Errorf("got %d %s; want 200", got.status, got.body)
	}
}

// TestHostOfTheConnection answers to the address a client used when the
// endpoint is bound to all of them.
func TestHostOfTheConnection(t *testing.T) {
	s := start(t, Options{Address: "0.0.0.0:0", Token: adminToken})
	g := s.guard
	local := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 9901}
	for host, want := range map[string]bool{
		"192.0.2.7:9901": true, "192.0.2.7": true, "[::ffff:192.0.2.7]": true, "192.0.2.8": false, "0.0.0.0": true,
		"[2001:db8::1]": false, "": false, "[": false, ":": false, "lb.example.com": false,
	} {
		if got := g.checkHost(host, local) == nil; got != want {
			t.Errorf("%q: got %v; want %v", host, got, want)
		}
	}
}

func FuzzGuardHost(f *testing.F) {
	for _, h := range []string{"localhost", "127.0.0.1:1", "[::1]", "evil.example", "127.0.0.1.evil", "localhost.:80", "[::1%25lo]:1", "a:b:c"} {
		f.Add(h)
	}
	g := newGuard(&Options{Address: "127.0.0.1:9901"})
	f.Fuzz(func(t *testing.T, host string) {
		if !g.isOurs(host, nil) {
			return
		}
		// Whatever is let through is localhost or an address of the loopback, with or without a port.
		name := strings.ToLower(host)
		if n, _, err := net.SplitHostPort(name); err == nil {
			name = n
		}
		name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
		name, _, _ = strings.Cut(name, "%")
		if ip := net.ParseIP(name); name != "localhost" && (ip == nil || !ip.IsLoopback()) {
			t.Errorf("%q was let through", host)
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("/api/v1/pools/a%2Fb/backends/unix:/x")
	f.Add("/api/v1/pools//backends/%")
	const pattern = "/api/v1/pools/{pool}/backends/{address}"
	f.Fuzz(func(t *testing.T, path string) {
		params, ok := match(pattern, path)
		if ok && (params["pool"] == "" || params["address"] == "" || !strings.HasPrefix(path, "/api/v1/pools/")) {
			t.Errorf("%q matched with %v", path, params)
		}
	})
}
