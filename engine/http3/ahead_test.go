package http3

import (
	"bytes"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
)

// What comes right behind the head decides whether HTTP/1.1 is told of content.
func TestEndBehindTheHead(t *testing.T) {
	t.Parallel()
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	empty := dataFrame("")
	for _, tc := range []struct {
		name, method string
		behind       [][]byte
		want         string // behind Host
	}{
		{"nothing", "GET", nil, "\r\n"},
		{"nothing behind a POST", "POST", nil, "Content-Length: 0\r\n\r\n"},
		{"an empty frame", "GET", [][]byte{empty}, "\r\n"},
		{"empty frames", "DELETE", [][]byte{empty, empty, empty}, "\r\n"},
		{"an empty frame behind a POST", "POST", [][]byte{empty}, "Content-Length: 0\r\n\r\n"},
		{"content", "GET", [][]byte{dataFrame("x")}, chunked + "1\r\nx\r\n0\r\n\r\n"},
		{"content behind an empty frame", "GET", [][]byte{empty, dataFrame("x")}, chunked + "1\r\nx\r\n0\r\n\r\n"},
		{"trailers", "GET", [][]byte{fieldSection("x-sum", "7")}, chunked + "0\r\nx-sum: 7\r\n\r\n"},
		{"trailers behind an empty frame", "GET", [][]byte{empty, fieldSection("x-sum", "7")}, chunked + "0\r\nx-sum: 7\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			head := fieldSection(":method", tc.method, ":scheme", "https", ":authority", "t", ":path", "/")
			p := play(append(head, bytes.Join(tc.behind, nil)...))
			if want := tc.method + " / HTTP/1.1\r\nHost: t\r\n" + tc.want; p.fault != nil || p.text != want {
				t.Errorf("got %q, %v; want %q", p.text, p.fault, want)
			}
		})
	}
}

// Empty frames behind a head are no way to keep us busy.
func TestFloodOfEmptyFramesBehindTheHead(t *testing.T) {
	t.Parallel()
	head := fieldSection(":method", "GET", ":scheme", "https", ":authority", "t", ":path", "/")
	p := play(append(head, strings.Repeat(string(dataFrame("")), 10_000)...))
	if p.opened || p.fault == nil || p.fault.code != errcode.ExcessiveLoad {
		t.Errorf("opened %v, %v; want a session that ends for excessive load", p.opened, p.fault)
	}
}
