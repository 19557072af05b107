package scan

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzFeed checks that the pieces a response comes in do not matter, and that
// what is accepted as one complete response is one for net/http as well, with the same
// status and body length.
func FuzzFeed(f *testing.F) {
	for _, text := range []string{
		ok + "Content-Length: 5\r\n\r\nhello",
		ok + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
		ok + "Connection: close\r\n\r\nuntil close",
	} {
		f.Add(text, uint8(3), false)
	}
	f.Add(ok+"Content-Length: 5\r\n\r\n", uint8(1), true)
	f.Fuzz(func(t *testing.T, text string, piece uint8, head bool) {
		whole := feed(text, len(text)+1, head)
		if pieces := feed(text, int(piece)+1, head); pieces.err == nil && whole.err == nil && pieces != whole {
			t.Errorf("whole: %+v; in pieces: %+v", whole, pieces)
		} else if (pieces.err == nil) != (whole.err == nil) {
			t.Errorf("whole: %v; in pieces: %v", whole.err, pieces.err)
		}
		if whole.err != nil || !whole.done {
			return
		}
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		b := bufio.NewReader(strings.NewReader(text))
		a, err := http.ReadResponse(b, &http.Request{Method: method})
		for err == nil && a.StatusCode < 200 {
			a, err = http.ReadResponse(b, &http.Request{Method: method})
		}
		if err != nil {
			t.Fatalf("accepted, but net/http says: %v", err)
		}
		defer a.Body.Close()
		n, err := io.Copy(io.Discard, a.Body)
		if err != nil || n != whole.body || a.StatusCode != whole.status {
			t.Errorf("got status %d and %d bytes; net/http has %d and %d (%v)", whole.status, whole.body, a.StatusCode, n, err)
		}
	})
}
