//go:build !race

package engine

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// rawBackend answers every request that ends with end by the same bytes and
// allocates nothing once it is warm.
func rawBackend(t *testing.T, end, response string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go serveRaw(c, []byte(end), []byte(response))
		}
	}()
	return ln.Addr().String()
}

func serveRaw(c net.Conn, end, response []byte) {
	defer func() { _ = c.Close() }()
	buf, tail := make([]byte, 256<<10), make([]byte, 0, 64) // tail: the last bytes read
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		kept := copy(tail, tail[max(0, len(tail)-len(end)):])
		tail = append(tail[:kept], buf[max(0, n-len(end)):n]...)
		if !bytes.HasSuffix(tail, end) {
			continue
		}
		if _, err := c.Write(response); err != nil {
			return
		}
	}
}

func TestExchangeDoesNotAllocate(t *testing.T) {
	body := func(n int) string { return strings.Repeat("x", n) }
	length := func(n int) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(n) + "\r\n\r\n" + body(n)
	}
	const head = "Host: example.org\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n"
	get := "GET /path?query=1 HTTP/1.1\r\n" + head + "\r\n"
	for _, tc := range []struct{ name, request, end, response string }{
		{"small GET", get, "\r\n\r\n", length(64)},
		{"small POST", "POST /p HTTP/1.1\r\n" + head + "Content-Length: 9\r\n\r\nname=isam", "name=isam", length(2)},
		{"GET 16 KiB", get, "\r\n\r\n", length(16 << 10)},
		{"GET 1 MiB", get, "\r\n\r\n", length(1 << 20)},
		{"GET 8 MiB", get, "\r\n\r\n", length(large)},
		{"GET chunked", get, "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n" + body(0x4000) + "\r\n0\r\n\r\n"},
		{"POST 64 KiB", "POST /p HTTP/1.1\r\n" + head + "Content-Length: 65536\r\n\r\n" + body(65533) + "end", "end", length(2)},
		{"POST chunked", "POST /p HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n10000\r\n" + body(0x10000) + "\r\n0\r\n\r\n", "0\r\n\r\n", length(2)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, plain, rawBackend(t, tc.end, tc.response))
			c := r.dial()
			request, answer := []byte(tc.request), make([]byte, large+1<<10)
			exchange := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				want := len(tc.response)
				if _, err := io.ReadFull(c, answer[:want]); err != nil {
					t.Fatal(err)
				}
			}
			for range 50 {
				exchange()
			}
			if n := testing.AllocsPerRun(500, exchange); n != 0 {
				t.Errorf("%v allocations an exchange; want 0", n)
			}
		})
	}
}

func TestStickyExchangeDoesNotAllocate(t *testing.T) {
	address := rawBackend(t, "\r\n\r\n", ok)
	r := start(t, stickyText("", []string{address}), "")
	_, cookie, _ := r.dial().browse("")
	for _, field := range []string{"", "Cookie: " + cookie + "\r\n", "Cookie: " + cookie + "x!\r\n"} {
		if n := r.dial().allocs("GET / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n"); n != 0 {
			t.Errorf("with %q: %v allocations an exchange; want 0", field, n)
		}
	}
}

func TestExchangeThatNamesItsBackendDoesNotAllocate(t *testing.T) {
	address := rawBackend(t, "\r\n\r\n", ok)
	for _, host := range []string{"backend", "a-rather-long-name-of-a-host.which-does-not-fit-a-small-buffer.example.com"} {
		c := start(t, hostOf("host: "+host+`, backends: [{address: "`+address+`"}]`, ""), "").dial()
		if n := c.allocs("GET / HTTP/1.1\r\nHost: t\r\n\r\n"); n != 0 {
			t.Errorf("%s: %v allocations an exchange; want 0", host, n)
		}
	}
}

// allocs is what an exchange of this request allocates, whose answer comes in one piece.
func (c *client) allocs(request string) float64 {
	c.t.Helper()
	text, answer := []byte(request), make([]byte, 4096)
	exchange := func() {
		if _, err := c.Write(text); err != nil {
			c.t.Fatal(err)
		}
		if n, err := c.Read(answer); err != nil || n < len(ok) {
			c.t.Fatal(n, err)
		}
	}
	for range 50 {
		exchange()
	}
	return testing.AllocsPerRun(300, exchange)
}

// A request that is not traced further costs no allocation, whether it says so or was not drawn.
func TestUnsampledExchangeDoesNotAllocate(t *testing.T) {
	r := start(t, plain+"tracing: {enabled: true, sample: 0}\n", rawBackend(t, "\r\n\r\n", ok))
	for _, field := range []string{"", ignoredBy + "\r\ntracestate: a=1,b=2\r\n"} {
		if n := r.dial().allocs("GET / HTTP/1.1\r\nHost: t\r\n" + field + "\r\n"); n != 0 {
			t.Errorf("with %q: %v allocations an exchange; want 0", field, n)
		}
	}
}
