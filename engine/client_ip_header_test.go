package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// clientLine finds the fields that say who the client is.
var clientLine = regexp.MustCompile(`(?i)\r\n((?:x[-_]forwarded[-_]for|forwarded|x[-_]real[-_]ip|cf[-_]connecting[-_]ip): ?[^\r]*)`)

// namings are these fields, sorted, without an X-Forwarded-For of the peer alone: the
// recorder takes that for what every request has.
func namings(request string) []string {
	var all []string
	for _, m := range clientLine.FindAllStringSubmatch(request, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

// TestClientIPHeader looks at what a backend is told, and at whom the access log names.
func TestClientIPHeader(t *testing.T) {
	const (
		cf     = "client_ip_header: CF-Connecting-IP, trusted_proxies: [private]"
		nginx  = "client_ip_header: x-real-ip, trusted_proxies: [127.0.0.1]"
		nobody = "client_ip_header: CF-Connecting-IP, trusted_proxies: [192.0.2.1]"
		list   = "trusted_proxies: [private]"
	)
	for _, tc := range []struct{ name, listener, fields, want, client string }{
		{"said", cf, "CF-Connecting-IP: 1.2.3.4\r\n", "[CF-Connecting-IP: 1.2.3.4 X-Forwarded-For: 1.2.3.4, 127.0.0.1]", "1.2.3.4"},
		{"IPv6", cf, "CF-Connecting-IP: 2001:db8::1\r\n", "[CF-Connecting-IP: 2001:db8::1 X-Forwarded-For: 2001:db8::1, 127.0.0.1]", "2001:db8::1"},
		{
			"the list is nobody's word", cf, "CF-Connecting-IP: 1.2.3.4\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n",
			"[CF-Connecting-IP: 1.2.3.4 X-Forwarded-For: 1.2.3.4, 127.0.0.1]", "1.2.3.4",
		},
		{"absent", cf, "X-Forwarded-For: 6.6.6.6\r\n", "[]", "127.0.0.1"},
		{"no address", cf, "CF-Connecting-IP: 1.2.3.4, 5.6.7.8\r\n", "[CF-Connecting-IP: 1.2.3.4, 5.6.7.8]", "127.0.0.1"},
		{"in another one", nginx, "X-Real-IP: 1.2.3.4\r\nX-Forwarded-For: 6.6.6.6\r\n", "[X-Forwarded-For: 1.2.3.4, 127.0.0.1 X-Real-IP: 1.2.3.4]", "1.2.3.4"},
		{"by nobody who is trusted", nobody, "CF-Connecting-IP: 1.2.3.4\r\nCF_Connecting_IP: 1.2.3.4\r\nX-Real-IP: 6.6.6.6\r\n", "[]", "127.0.0.1"},
		{"by the list", list, "CF-Connecting-IP: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n", "[CF-Connecting-IP: 1.2.3.4 X-Forwarded-For: 5.6.7.8, 127.0.0.1]", "5.6.7.8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log lockedBuffer
			rec := record(t)
			r := startLogged(t, &log, `
listeners: {web: {address: "127.0.0.1:0", `+tc.listener+`}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
log: {access: {enabled: true}}
`, rec.address)
			c := r.dial()
			for range 2 {
				c.send("GET / HTTP/1.1\r\nHost: t\r\n" + tc.fields + "\r\n")
				c.receive("GET")
				if got := fmt.Sprint(namings(rec.take(t)[0])); got != tc.want {
					t.Errorf("the backend saw %s; want %s", got, tc.want)
				}
			}
			eventually(t, func() string { return "the access log names the client: " + log.String() }, func() bool {
				return strings.Count(log.String(), `"client":"`+tc.client+`"`) == 2
			})
		})
	}
}

// TestClientIPHeaderOfAnotherListener: a backend believes the field whichever way a
// request came.
func TestClientIPHeaderOfAnotherListener(t *testing.T) {
	rec := record(t)
	r := start(t, `
listeners:
  web: {address: "127.0.0.1:0", client_ip_header: CF-Connecting-IP, trusted_proxies: [private]}
  open: {address: "127.0.0.2:0"}
  front: {address: "127.0.0.3:0", trusted_proxies: [private]}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
`, rec.address)
	for listener, want := range map[string]string{
		"open": "[]", "front": "[CF-Connecting-IP: 1.2.3.4 cf_connecting_ip: 1.2.3.4]",
	} {
		c := r.at(listener).dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\nCF-Connecting-IP: 1.2.3.4\r\ncf_connecting_ip: 1.2.3.4\r\n\r\n")
		c.receive("GET")
		if got := fmt.Sprint(namings(rec.take(t)[0])); got != want {
			t.Errorf("%s: the backend saw %s; want %s", listener, got, want)
		}
	}
}

// TestClientIPHeaderFollowsReloads also puts the field behind a PROXY header and onto a
// unix socket, whose peers have no address.
func TestClientIPHeaderFollowsReloads(t *testing.T) {
	address := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
	})
	socket := filepath.Join(t.TempDir(), "web.sock")
	text := func(more string) string {
		return `
listeners:
  web: {address: "127.0.0.1:0", proxy_protocol: accept, proxy_protocol_from: [private], trusted_proxies: [192.0.2.0/24]` + more + `}
  local: {address: "unix:` + socket + `", trusted_proxies: [private]` + more + `}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
`
	}
	r := start(t, text(", client_ip_header: X-Real-IP"), address)
	c := r.at("web").dial()
	c.send(proxyLine4)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	renew(conn)
	local := &client{Conn: conn, t: t, r: bufio.NewReader(conn)}
	ask := func(c *client) string {
		c.send("GET / HTTP/1.1\r\nHost: t\r\nX-Real-IP: 203.0.113.1\r\nX-Forwarded-For: 203.0.113.2\r\n\r\n")
		return c.receive("GET").body
	}
	if got := ask(c); got != "203.0.113.1, 192.0.2.7" {
		t.Errorf("behind a PROXY header: got %q", got)
	}
	if got := ask(local); got != "203.0.113.1, unknown" {
		t.Errorf("on a unix socket: got %q", got)
	}
	r.apply(text(""), address)
	if got := ask(c); got != "203.0.113.2, 192.0.2.7" {
		t.Errorf("after a reload: got %q", got)
	}
}
