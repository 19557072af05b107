package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A backend that stops reading a request is late after timeouts.write.
func TestBackendThatReadsNothingIsLate(t *testing.T) {
	end := make(chan struct{})
	r := start(t, strings.Replace(plain, "backends:", "timeouts: {write: 200ms}, backends:", 1), scripted(t, func(_ int64, _ net.Conn, in *bufio.Reader) {
		readHead(in)
		<-end
	}))
	defer close(end)
	c := r.dial()
	go func() {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 33554432\r\n\r\n"+strings.Repeat("x", 32<<20))
	}()
	if a := c.receive("POST"); a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("got %d %s; want 504", a.StatusCode, a.Header.Get("X-Isame-Error"))
	}
	_ = c.Close()
}
