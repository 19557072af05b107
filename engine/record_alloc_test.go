//go:build !race

package engine

import (
	"testing"

	records "github.com/isame-lb/isame-lb/engine/record"
)

// Rings that are full cost no memory any more, whatever ends.
func TestRecordedExchangeDoesNotAllocate(t *testing.T) {
	text := recorderText("records: 256, keep_errors: 16, keep_slow: 4", "")
	r := startAlone(t, text, rawBackend(t, "\r\n\r\n", ok))
	c := r.dial()
	for _, request := range []string{
		"GET /path?query=1 HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"PROPFIND /another/method HTTP/1.1\r\nHost: example.org\r\nX-Request-Id: 0123456789\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
	} {
		for range 6 {
			c.allocs(request) // until there is no page left to be made
		}
		if n := c.allocs(request); n != 0 {
			t.Errorf("%q: %v allocations an exchange; want 0", request, n)
		}
	}
}

// Nor does one that nobody looks at and nothing keeps, or that is shown to somebody.
func TestTappedExchangeDoesNotAllocate(t *testing.T) {
	const request = "GET /path?query=1 HTTP/1.1\r\nHost: example.org\r\n\r\n"
	r := startAlone(t, recorderText("enabled: false", ""), rawBackend(t, "\r\n\r\n", ok))
	c := r.dial()
	c.allocs(request)
	if n := c.allocs(request); n != 0 {
		t.Errorf("without a tap: %v allocations an exchange; want 0", n)
	}
	tap := r.engine.Recorder().Tap(&records.Filter{Route: "all"}, 0.5)
	defer tap.Close()
	c.allocs(request)
	if n := c.allocs(request); n != 0 {
		t.Errorf("with a tap: %v allocations an exchange; want 0", n)
	}
}
