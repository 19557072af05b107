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
