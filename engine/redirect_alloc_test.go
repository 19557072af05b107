//go:build !race

package engine

import (
	"strings"
	"testing"
)

// TestRouteRedirectsDoNotAllocate has every variable, over HTTP/1.1 and HTTP/2, and what is put
// into a location that would lead elsewhere.
func TestRouteRedirectsDoNotAllocate(t *testing.T) {
	const target, field = "/a%2Fb//c?q=%0d%0ax&r", "/evil.test/%0D%0Ay\\\""
	for _, tc := range oneOfEach {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, redirectsTo(tc.to, "", ""), "")
			if n := r.dial().allocs("GET " + target + " HTTP/1.1\r\nHost: test:8080\r\nX-A: " + field + "\r\nCookie: c=dough\r\n\r\n"); n != 0 {
				t.Errorf("HTTP/1.1: %v allocations an exchange; want 0", n)
			}
		})
	}
	r := start(t, redirectsTo("https://{query.r}.to.test/{header.X-A}/{request_id}{uri}", "", ""), "")
	c := newBareClient(t, r, "", ":method", "GET", ":scheme", "http", ":authority", "test", ":path", target, "x-a", field)
	exchange := func() {
		if !c.exchange() {
			t.Fatal("the session or the stream was broken off")
		}
	}
	for range 50 {
		exchange()
	}
	if n := testing.AllocsPerRun(300, exchange); n != 0 {
		t.Errorf("HTTP/2: %v allocations an exchange; want 0", n)
	}
}

// TestRedirectsToHTTPSDoNotAllocate is the same for all requests of a listener.
func TestRedirectsToHTTPSDoNotAllocate(t *testing.T) {
	r := start(t, strings.Replace(plain, `"127.0.0.1:0"`, `"127.0.0.1:0", redirect_https: {except: {path_prefixes: [/x]}}`, 1), "127.0.0.1:1")
	if n := r.dial().allocs("GET //a?b HTTP/1.1\r\nHost: test:8080\r\n\r\n"); n != 0 {
		t.Errorf("%v allocations an exchange; want 0", n)
	}
}
