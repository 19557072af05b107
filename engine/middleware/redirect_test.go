package middleware

import (
	"net/url"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// FuzzRedirect: whatever stands in a path, a location leads to the host of its text, or to that
// of the request.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{"//evil.test", "/.evil.test/", "/@evil.test", "/x?//evil.test", "/:80@evil.test", `/\evil.test`, "/%2fevil.test"} {
		f.Add(seed)
	}
	type row struct {
		keys config.StageRedirect
		host string // a suffix
	}
	rows := []row{
		{config.StageRedirect{To: "https://www.example.com{uri}"}, "www.example.com"},
		{config.StageRedirect{To: "https://www.example.com{query}"}, "www.example.com"},
		{config.StageRedirect{To: "{path}"}, ""},
		{config.StageRedirect{To: "/{query}"}, ""},
		{config.StageRedirect{To: "https://{host}{uri}"}, "test"},
		{config.StageRedirect{To: "https://{query}.example.com/"}, ".example.com"},
		{config.StageRedirect{To: "https://www.example.com$1", Regex: "^http://[^/]*/(.*)"}, "www.example.com"},
		{config.StageRedirect{To: "/$1", Regex: "^http://[^/]*/(.*)"}, ""},
		{config.StageRedirect{To: "https://$1.example.com/", Regex: "^http://[^/]*/(.*)"}, ".example.com"},
		{config.StageRedirect{To: "https://www.$1", Regex: "^http://(.*)"}, "www.test"},
	}
	all := make([]*redirect, len(rows))
	for i := range rows {
		made, err := newRedirect(&rows[i].keys, nil)
		if err != nil {
			f.Fatal(err)
		}
		all[i] = made
	}
	f.Fuzz(func(t *testing.T, target string) {
		var head wire.RequestHead
		if n, err := head.Parse([]byte("GET "+target+" HTTP/1.1\r\nHost: test\r\n\r\n"), &wire.Limits{}); n == 0 || err != nil || head.Path[0] != '/' ||
			string(head.Host) != "test" {
			return
		}
		for i, r := range all {
			c := newCall(t, "GET "+target+" HTTP/1.1\r\nHost: test\r\n\r\n")
			r.Request(c)
			to := string(c.Answer.Get(&location))
			if to == "" {
				continue
			}
			if strings.ContainsAny(to, "\\ \r\n\x00") {
				t.Fatalf("%q to %q: got %q", target, rows[i].keys.To, to)
			}
			u, err := url.Parse(to)
			if err != nil { // no browser goes there either: an escape in the host
				if !strings.HasSuffix(rows[i].host, ".example.com") && !strings.Contains(err.Error(), "invalid URL escape") {
					t.Fatal(err)
				}
				continue
			}
			if !strings.HasSuffix(u.Host, rows[i].host) || rows[i].host == "" && (u.Host != "" || u.Scheme != "") {
				t.Fatalf("%q to %q: got %q, which leads to %q", target, rows[i].keys.To, to, u.Host)
			}
		}
	})
}

// FuzzDestination: whatever a text says, and a client in what it names, the location is one line
// of the characters of a URI.
func FuzzDestination(f *testing.F) {
	for _, to := range []string{
		"{url}", "/{header.X-A}{tls.subject}", "{scheme}://{host}:{port}{path}?{query}", "//{tls.sni}/{client_ip}{peer_ip}",
		"/\xe4{{\\ {request_id|escape}", "https://{query.q}.x.test\r\n{cookie.c}", "/{claim.a}{method}{protocol}{route}{pool}",
	} {
		f.Add(to, "/a//b?q=%0d%0a", "x\\\"y")
		f.Add(to, "//evil.test?q=/", "/evil.test\x80")
	}
	f.Fuzz(func(t *testing.T, to, target, field string) {
		d, err := NewDestination(to, nil)
		if err != nil {
			return
		}
		head := "GET " + target + " HTTP/1.1\r\nHost: test:80\r\nX-A: " + field + "\r\nCookie: c=" + field + "\r\n\r\n"
		var h wire.RequestHead
		if n, err := h.Parse([]byte(head), &wire.Limits{}); n == 0 || err != nil {
			return
		}
		for _, c := range d.Append(nil, newCall(t, head)) {
			if !inURI[c] {
				t.Fatalf("%q for %q and %q: got the octet %q", to, target, field, c)
			}
		}
	})
}

func BenchmarkDestination(b *testing.B) {
	for _, to := range []string{"https://{host}{uri}", "https://www.example.org/{header.X-A}/{request_id}?{query}"} {
		b.Run("to="+to, func(b *testing.B) {
			d, err := NewDestination(to, nil)
			if err != nil {
				b.Fatal(err)
			}
			c := newCall(b, "GET /some/path?with=query HTTP/1.1\r\nHost: www.example.org:8080\r\nX-A: a b\r\n\r\n")
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = d.Append(dst[:0], c)
			}
		})
	}
}
