package engine

import (
	"fmt"
	"strings"
	"testing"
)

// Host and :authority are compared as the scheme says (RFC 9113 section 8.3.1): what a
// port that is empty or its own adds to a name is nothing.
func TestHTTP2AuthorityAndHostAreComparedByScheme(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	for _, tc := range []struct {
		scheme, authority, host string
		same                    bool
	}{
		{"https", "localhost", "localhost:443", true},
		{"https", "localhost:443", "localhost", true},
		{"https", "LOCALHOST:443", "localhost", true},
		{"http", "localhost", "localhost:80", true},
		{"http", "localhost:80", "localhost", true},
		{"http", "localhost:", "localhost:80", true},
		{"http", "localhost", "localhost:", true},
		{"https", "[::1]", "[::1]:443", true},
		{"http", "[::1]:80", "[::1]", true},
		{"http", "localhost", "localhost:443", false},
		{"https", "localhost", "localhost:80", false},
		{"https", "localhost:80", "localhost:443", false},
		{"http", "localhost:8080", "localhost", false},
		{"http", "localhost", "other:80", false},
		{"http", "[::1]", "[::1:80]", false},
		{"https", "localhost", "localhost:0443", false},
	} {
		t.Run(fmt.Sprint(tc.scheme, " ", tc.authority, " ", tc.host), func(t *testing.T) {
			r.t = t
			c := r.h2()
			got := c.ask(":method", "GET", ":scheme", tc.scheme, ":authority", tc.authority, ":path", "/", "host", tc.host)
			want := "reset PROTOCOL_ERROR"
			if tc.same {
				want = "200 GET /"
			}
			c.expect(want, got)
			if seen := strings.Join(rec.take(t), ""); tc.same != strings.Contains(seen, "\r\nHost: "+tc.authority+"\r\n") {
				t.Errorf("the backend saw %q; want the authority as Host where it is the same", seen)
			}
		})
	}
}

// An empty port names none (RFC 3986 section 3.2.3), in every version.
func TestEmptyPortsOfHosts(t *testing.T) {
	text := strings.Replace(h3Text(t), "all: {pool: p}", `all: {hosts: [a.test], respond: {status: 200, body: found}}`, 1)
	r := start(t, text, nobody(t))
	for _, host := range []string{"a.test:", "A.test:", "a.test.:"} {
		h1, _ := r.mustDialTLS(nil)
		h1.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if a := h1.receive("GET"); a.body != "found" {
			t.Errorf("HTTP/1.1, %s: got %d %q; want found", host, a.StatusCode, a.body)
		}
		fields := []string{":method", "GET", ":scheme", "https", ":authority", host, ":path", "/"}
		if got := r.h2TLS().ask(fields...); got != "200 found" {
			t.Errorf("HTTP/2, %s: got %q; want 200 found", host, got)
		}
		if got := r.h3(noSettings).ask(fields...); got != "200 found" {
			t.Errorf("HTTP/3, %s: got %q; want 200 found", host, got)
		}
	}
}
