package wire

import (
	"bytes"
	"strings"
	"testing"
)

// replaceHost is ReplaceHost by other means.
func replaceHost(head, host string) string {
	line, rest, _ := strings.Cut(head, "\r\n")
	_, rest, _ = strings.Cut(rest, "\r\n")
	return line + "\r\nHost: " + host + "\r\n" + rest
}

func FuzzReplaceHost(f *testing.F) {
	f.Add("client.test", "a", "body", 0)
	f.Add("", "www.example.com:8443", "", 100)
	f.Add("a", "a", "x\r\nHost: b\r\n", 3)
	f.Fuzz(func(t *testing.T, was, host, body string, room int) {
		if strings.ContainsAny(was+host, "\r\n") || room < 0 || room > 1<<12 {
			return
		}
		head := "GET / HTTP/1.1\r\nHost: " + was + "\r\nX: y\r\n\r\n" + body
		b := append(make([]byte, 0, len(head)+room), head...)
		for range 2 {
			b = ReplaceHost(b, host)
			if want := replaceHost(head, host); string(b) != want {
				t.Fatalf("got %q; want %q", b, want)
			}
		}
		if b = ReplaceHost(b, was); string(b) != head {
			t.Fatalf("back: got %q; want %q", b, head)
		}
	})
}

func TestReplaceHostUsesTheRoomThereIs(t *testing.T) {
	head := append(make([]byte, 0, 256), "GET / HTTP/1.1\r\nHost: a\r\n\r\n"...)
	host := strings.Repeat("long.", 20) + "example"
	other := strings.Clone(host[1:])
	if n := testing.AllocsPerRun(10, func() { head = ReplaceHost(ReplaceHost(head, host), other) }); n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
	if !bytes.Contains(head, []byte("Host: "+other+"\r\n\r\n")) {
		t.Errorf("got %q", head)
	}
}
