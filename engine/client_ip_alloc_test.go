//go:build !race

package engine

import "testing"

// TestNamedClientsDoNotAllocate has a request go past a redirect, by a proxy that names
// its client in a field of its own.
func TestNamedClientsDoNotAllocate(t *testing.T) {
	r := start(t, `
listeners:
  web:
    address: "127.0.0.1:0"
    client_ip_header: CF-Connecting-IP
    trusted_proxies: [private]
    redirect_https: {except: {hosts: [a.test, "*.b.test"], path_prefixes: [/health, /.well-known]}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
`, rawBackend(t, "\r\n\r\n", ok))
	if n := r.dial().allocs("GET /health/x HTTP/1.1\r\nHost: c.test\r\nCF-Connecting-IP: 2001:db8::1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\r\n"); n != 0 {
		t.Errorf("%v allocations an exchange; want 0", n)
	}
}
