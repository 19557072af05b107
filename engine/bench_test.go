package engine

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// replying answers every request whose bytes end with end by the same response.
func replying(b *testing.B, end, response string) string {
	b.Helper()
	return scripted(b, func(_ int64, c net.Conn, r *bufio.Reader) {
		buf, tail := make([]byte, 256<<10), ""
		for {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			tail += string(buf[max(0, n-len(end)):n])
			tail = tail[max(0, len(tail)-len(end)):]
			if !strings.HasSuffix(tail, end) {
				continue
			}
			if _, err := io.WriteString(c, response); err != nil {
				return
			}
		}
	})
}

// commonChain is what a service behind a gateway has most often.
const commonChain = `
limit: {type: rate_limit, rate: 1000000000, headers: none}
fields:
  type: headers
  request:
    set: {X-Real-IP: "{client_ip}", X-Original: "{method} {uri}", X-Token: "{cookie.token|escape}", X-Tenant: shop}
    default: {X-Zone: a}
    remove: [X-Debug, "X-SSL-*"]
    forwarded: [port]
  response: {set: {X-Served-By: "{backend} {status}"}, remove: [Server]}
cut: {type: rewrite, strip_prefix: /api, host: app.internal}
secure: {type: security_headers, frame: DENY, referrer_policy: no-referrer, csp: "default-src 'self'"}
`

const commonOrder = "[limit, fields, cut, secure]"

// BenchmarkExchange is a request and its answer over real sockets, client and
// backend included. It is what the profile of scripts/pgo.sh is taken of.
func BenchmarkExchange(b *testing.B) {
	length := func(n int) string {
		return "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: " +
			strconv.Itoa(n) + "\r\n\r\n" + strings.Repeat("x", n)
	}
	const head = "Host: example.org\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
	get := "GET /path/to/something?query=1 HTTP/1.1\r\n" + head + "\r\n"
	chunks := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("x", 0x400)+"\r\n", 4) + "0\r\n\r\n"
	staged := strings.Replace(plain, "{pool: p}", "{pool: p, middleware: "+commonOrder+"}", 1) + "middleware:\n" + indent(commonChain, 2)
	for _, bc := range []struct{ name, text, request, end, response string }{
		{"kind=small", plain, get, "\r\n\r\n", length(64)},
		{"kind=staged", staged, strings.Replace(get, "/path", "/api", 1), "\r\n\r\n", length(64)},
		{"kind=16k", plain, get, "\r\n\r\n", length(16 << 10)},
		{"kind=chunked", plain, get, "\r\n\r\n", chunks},
		{"kind=post", plain, "POST /p HTTP/1.1\r\n" + head + "Content-Length: 65536\r\n\r\n" + strings.Repeat("x", 65533) + "end", "end", length(2)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			r := start(b, bc.text, replying(b, bc.end, bc.response))
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", r.address)
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = c.Close() }()
				request, answer := []byte(bc.request), make([]byte, len(bc.response))
				if bc.text != plain { // its answer is as long as the first one, read at once
					answer = make([]byte, len(bc.response)+4<<10)
					_, _ = c.Write(request)
					n, err := c.Read(answer)
					if err != nil {
						b.Error(err)
						return
					}
					answer = answer[:n]
				}
				for pb.Next() {
					if _, err := c.Write(request); err != nil {
						b.Error(err)
						return
					}
					if _, err := io.ReadFull(c, answer); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
