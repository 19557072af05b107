package answer

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

const date = "Mon, 02 Jan 2006 15:04:05 GMT"

func TestHead(t *testing.T) {
	for _, tc := range []struct{ name, got, want string }{
		{"our own", string(End(Begin(nil, 200, []byte(date)), 12, Silent)), "HTTP/1.1 200 OK\r\nDate: " + date + "\r\nContent-Length: 12\r\n\r\n"},
		{"field", string(End(Field(Begin(nil, 404, nil), "A", "b"), 0, Close)), "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"somebody else's", string(End(BeginAs(nil, 299, []byte("So So"), nil), Unsized, Silent)), "HTTP/1.1 299 So So\r\n\r\n"},
		{"without a reason", string(End(BeginAs(nil, 200, []byte{}, nil), Chunked, Silent)), "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"switched", string(End(Field(Begin(nil, 101, nil), "Upgrade", []byte("websocket")), Unsized, Upgrade)), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"},
		{"behind other bytes", string(End(Begin([]byte("x"), 204, nil), Sized(204, 0), KeepAlive)), "xHTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q; want %q", tc.got, tc.want)
			}
		})
	}
}

func TestConnectionOf(t *testing.T) {
	for _, tc := range []struct {
		name         string
		stream, keep bool
		minor        byte
		want         string
	}{
		{"HTTP/1.1 that stays", false, true, 1, ""},
		{"HTTP/1.1 that ends", false, false, 1, "Connection: close\r\n"},
		{"HTTP/1.0 that stays", false, true, 0, "Connection: keep-alive\r\n"},
		{"HTTP/1.0 that ends", false, false, 0, "Connection: close\r\n"},
		{"a stream, which never stays", true, false, 1, ""},
		{"a stream that might", true, true, 1, ""},
		{"a stream whose head was refused half-way", true, false, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := ConnectionOf(tc.stream, tc.keep, tc.minor)
			if got := string(End(nil, Unsized, c)); got != tc.want+"\r\n" {
				t.Errorf("got %q; want %q and the empty line", got, tc.want)
			}
		})
	}
	if got := (Options{}).Connection; got != Close {
		t.Errorf("got %v for nothing said; want close", got)
	}
}

func TestSized(t *testing.T) {
	for _, tc := range []struct {
		status, bytes int
		want          Content
	}{
		{200, 0, 0},
		{200, 7, 7},
		{302, 0, 0},
		{503, 1 << 40, 1 << 40},
		{103, 0, Unsized},
		{204, 0, Unsized},
		{204, 7, Unsized},
		{304, 7, Unsized},
	} {
		if got := Sized(tc.status, tc.bytes); got != tc.want {
			t.Errorf("%d with %d bytes: got %v; want %v", tc.status, tc.bytes, got, tc.want)
		}
	}
}

// readAnswer reads what was rendered as a client would.
func readAnswer(t *testing.T, text, method string) (*http.Response, *bufio.Reader) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(text))
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp, in
}
