package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// A request of HTTP/2 as its backend reads it.
func TestHTTP2RequestsInTextOfHTTP1(t *testing.T) {
	rec := record(t)
	r := start(t, h2cListener, rec.address)
	seen := func(method, target, fields, behind string) []string {
		return []string{method + " " + target + " HTTP/1.1\r\nHost: t\r\n" + fields + "+\r\n" + behind}
	}
	withHost := func(host ...string) []string {
		return append([]string{":method", "GET", ":scheme", "https", ":path", "/"}, host...)
	}
	for _, tc := range []struct {
		name   string
		fields []string
		want   string
		seen   []string
	}{
		{"GET", to("GET", "/"), "200 GET /", seen("GET", "/", "", "\r\n")},
		{"a query and escapes", to("GET", "/a%2Fb;c/%C3%A9?q=%20&r=a//b?"), "200 GET /a%2Fb;c/%C3%A9?q=%20&r=a//b?", seen("GET", "/a%2Fb;c/%C3%A9?q=%20&r=a//b?", "", "\r\n")},
		{"dot segments", to("GET", "/a/../b/%2e%2e/c"), "200 GET /c", seen("GET", "/c", "", "\r\n")},
		{"two slashes are no authority", to("GET", "//other/x"), "200 GET //other/x", seen("GET", "//other/x", "", "\r\n")},
		{"HEAD", to("HEAD", "/"), "200", seen("HEAD", "/", "", "\r\n")},
		{"DELETE", to("DELETE", "/"), "200 DELETE /", seen("DELETE", "/", "", "\r\n")},
		{"POST without content", to("POST", "/"), "200 POST /", seen("POST", "/", "Content-Length: 0\r\n", "\r\n")},
		{"POST with an empty content", to("POST", "/", "content-length", "0"), "200 POST /", seen("POST", "/", "content-length: 0\r\n", "\r\n")},
		{"a method of its own", to("PURGE", "/"), "200 PURGE /", seen("PURGE", "/", "", "\r\n")},
		{"OPTIONS of a path", to("OPTIONS", "/"), "200 OPTIONS /", seen("OPTIONS", "/", "", "\r\n")},
		{"OPTIONS *", to("OPTIONS", "*"), "204", nil},
		{
			"fields in their order", to("GET", "/", "b", "1", "a", "2", "b", "3", "x-empty", "", "x-high", "caf\xc3\xa9"), "200 GET /",
			seen("GET", "/", "b: 1\r\na: 2\r\nb: 3\r\nx-empty: \r\nx-high: caf\xc3\xa9\r\n", "\r\n"),
		},
		{
			"crumbs of a cookie", to("GET", "/", "cookie", "a=1", "x", "y", "cookie", "b=\"2 3\"", "cookie", "c="), "200 GET /",
			seen("GET", "/", "x: y\r\nCookie: a=1; b=\"2 3\"; c=\r\n", "\r\n"),
		},
		{"trailers accepted", to("GET", "/", "te", "trailers"), "200 GET /", seen("GET", "/", "", "TE: trailers\r\nConnection: TE\r\n\r\n")},
		{"nothing to expect", to("GET", "/", "expect", "100-continue"), "200 GET /", seen("GET", "/", "", "\r\n")},
		{
			"what only a proxy may say", to("GET", "/", "x-forwarded-for", "1.2.3.4", "x-real-ip", "1.2.3.4", "forwarded", "for=1.2.3.4", "x_forwarded_for", "1"),
			"200 GET /", seen("GET", "/", "", "\r\n"),
		},
		{
			"what is for this hop", to("GET", "/", "proxy-authorization", "Basic x", "http2-settings", "AAMAAABk", "trailer", "x", "authorization", "Basic y"),
			"200 GET /", seen("GET", "/", "authorization: Basic y\r\n", "\r\n"),
		},
		{"Host alone", withHost("host", "t"), "200 GET /", seen("GET", "/", "", "\r\n")},
		{"Host in front of others", withHost("host", "t", "a", "b"), "200 GET /", []string{"GET / HTTP/1.1\r\nHost: t\r\na: b\r\n+\r\n\r\n"}},
		{"Host behind others", withHost("a", "b", "host", "t"), "200 GET /", []string{"GET / HTTP/1.1\r\nHost: t\r\na: b\r\n+\r\n\r\n"}},
		{"Host beside the authority", to("GET", "/", "host", "t"), "200 GET /", seen("GET", "/", "", "\r\n")},
		{"Host in capitals", to("GET", "/", "host", "T"), "200 GET /", seen("GET", "/", "", "\r\n")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, split := range []bool{false, true} {
				c := r.h2()
				id := c.next()
				block := c.encode(tc.fields...)
				if split { // over as many frames as may be
					for i := range min(len(block), 15) {
						part, kind, flags := block[i:i+1], http2.FrameContinuation, http2.Flags(0)
						if i == 0 {
							kind, flags = http2.FrameHeaders, http2.FlagHeadersEndStream
						}
						if i == 14 || i == len(block)-1 {
							part, flags = block[i:], flags|http2.FlagHeadersEndHeaders
						}
						c.raw(whole2(kind, flags, id, string(part)))
					}
				} else {
					c.raw(whole2(http2.FrameHeaders, http2.FlagHeadersEndStream|http2.FlagHeadersEndHeaders, id, string(block)))
				}
				c.expect(tc.want, c.outcome(id))
				if got := rec.take(t); !slices.Equal(got, tc.seen) {
					t.Errorf("the backend saw\n%q; want\n%q", got, tc.seen)
				}
			}
		})
	}
}

