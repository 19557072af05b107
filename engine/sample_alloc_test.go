//go:build !race

package engine

import (
	"strings"
	"testing"
)

// While the rings are not full every exchange is kept: it allocates nothing but a page for
// each 64 of them.
func TestSampledExchangeDoesNotAllocate(t *testing.T) {
	r := startAlone(t, recorderText("records: 256, keep_errors: 16, keep_slow: 4", ""), rawBackend(t, "\r\n\r\n", ok))
	c := r.dial()
	request := "GET /path?query=1&flag HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\nCookie: a=b\r\nAuthorization: Basic eDp5\r\n" +
		strings.Repeat("X-Field: value\r\n", 10) + "\r\n"
	if n := c.allocs(request); n != 0 {
		t.Errorf("%v allocations an exchange; want 0", n)
	}
	if n := len(r.engine.sampler.Heads()); n < 300 {
		t.Errorf("%d heads are kept; want all", n)
	}
}
