package e2e

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// limited is a configuration with small limits in front of one backend.
func limited(address string) string {
	return `
listeners:
  web:
    address: "127.0.0.1:0"
    limits: {header_bytes: 4KiB, body_bytes: 1KiB}
    timeouts: {header: 300ms, body: 300ms}
admin: {address: "127.0.0.1:0"}
routes:
  all: {hosts: [a], path_prefix: /, pool: p}
pools: {p: {backends: [{address: "` + address + `"}]}}
`
}

// TestMalformedRequestsReachNoBackend sends what can be read in two ways, or in
// none. The answer is an error and the connection ends; the backend sees not
// one byte. Afterwards a good request on a fresh connection works.
func TestMalformedRequestsReachNoBackend(t *testing.T) {
	b := newRawBackend(t, always(okResponse))
	p := start(t, limited(b.address))
	address := p.address()
	for _, c := range []struct {
		name, request string
		statuses      []int
	}{
		{"length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", []int{400}},
		{"two equal lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", []int{400}},
		{"list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", []int{400}},
		{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", []int{400}},
		{"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n", []int{400}},
		{"hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", []int{400}},
		{"empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", []int{400}},
		{"overflowing length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx", []int{400, 413}},
		{"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", []int{400, 501}},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"quoted chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"two encodings", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"chunked in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		{"space before colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", []int{400}},
		{"space in name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", []int{400}},
		{"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", []int{400}},
		{"obs-fold", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", []int{400}},
		{"NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", []int{400}},
		{"bare CR", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", []int{400}},
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", []int{400}},
		{"white-space line", "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", []int{400}},
		{"no version", "GET /\r\nHost: a\r\n\r\n", []int{400, 505}},
		{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", []int{400, 505}},
		{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", []int{400, 505}},
		{"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", []int{400, 505}},
		{"extra word", "GET / x HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"method of 33 bytes", strings.Repeat("A", 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", []int{400, 501}},
		{"fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"control byte in target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"encoded NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []int{400}},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 505}},
		{"no host", "GET / HTTP/1.1\r\n\r\n", []int{400}},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", []int{400}},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", []int{400}},
		{"host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", []int{400}},
		{"userinfo", "GET / HTTP/1.1\r\nHost: user:pass@a\r\n\r\n", []int{400}},
		{"path in host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", []int{400}},
		{"bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", []int{400}},
		{"userinfo in target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", []int{400}},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", []int{405, 400}},
		{"header too large", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 8<<10) + "\r\n\r\n", []int{431}},
		{"target too long", "GET /" + strings.Repeat("x", 8<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", []int{414}},
		{"body too large", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n" + strings.Repeat("x", 1025), []int{413}},
		{"unknown expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\nx", []int{417}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := b.seen()
			client := dial(t, address).send(c.request)
			a := client.response("GET")
			if !slices.Contains(c.statuses, a.status) {
				t.Errorf("got status %d; want one of %v", a.status, c.statuses)
			}
			if a.header.Get("X-Isame-Error") == "" {
				t.Errorf("the answer names no cause: %v", a.header)
			}
			client.wantClosed()
			if after := b.seen(); after != before {
				t.Errorf("the backend saw %q; want nothing", strings.TrimPrefix(after, before))
			}
			dial(t, address).send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n").response("GET").wantStatus(t, 200)
		})
	}
}

// TestBrokenChunksAreNotCompleted sends a good head and a body that cannot be
// read. The backend may have seen the head, but never the end of a message.
func TestBrokenChunksAreNotCompleted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		statuses   []int
	}{
		{"sign", "+2\r\nok\r\n0\r\n\r\n", []int{400}},
		{"space inside", "2 2\r\nok\r\n0\r\n\r\n", []int{400}},
		{"hexadecimal prefix", "0x2\r\nok\r\n0\r\n\r\n", []int{400}},
		{"17 digits", "00000000000000002\r\nok\r\n0\r\n\r\n", []int{400}},
		{"empty size", "\r\nok\r\n0\r\n\r\n", []int{400}},
		{"LF alone", "2\nok\r\n0\r\n\r\n", []int{400}},
		{"no CRLF after data", "2\r\nok0\r\n\r\n", []int{400}},
		{"LF in extension", "2;a=\nb\r\nok\r\n0\r\n\r\n", []int{400}},
		{"endless extension", "2;a=" + strings.Repeat("x", 64<<10) + "\r\nok\r\n0\r\n\r\n", []int{400}},
		{"over the limit", "401\r\n" + strings.Repeat("x", 1025) + "\r\n0\r\n\r\n", []int{413}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// The backend answers only a complete body; the end of the stream is none.
			b := newRawBackend(t, func(conn net.Conn, _ string) {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
			p := start(t, limited(b.address))
			client := dial(t, p.address())
			client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + c.body)
			if a := client.response("POST"); !slices.Contains(c.statuses, a.status) {
				t.Errorf("got status %d; want one of %v", a.status, c.statuses)
			}
			client.wantClosed()
			if saw := b.seen(); strings.HasSuffix(saw, "0\r\n\r\n") {
				t.Errorf("the backend saw a complete message: %q", saw)
			}
			if got := p.metric("isame_backend_up", "pool", "p"); got != 1 {
				t.Errorf("the backend is blamed: isame_backend_up %v; want 1", got)
			}
		})
	}
}

func TestUnknownHostAndPath(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, header+"routes: {api: {hosts: [api.example], path_prefix: /api, pool: p}}\npools: {p: {backends: "+members(b)+"}}\n")
	for _, c := range []struct {
		host, path string
		want       int
	}{
		{"api.example", "/api", 200},
		{"api.example", "/api/x", 200},
		{"API.example:8080", "/api", 200},
		{"api.example", "/apix", 404},
		{"api.example", "/", 404},
		{"other.example", "/api", 404},
		{"api.example", "/x/../api/y", 200},
		{"api.example", "/api/../x", 404},
		{"api.example", "/api/%2e%2e/x", 404},
		{"api.example", "/x%2Fapi", 404},
	} {
		t.Run(c.host+c.path, func(t *testing.T) {
			a := dial(t, p.address()).send("GET " + c.path + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n").response("GET")
			a.wantStatus(t, c.want)
			if c.want == 404 && a.header.Get("X-Isame-Error") == "" {
				t.Error("the answer names no cause")
			}
		})
	}
}

func TestErrorBodyFitsTheClient(t *testing.T) {
	p := start(t, header+"routes: {api: {path: /api, respond: {status: 204}}}\n")
	for _, c := range []struct{ name, accept, want string }{
		{"program", "*/*", "application/problem+json"},
		{"nothing said", "", "application/problem+json"},
		{"browser", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(t, p.url("/x"), "Accept", c.accept).wantStatus(t, 404)
			if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, c.want) {
				t.Errorf("Content-Type: got %q; want %q", got, c.want)
			}
			if len(a.body) == 0 || len(a.body) > 4<<10 {
				t.Errorf("body has %d bytes; want a small one", len(a.body))
			}
		})
	}
}

func TestSlowClients(t *testing.T) {
	b := newRawBackend(t, func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) })
	p := start(t, limited(b.address))
	t.Run("header", func(t *testing.T) {
		client := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: ")
		client.response("GET").wantStatus(t, 408)
		client.wantClosed()
	})
	t.Run("body", func(t *testing.T) {
		client := dial(t, p.address()).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
		client.response("POST").wantStatus(t, 408)
		client.wantClosed()
	})
	t.Run("silent connection", func(t *testing.T) {
		if rest := dial(t, p.address()).all(); strings.HasPrefix(rest, "HTTP/1.1 2") {
			t.Errorf("got %q; want no answer but an end", rest)
		}
	})
}

