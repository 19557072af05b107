//go:build !race

package engine

import "testing"

// TestAnswersThatNameTheBackendDoNotAllocate is TestStagesDoNotAllocate for what leads them back.
func TestAnswersThatNameTheBackendDoNotAllocate(t *testing.T) {
	for _, tc := range []struct{ keys, location string }{
		{"", "http://cdn.example.net/x"},
		{"", "http://cdn.example.net//x"},
		{"", "http://other.test/x"},
		{", strip_prefix: /a", "http://cdn.example.net"},
		{", add_prefix: /v1", "/v1//x"},
	} {
		t.Run(tc.keys+" "+tc.location, func(t *testing.T) {
			c := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [w]}}
pools: {p: {host: cdn.example.net, backends: [{address: "{{backend}}"}]}}
middleware: {w: {type: rewrite, answers: true`+tc.keys+`}}
`, rawBackend(t, "\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: "+tc.location+"\r\nSet-Cookie: a=b; Path=/v1\r\nContent-Length: 2\r\n\r\nok")).dial()
			if n := c.allocs("GET /a/x HTTP/1.1\r\nHost: test\r\n\r\n"); n != 0 {
				t.Errorf("%v allocations an exchange; want 0", n)
			}
		})
	}
}
