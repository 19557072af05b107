package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A backend that buffer stands in front of sees Content-Length and all of the body, or
// nothing.
func TestBufferGivesBackendsWholeBodies(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [whole]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {whole: {type: buffer, request_bytes: 100KiB}}
`, backend(t, func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if q.URL.Path == "/stream" {
			_, _ = fmt.Fprintf(w, "%d %v %v", len(body), q.TransferEncoding, err)
			return
		}
		_, _ = fmt.Fprintf(w, "%d %d %v", q.ContentLength, len(body), err)
	}))
	long := strings.Repeat("x", 100<<10)
	chunked := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
	const head = "POST / HTTP/1.1\r\nHost: t\r\n"
	for _, tc := range []struct {
		name   string
		pieces []string
		status int
		want   string
	}{
		{"chunked, with the head", []string{head + "Transfer-Encoding: chunked\r\n\r\n" + chunked("abc")}, 200, "3 3 <nil>"},
		{"chunked, later", []string{head + "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n2\r", "\nde\r\n0\r\n\r\n"}, 200, "5 5 <nil>"},
		{"chunked, nothing", []string{head + "Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"}, 200, "0 0 <nil>"},
		{"chunked, as long as may be", []string{head + "Transfer-Encoding: chunked\r\n\r\n", chunked(long)}, 200, "102400 102400 <nil>"},
		{"length", []string{head + "Content-Length: 5\r\n\r\n", "ab", "cde"}, 200, "5 5 <nil>"},
		{"length, long", []string{head + "Content-Length: 102400\r\n\r\n", long}, 200, "102400 102400 <nil>"},
		{"length, too long", []string{head + "Content-Length: 102401\r\n\r\n"}, 413, ""},
		{"chunked, too long", []string{head + "Transfer-Encoding: chunked\r\n\r\n", chunked(long + "x")}, 413, ""},
		{"broken chunks", []string{head + "Transfer-Encoding: chunked\r\n\r\n", "zz\r\n"}, 400, ""},
		{"incremental ones pass", []string{"POST /stream HTTP/1.1\r\nHost: t\r\nIncremental: ?1\r\nTransfer-Encoding: chunked\r\n\r\n", chunked("abc")}, 200, "3 [chunked] <nil>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.dial()
			for range 2 { // what is behind the body is the next request
				for _, piece := range tc.pieces {
					c.send(piece)
				}
				a := c.receive("POST")
				if a.StatusCode != tc.status || tc.want != "" && a.body != tc.want {
					t.Fatalf("got %d %q; want %d %q", a.StatusCode, a.body, tc.status, tc.want)
				}
				if tc.status != 200 {
					return
				}
			}
		})
	}
	t.Run("pipelined behind it", func(t *testing.T) {
		c := r.dial()
		c.send(head + "Transfer-Encoding: chunked\r\n\r\n")
		c.send(chunked("abc") + head + "Transfer-Encoding: chunked\r\n\r\n" + chunked("defg") + "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
		for _, want := range []string{"3 3 <nil>", "4 4 <nil>", "0 0 <nil>"} {
			if a := c.receive("POST"); a.body != want {
				t.Errorf("got %q; want %q", a.body, want)
			}
		}
	})
	t.Run("who waits to be asked is asked", func(t *testing.T) {
		c := r.dial()
		c.send(head + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if a := c.receive("POST"); a.StatusCode != 100 {
			t.Fatalf("got %d; want 100", a.StatusCode)
		}
		c.send("abc")
		if a := c.receive("POST"); a.body != "3 3 <nil>" {
			t.Errorf("got %q; want the body", a.body)
		}
	})
	t.Run("a stream", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+r.address+"/", io.MultiReader(strings.NewReader("ab"), strings.NewReader("c")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if body, _ := io.ReadAll(resp.Body); string(body) != "3 3 <nil>" {
			t.Errorf("got %q; want the length", body)
		}
	})
}

// A body that was held is sent again to another backend.
func TestBufferedBodiesAreRetried(t *testing.T) {
	tries := 0
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [whole], retry: {on: ["503"], methods: [POST]}}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {whole: {type: buffer}}
`, backend(t, func(w http.ResponseWriter, q *http.Request) {
		tries++
		if tries == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		n, _ := io.Copy(io.Discard, q.Body)
		_, _ = fmt.Fprint(w, n)
	}))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.send("30000\r\n" + strings.Repeat("x", 0x30000) + "\r\n0\r\n\r\n")
	if a := c.receive("POST"); a.body != "196608" {
		t.Errorf("got %d %q; want the whole body at the second try", a.StatusCode, a.body)
	}
}