// TestGarbageFromBackend lets a backend answer what is no response. The client
// gets 502, the connection to the backend is dropped, the next exchange works.
func TestGarbageFromBackend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, response string }{
		{"no HTTP", "hello\r\n\r\n"},
		{"status 99", "HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n"},
		{"status 1000", "HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n"},
		{"status with letter", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"},
		{"HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"},
		{"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"signed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"},
		{"space in name", "HTTP/1.1 200 OK\r\nX Y: 1\r\nContent-Length: 0\r\n\r\n"},
		{"NUL", "HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n"},
		{"fold", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n"},
		{"unasked 101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
		{"endless header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)},
		{"10,000 fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newRawBackend(t, func(conn net.Conn, head string) {
				if strings.HasPrefix(head, "GET /good ") {
					_, _ = io.WriteString(conn, okResponse)
					return
				}
				_, _ = io.WriteString(conn, c.response)
				_, _ = io.Copy(io.Discard, conn) // the proxy must hang up
				_ = conn.Close()
			})
			p := start(t, toAddress(b.address))
			client := dial(t, p.address()).send("POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
			a := client.response("POST").wantStatus(t, 502)
			if a.header.Get("X-Isame-Error") == "" {
				t.Error("the answer names no cause")
			}
			dial(t, p.address()).send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n").response("GET").wantStatus(t, 200)
			p.eventuallyCounts(2, "isame_backend_requests_total", "pool", "p")
		})
	}
}

// TestTruncatedBodyIsSeen cuts a response; the client must notice.
func TestTruncatedBodyIsSeen(t *testing.T) {
	for _, c := range []struct{ name, response string }{
		{"fixed length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
		{"broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n0\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRawBackend(t, once(c.response))
			p := start(t, toAddress(b.address))
			got := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").all()
			if strings.HasSuffix(got, "0\r\n\r\n") || strings.Contains(got, "Content-Length: 4\r\n") {
				t.Errorf("got a message that looks complete: %q", got)
			}
		})
	}
}

// TestUnaskedResponseIsNotHandedOn lets a backend send bytes nobody asked for
// after its answer. They must not answer the next client. They are there before
// the next request is: what arrives later than that nobody can tell from its answer.
func TestUnaskedResponseIsNotHandedOn(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	for _, c := range []struct{ name, atOnce, late string }{
		{"at once", poison, ""},
		{"late", "", poison},
		{"split", poison[:20], poison[20:]},
		{"408 while idle", "", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"garbage", "", "\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			proceed, written := make(chan struct{}), make(chan struct{})
			b := newRawBackend(t, func(conn net.Conn, head string) {
				_, path, _ := strings.Cut(head, " ")
				path, _, _ = strings.Cut(path, " ")
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(path), path, c.atOnce)
				<-proceed
				_, _ = io.WriteString(conn, c.late)
				written <- struct{}{}
			})
			p := start(t, toAddress(b.address))
			for i := range 20 {
				path := fmt.Sprintf("/%d", i)
				a := get(t, p.url(path))
				proceed <- struct{}{}
				<-written
				if a.status != 200 || string(a.body) != path {
					t.Fatalf("exchange %d: got %d %q; want 200 %q", i, a.status, a.body, path)
				}
			}
		})
	}
}
