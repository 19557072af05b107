package stream

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// textOf is the head of the request that the fields make, without its tail; "" for none.
func textOf(fields ...string) string {
	var text RequestText
	text.Reset()
	for i := 0; i < len(fields); i += 2 {
		if !text.Add([]byte(fields[i]), []byte(fields[i+1])) {
			return ""
		}
	}
	if !text.Complete(false) {
		return ""
	}
	var in Input
	text.Put(&in, false)
	room := make([]byte, 1<<10)
	n, _, _ := in.Read(room)
	return string(room[:n])
}

// Fields make one request, and nothing of them can become another line of it.
func TestFieldsMakeOneRequest(t *testing.T) {
	t.Parallel()
	get := func(more ...string) []string {
		return append([]string{":method", "GET", ":scheme", "https", ":authority", "t", ":path", "/"}, more...)
	}
	const line = "GET / HTTP/1.1\r\nHost: t\r\n"
	for _, tc := range []struct {
		name   string
		fields []string
		want   string // "": malformed
	}{
		{"GET", get(), line},
		{"fields", get("accept", "*/*", "x-a", ""), line + "accept: */*\r\nx-a: \r\n"},
		{"crumbs of a cookie", get("cookie", "a=b", "x", "y", "cookie", "c=d"), line + "x: y\r\nCookie: a=b; c=d\r\n"},
		{"the authority in Host", []string{":method", "GET", ":scheme", "http", ":path", "/", "host", "h"}, "GET / HTTP/1.1\r\nhost: h\r\n"},
		{"the authority twice", get("host", "T:443"), line},
		{"two authorities", get("host", "other"), ""},
		{"an empty authority", []string{":method", "GET", ":scheme", "http", ":authority", "", ":path", "/"}, ""},
		{"OPTIONS of the server", []string{":method", "OPTIONS", ":scheme", "http", ":authority", "t", ":path", "*"}, "OPTIONS * HTTP/1.1\r\nHost: t\r\n"},
		{"GET of the server", []string{":method", "GET", ":scheme", "http", ":authority", "t", ":path", "*"}, ""},
		{"an absolute path", []string{":method", "GET", ":scheme", "http", ":authority", "t", ":path", "http://other/"}, ""},
		{"another scheme", []string{":method", "GET", ":scheme", "ftp", ":authority", "t", ":path", "/"}, ""},
		{"no path", []string{":method", "GET", ":scheme", "http", ":authority", "t"}, ""},
		{"no method", []string{":scheme", "http", ":authority", "t", ":path", "/"}, ""},
		{"a pseudo field twice", get(":path", "/"), ""},
		{"a pseudo field behind others", []string{":method", "GET", ":scheme", "http", ":authority", "t", "x", "y", ":path", "/"}, ""},
		{"a pseudo field of a response", get(":status", "200"), ""},
		{"a line in the path", []string{":method", "GET", ":scheme", "http", ":authority", "t", ":path", "/ HTTP/1.1\r\nx: y"}, ""},
		{"a space in the method", []string{":method", "GET /", ":scheme", "http", ":authority", "t", ":path", "/"}, ""},
		{"a line in a value", get("x", "y\r\nz: 1"), ""},
		{"a zero byte in a value", get("x", "\x00"), ""},
		{"space around a value", get("x", " y"), ""},
		{"a capital in a name", get("X", "y"), ""},
		{"a colon in a name", get("x:y", "z"), ""},
		{"no name", get("", "y"), ""},
		{"connection", get("connection", "close"), ""},
		{"transfer-encoding", get("transfer-encoding", "chunked"), ""},
		{"upgrade", get("upgrade", "websocket"), ""},
		{"te of trailers", get("te", "trailers"), line + "te: trailers\r\n"},
		{"another te", get("te", "gzip"), ""},
		{"a length", get("content-length", "5"), line + "content-length: 5\r\n"},
		{"two lengths", get("content-length", "5", "content-length", "5"), ""},
		{"a length that is none", get("content-length", "+5"), ""},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "t:443"}, "CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n"},
		{"CONNECT with a path", []string{":method", "CONNECT", ":scheme", "https", ":authority", "t:443", ":path", "/"}, ""},
		{"a protocol without CONNECT", get(":protocol", "websocket"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := textOf(tc.fields...); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
		})
	}
}

