package load

import (
	"bytes"
	"net/url"
	"testing"
)

// FuzzReadRequests checks that a file of requests is either refused or becomes
// calls with one head each: nothing in it can end a line or a head early.
func FuzzReadRequests(f *testing.F) {
	f.Add("GET /\nPOST /a?b=c data\n", "X-A: 1")
	f.Add("# note\n\nHEAD /x\r\n", "Host: a.test")
	f.Add("PUT /\x00 @file", "a:b\r\nc: d")
	u := &url.URL{Scheme: "http", Host: "a.test", Path: "/"}
	f.Fuzz(func(t *testing.T, text, header string) {
		requests, err := ReadRequests(text, func(string) ([]byte, error) { return []byte("from a file"), nil })
		if err != nil {
			return
		}
		calls, err := buildCalls(Plan{Requests: requests, Header: []string{header}}, u)
		if err != nil {
			return
		}
		if len(calls) != len(requests) {
			t.Fatalf("got %d calls of %d requests", len(calls), len(requests))
		}
		for i, c := range calls {
			head, body, found := bytes.Cut(c.bytes, []byte("\r\n\r\n"))
			if !found || !bytes.Equal(body, requests[i].Body) {
				t.Errorf("got body %q; want %q", body, requests[i].Body)
			}
			if n := bytes.Count(head, []byte("\n")); n != bytes.Count(head, []byte("\r\n")) || n != bytes.Count(head, []byte("\r")) || n > 6 {
				t.Errorf("a line break got into the head %q", head)
			}
			if line, _, _ := bytes.Cut(head, []byte("\r\n")); bytes.Count(line, []byte(" ")) != 2 {
				t.Errorf("got request line %q; want three parts", line)
			}
		}
	})
}
