//go:build !race

package wire

import "testing"

func TestHotPathDoesNotAllocate(t *testing.T) {
	const (
		request = "POST /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\nAccept: */*\r\n" +
			"Connection: keep-alive, X-Odd\r\nX-Odd: 1\r\nX_Forwarded_For: 1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
		response = "HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		body     = "5;ext=1\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
	)
	var (
		q    RequestHead
		a    ResponseHead
		d    Chunked
		path = make([]byte, 0, 256)
		out  = make([]byte, 0, 4096)
		buf  = make([]byte, 0, 4096)
	)
	cases := []struct {
		name string
		run  func()
	}{
		{"request", func() { _, _ = q.Parse(append(buf[:0], request...), nil) }},
		{"request refused", func() { _, _ = q.Parse(append(buf[:0], "GET / HTTP/1.1\r\nA b: c\r\n\r\n"...), nil) }},
		{"request fields", func() { out = q.AppendFields(out[:0]) }},
		{"response", func() { _, _ = a.Parse(append(buf[:0], response...), nil, false) }},
		{"chunked", func() {
			d.Reset()
			buf = append(buf[:0], body...)
			for rest := buf; !d.Done(); {
				_, n, _ := d.Next(rest)
				rest = rest[n:]
			}
		}},
		{"chunk", func() { out = AppendLastChunk(AppendChunk(out[:0], buf[:10]), d.Trailers()) }},
		{"plain path", func() { _, _, _ = NormalizePath(path, append(buf[:0], "/a/b/c.html"...)) }},
		{"odd path", func() { _, _, _ = NormalizePath(path, append(buf[:0], "/a/%2e%2e/b//c%2f"...)) }},
		{"host", func() { _ = ValidHost(append(buf[:0], "[2001:db8::1.2.3.4]:80"...)) }},
		{"token", func() { _ = HasToken(append(buf[:0], "a, b, c"...), "c") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.run() // fills capacities
			if n := testing.AllocsPerRun(100, c.run); n != 0 {
				t.Errorf("got %v allocations; want 0", n)
			}
		})
	}
}
