//go:build !race

package engine

import (
	"fmt"
	"io"
	"testing"
)

// TestFilesThatAreHeldDoNotAllocate: in the loop, and in a goroutine by sendfile. The disk is
// looked at again every 20 ms, which does: where a machine is so slow that it happens in
// every few exchanges, another round shows what the others cost.
func TestFilesThatAreHeldDoNotAllocate(t *testing.T) {
	root := site(t)
	const said = "middleware: {said: {type: headers, response: {set: {X-Said: \"{status}\"}}}}\n"
	for _, tc := range []struct{ name, route, more, path, fields string }{
		{"in memory", "", "", "/app.js", ""},
		{"a part", "", "", "/app.js", "Range: bytes=10-99\r\n"},
		{"not again", "", "", "/app.js", "If-Modified-Since: Mon, 01 Jan 2018 00:00:00 GMT\r\nIf-None-Match: \"a\", \"b\"\r\n"},
		{"a page for a folder", "", "", "/docs/", ""},
		{"open", "", "", "/large.bin", ""},
		{"behind a stage", ", middleware: [said]", said, "/app.js", ""},
		{"open, behind a stage", ", middleware: [said]", said, "/large.bin", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, filesText(root, "", tc.route)+tc.more, "")
			c := r.dial()
			request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: t\r\n%s\r\n", tc.path, tc.fields)
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			first := c.receive("GET")
			size, room := len(first.body), make([]byte, 64<<10)
			exchange := func() {
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				for head, left := true, size; head || left > 0; { // the head is less than a read
					n, err := c.Read(room)
					if err != nil && err != io.EOF { //nolint:errorlint // as it is
						t.Fatal(err)
					}
					if head {
						for i := range n - 3 {
							if string(room[i:i+4]) == "\r\n\r\n" {
								n -= i + 4
								head = false
								break
							}
						}
					}
					left -= n
				}
			}
			for range 50 {
				exchange()
			}
			n := 1.0
			for round := 0; n != 0 && round < 20; round++ {
				renew(c)
				n = testing.AllocsPerRun(50, exchange)
			}
			if n != 0 {
				t.Errorf("%v allocations an exchange; want 0", n)
			}
		})
	}
}