// An extended CONNECT is an upgrade in HTTP/1.1, with a key that we have made, and whose
// answer we can judge.
func TestExtendedConnectIsAnUpgrade(t *testing.T) {
	t.Parallel()
	var text RequestText
	text.Reset()
	for _, f := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"}, {":authority", "t"}, {":path", "/"}, {"sec-websocket-key", "theirs"}} {
		if !text.Add([]byte(f[0]), []byte(f[1])) {
			t.Fatalf("%q is refused", f[0])
		}
	}
	if text.Add([]byte("content-length"), []byte("0")) {
		t.Error("a tunnel has a length; want none")
	}
	if !text.Complete(false) {
		t.Fatal("the request is malformed")
	}
	to := text.Request()
	var in Input
	text.Put(&in, false)
	in.EndHead(true)
	got, _, _ := take(t, &in, 1<<10)
	want := "GET / HTTP/1.1\r\nHost: t\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + string(to.Key[:]) + "\r\n\r\n"
	if got != want || !to.IsTunnel() {
		t.Errorf("got %q; want %q", got, want)
	}
	if !to.Accepts(to.Key.appendAccept(nil)) || to.Accepts([]byte("x")) {
		t.Error("an answer to the key is misjudged")
	}
	if key := (Key{}); !key.Accepts(nil) {
		t.Error("there is no key; want that any answer does")
	}
}

// The answer of a backend is one head, told as HTTP/1.1 tells its length.
func TestFieldsMakeOneResponse(t *testing.T) {
	t.Parallel()
	const line, chunked = "HTTP/1.1 200 OK\r\n", "Transfer-Encoding: chunked\r\n"
	head, tunnel := Request{IsHEAD: true}, Request{Tunnel: true, Key: Key([]byte("dGhlIHNhbXBsZSBub25jZQ=="))}
	for _, tc := range []struct {
		name   string
		to     Request
		fields []string
		ended  bool
		want   string // "": malformed
	}{
		{"content", Request{}, []string{":status", "200", "x", "y"}, false, line + chunked + "x: y\r\n\r\n"},
		{"no content", Request{}, []string{":status", "200"}, true, line + "Content-Length: 0\r\n\r\n"},
		{"a length", Request{}, []string{":status", "200", "content-length", "5"}, false, line + "Content-Length: 5\r\n\r\n"},
		{"a length, and trailers", Request{}, []string{":status", "200", "content-length", "5", "trailer", "x"}, false, line + chunked + "trailer: x\r\n\r\n"},
		{"gRPC", Request{}, []string{":status", "200", "content-length", "5", "content-type", "application/grpc"}, false, line + chunked + "content-type: application/grpc\r\n\r\n"},
		{"to HEAD", head, []string{":status", "200", "content-length", "5"}, true, line + "Content-Length: 5\r\n\r\n"},
		{"without content", Request{}, []string{":status", "204"}, true, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"interim", Request{}, []string{":status", "103", "link", "x"}, false, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"},
		{"a tunnel", tunnel, []string{":status", "200"}, false, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"},
		{"no tunnel", tunnel, []string{":status", "403", "content-length", "0"}, true, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
		{"an interim end", Request{}, []string{":status", "100"}, true, ""},
		{"less than its length", Request{}, []string{":status", "200", "content-length", "5"}, true, ""},
		{"101", Request{}, []string{":status", "101"}, false, ""},
		{"two states", Request{}, []string{":status", "200", ":status", "200"}, false, ""},
		{"a state of four digits", Request{}, []string{":status", "0200"}, false, ""},
		{"no state", Request{}, []string{"x", "y"}, false, ""},
		{"connection", Request{}, []string{":status", "200", "connection", "close"}, false, ""},
		{"te", Request{}, []string{":status", "200", "te", "trailers"}, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var text ResponseText
			var in Input
			text.Reset()
			good := true
			for i := 0; i < len(tc.fields); i += 2 {
				good = good && text.Add([]byte(tc.fields[i]), []byte(tc.fields[i+1]))
			}
			got := ""
			if good = good && text.Complete(&tc.to, tc.ended); good {
				good = text.Put(&in, &tc.to, tc.ended)
				got, _, _ = take(t, &in, 1<<10)
			}
			if good != (tc.want != "") || got != tc.want {
				t.Fatalf("got %q, %v; want %q", got, good, tc.want)
			}
			var head wire.ResponseHead
			if n, err := head.Parse([]byte(got), &limits, tc.to.IsHEAD); good && (n != len(tc.want) || err != nil) {
				t.Errorf("%d bytes of it are a head, %v; want %d", n, err, len(tc.want))
			}
		})
	}
}
