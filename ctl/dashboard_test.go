package ctl

import (
	"strings"
	"testing"
)

const fromBrowser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"

func TestDashboardIsForBrowsers(t *testing.T) {
	s := start(t, Options{Dashboard: true, Token: "secret-0123456789"})
	page := raw(t, s, request("GET", "/", fromBrowser, ""))
	if got := page.header.Get("Content-Type"); page.status != 200 || !strings.HasPrefix(got, "text/html") || !strings.Contains(page.body, "/assets/app.js") {
		t.Errorf("a browser got %d %q %.80q; want the page", page.status, got, page.body)
	}
	if got := raw(t, s, request("GET", "/", "Accept: */*\r\n", "")); got.header.Get("Content-Type") != typeJSON || !strings.Contains(got.body, "/api/v1/status") {
		t.Errorf("curl got %q %.80q; want links as JSON", got.header.Get("Content-Type"), got.body)
	}
	script := raw(t, s, request("GET", "/assets/app.js", "", ""))
	if got := script.header.Get("Content-Type"); script.status != 200 || !strings.HasPrefix(got, "text/javascript") {
		t.Errorf("the script is %d %q; want 200 text/javascript, without a token", script.status, got)
	}
	if got := raw(t, s, request("GET", "/assets/none.js", "", "")); got.status != 404 {
		t.Errorf("a file that is none: got %d; want 404", got.status)
	}

	s.SetAccess(&Access{Tokens: s.opts.access().Tokens})
	off := raw(t, s, request("GET", "/", fromBrowser, ""))
	if strings.Contains(off.body, "app.js") || !strings.Contains(off.body, "/api/v1/status") {
		t.Errorf("without the dashboard a browser got %.120q; want the list of calls", off.body)
	}
	if got := raw(t, s, request("GET", "/assets/app.js", "", "")); got.status != 404 || !strings.Contains(got.body, "admin.dashboard") {
		t.Errorf("without the dashboard its script is %d %q; want 404 that names the key", got.status, got.body)
	}
}

func TestDashboardIsKeptByItsETag(t *testing.T) {
	s := start(t, Options{Dashboard: true})
	for _, path := range []string{"/", "/assets/app.js", "/assets/uPlot.min.css"} {
		first := raw(t, s, request("GET", path, fromBrowser, ""))
		tag := first.header.Get("Etag")
		if tag == "" || first.header.Get("Cache-Control") != "no-cache" {
			t.Fatalf("%s: got ETag %q and Cache-Control %q; want one, and no-cache", path, tag, first.header.Get("Cache-Control"))
		}
		again := raw(t, s, request("GET", path, fromBrowser+"If-None-Match: "+tag+"\r\n", ""))
		if again.status != 304 || again.body != "" {
			t.Errorf("%s again: got %d with %d bytes; want 304", path, again.status, len(again.body))
		}
		if old := raw(t, s, request("GET", path, fromBrowser+"If-None-Match: \"x\"\r\n", "")); old.status != 200 || old.body != first.body {
			t.Errorf("%s with the tag of another version: got %d; want 200", path, old.status)
		}
	}
}

func TestDashboardRunsNothingInline(t *testing.T) {
	s := start(t, Options{Dashboard: true})
	for _, path := range []string{"/", "/assets/app.js"} {
		policy := raw(t, s, request("GET", path, fromBrowser, "")).header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q; want nothing unsafe", path, policy)
		}
	}
}
