//go:build !race

package engine

import (
	"fmt"
	"testing"
)

// TestExchangeOverTLSAllocatesAReader has everything on that a TLS listener adds
// to a request and its answer: none of it allocates. What is left is crypto/tls,
// one small reader on each side for a record (see TestSecureExchangeAllocatesAReader).
func TestExchangeOverTLSAllocatesAReader(t *testing.T) {
	server, known := newPair(t, tomorrow(), "a.test"), newPair(t, tomorrow(), "known")
	more := fmt.Sprintf(", hsts: {preload: true, include_subdomains: true}, client_auth: {mode: require, ca_file: %q, %s}, hosts: {other.test: {min_version: \"1.3\"}}", known.certFile, vouchHeaders)
	r := start(t, tlsText(more, "", server), rawBackend(t, "\r\n\r\n", ok))
	for _, path := range []string{"/", "/away"} {
		c, _ := r.mustDialTLS(withCertificate(known))
		request, answer := []byte("GET "+path+" HTTP/1.1\r\nHost: a.test\r\n"+spoofed+"\r\n"), make([]byte, 4096)
		exchange := func() {
			_, _ = c.Write(request)
			if n, err := c.Read(answer); err != nil || n < len(ok) {
				t.Fatal(n, err)
			}
		}
		for range 50 {
			exchange()
		}
		if n := testing.AllocsPerRun(300, exchange); n > 2 {
			t.Errorf("%s: %v allocations an exchange; want 2, of crypto/tls", path, n)
		}
	}
}
