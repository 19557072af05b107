//go:build !race

package engine

import (
	"io"
	"testing"
)

func TestAdmittedExchangeDoesNotAllocate(t *testing.T) {
	const response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, options := range []string{
		"concurrency: {max_requests: 10, max_queue: 10}",
		"concurrency: {adaptive: true}",
	} {
		c := start(t, limited(options), rawBackend(t, "\r\n\r\n", response)).dial()
		request, answer := []byte("GET / HTTP/1.1\r\nHost: t\r\n\r\n"), make([]byte, len(response))
		exchange := func() {
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, answer); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			exchange()
		}
		if n := testing.AllocsPerRun(500, exchange); n != 0 {
			t.Errorf("%s: %v allocations an exchange; want 0", options, n)
		}
	}
}