// An answer of HTTP/1.1 as a client of HTTP/2 reads it.
func TestHTTP2AnswersOfHTTP1(t *testing.T) {
	const fields = "X-One: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\nX-One: 2\r\n"
	const got = "[x-one=1 set-cookie=a=1 set-cookie=b=2; Path=/ x-one=2]"
	length := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	long := strings.Repeat("0123456789abcdef", 1000)
	for _, tc := range []struct {
		name, method, says string
		interims           string
		want               string // status, fields, content, trailers
	}{
		{"with a length", "GET", length + "\r\nok", "", "200 [content-length=2] ok []"},
		{"without content", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", "200 [content-length=0]  []"},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", "", "200 [] ok []"},
		{"chunked and empty", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "200 []  []"},
		{"until the end", "GET", "HTTP/1.1 200 OK\r\n\r\nok", "", "200 [] ok []"},
		{"of HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\n\r\nok", "", "200 [] ok []"},
		{"fields in their order", "GET", length + fields + "\r\nok", "", "200 [content-length=2 " + got[1:] + " ok []"},
		{
			"without what is for this hop", "GET",
			length + "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: x\r\nTrailer: x\r\nUpgrade: h2c\r\n\r\nok", "",
			"200 [content-length=2] ok []",
		},
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "", "200 [content-length=10]  []"},
		{"HEAD without", "HEAD", "HTTP/1.1 200 OK\r\n\r\n", "", "200 []  []"},
		{"204", "GET", "HTTP/1.1 204 None\r\nX: y\r\n\r\n", "", "204 [x=y]  []"},
		{"304", "GET", "HTTP/1.1 304 Same\r\nETag: x\r\nContent-Length: 10\r\n\r\n", "", "304 [etag=x content-length=10]  []"},
		{"hints", "GET", "HTTP/1.1 103 Hints\r\nLink: </a>\r\nConnection: x\r\n\r\nHTTP/1.1 102 Busy\r\n\r\n" + length + "\r\nok", "[103 [header field \"link\" = \"</a>\"] 102 []]", "200 [content-length=2] ok []"},
		{
			"trailers", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\nY:  z \r\n\r\n", "",
			"200 [] ok [x-sum=7 y=z]",
		},
		{"trailers without content", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGrpc-Status: 0\r\n\r\n", "", "200 []  [grpc-status=0]"},
		{"a head of several frames", "GET", length + "X: " + long + "\r\nY: " + long[1:10000] + "\r\n\r\nok", "", "200 [content-length=2 x=" + long + " y=" + long[1:10000] + "] ok []"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, h2cListener, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				if readHead(in) != nil {
					_, _ = io.WriteString(c, tc.says)
				}
			}))
			c := r.h2()
			a := c.answer(c.open(true, to(tc.method, "/", "te", "trailers")...))
			if got := fmt.Sprint(a.interims); got != tc.interims && tc.interims != "" {
				t.Errorf("interim answers: got %s; want %s", got, tc.interims)
			}
			if got := fmt.Sprintf("%d %s %s %s", a.status, listed(a.fields), a.body, listed(a.trailers)); got != tc.want || !a.whole {
				t.Errorf("got %.300s, whole %v; want %.300s", got, a.whole, tc.want)
			}
		})
	}
}
