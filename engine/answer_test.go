package engine

import (
	"strings"
	"testing"
)

// Whoever has made an answer, the client is told the same of its connection.
func TestConnectionIsOneRuleForAllAnswers(t *testing.T) {
	routes := strings.Replace(plain, "{all: {pool: p}}", `{all: {path_prefix: /relayed, pool: p}, fixed: {path: /fixed, respond: {status: 200, body: ok}},
  sent: {path: /sent, redirect: {to: "https://{host}{uri}", status: 302}}}`, 1)
	r := start(t, routes, backend(t, echo))
	for _, target := range []string{"GET /relayed", "GET /fixed", "GET /sent", "GET /nowhere", "HEAD /nowhere", "OPTIONS *"} {
		for _, tc := range []struct{ name, request, want string }{
			{"HTTP/1.1", " HTTP/1.1\r\nHost: t\r\n\r\n", ""},
			{"HTTP/1.1, the last", " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "close"},
			{"HTTP/1.0", " HTTP/1.0\r\nHost: t\r\n\r\n", "close"},
			{"HTTP/1.0 that stays", " HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\n\r\n", "keep-alive"},
		} {
			t.Run(target+" "+tc.name, func(t *testing.T) {
				c := r.dial()
				for range 2 {
					c.send(target + tc.request)
					resp := c.receive(strings.Fields(target)[0])
					got := resp.Header.Get("Connection")
					if resp.Close { // which is all that net/http leaves of it
						got = "close"
					}
					if got != tc.want {
						t.Errorf("got %q; want %q", got, tc.want)
					}
					if tc.want == "close" {
						break
					}
				}
			})
		}
	}
}
