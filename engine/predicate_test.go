package engine

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// predicateText answers each request with the name of its route.
const predicateText = `
listeners:
  web: {address: "127.0.0.1:0", %s}
routes:
  office: {path: /, client_ips: [192.0.2.0/24], respond: {body: office}}
  old: {path: /, protocol: [http1], headers: {User-Agent: {regex: "^old/"}}, respond: {body: old}}
  switch: {path: /, protocol: [websocket], not: {headers: {X-Plain: "*"}}, respond: {body: switch}}
  new: {path: /, protocol: [h2], respond: {body: new}}
  named: {path: /named, sni: ["*.test"], respond: {body: named}}
  shops: {hosts_regex: ["^shop[0-9]+$"], respond: {body: shops}}
  rest: {path_prefix: /, respond: {body: rest}}
`

// TestRoutesAskTheConnection: who the client is, what it comes as, and what name of TLS it
// has asked for decide between routes of one path.
func TestRoutesAskTheConnection(t *testing.T) {
	r := start(t, fmt.Sprintf(predicateText, `h2c: true, trusted_proxies: [127.0.0.0/8]`), "")
	const asked = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, tc := range []struct{ host, lines, want string }{
		{"a", "", "rest"},
		{"a", "X-Forwarded-For: 192.0.2.9\r\n", "office"},
		{"a", "X-Forwarded-For: 192.0.2.9, 198.51.100.1\r\n", "rest"},
		{"a", "User-Agent: old/1\r\n", "old"},
		{"a", "User-Agent: older/1\r\n", "rest"},
		{"a", asked, "switch"},
		{"a", asked + "X-Plain: 1\r\n", "rest"},
		{"SHOP12:80", "", "shops"},
	} {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: " + tc.host + "\r\n" + tc.lines + "\r\n")
		if got := c.receive("GET"); got.body != tc.want {
			t.Errorf("%s %q: got %q; want %q", tc.host, tc.lines, got.body, tc.want)
		}
	}
	if got := pageOf(t, r.h2Client(), "http://a.test/"); got != "new" {
		t.Errorf("over HTTP/2: got %q; want new", got)
	}
	cert := newPair(t, tomorrow(), "a.test", "b")
	r = start(t, fmt.Sprintf(predicateText, fmt.Sprintf(`tls: {certificates: [{cert_file: %q, key_file: %q}]}`, cert.certFile, cert.keyFile)), "")
	for sni, want := range map[string]string{"a.test": "named", "b": "rest"} {
		c, _ := r.mustDialTLS(&tls.Config{ServerName: sni, NextProtos: []string{"http/1.1"}})
		c.send("GET /named HTTP/1.1\r\nHost: " + sni + "\r\n\r\n")
		if got := c.receive("GET"); got.body != want {
			t.Errorf("TLS name %s: got %q; want %q", sni, got.body, want)
		}
	}
}

// pageOf is the content of a page.
func pageOf(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
