package socket

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// listening is a listener of package net, and its descriptor.
func listening(t *testing.T, network, address string) (net.Listener, *os.File) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	of, ok := ln.(interface{ File() (*os.File, error) })
	if !ok {
		t.Fatalf("a %T has no file", ln)
	}
	file, err := of.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return ln, file
}

// TestHeritageKeepsWhatWaits connects before the next owner accepts, while the one before
// has gone already.
func TestHeritageKeepsWhatWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for _, c := range []struct{ network, address string }{{"tcp", "127.0.0.1:0"}, {"unix", path}} {
		ln, file := listening(t, c.network, c.address)
		address := ln.Addr().String()
		written := address
		if c.network == "unix" {
			written = "unix:" + address
		}
		h := &Heritage{}
		if err := h.Add(int(file.Fd()), ""); err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial(c.network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		if u, ok := ln.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		_, _ = ln.Close(), file.Close()
		if got := h.Take("other", "127.0.0.1:1"); got != nil {
			t.Errorf("%s: another address has taken %v", c.network, got[0].Addr())
		}
		bound := h.Take("web", written)
		if len(bound) != 1 || len(h.Close()) != 0 || strings.Join(h.Taken(), " ") != "web" {
			t.Fatalf("%s: got %d sockets, taken %v; want one for web", c.network, len(bound), h.Taken())
		}
		next, err := bound[0].Listen()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = next.Close() })
		conn, err := next.Accept()
		if err != nil {
			t.Fatalf("%s: what has waited is lost: %v", c.network, err)
		}
		_ = conn.Close()
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file of a socket that another process has as well is gone: %v", err)
	}
}

func TestHeritageByAddress(t *testing.T) {
	at := func(text string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct {
		bound   net.Addr
		address string
		want    bool
	}{
		{at("127.0.0.1:80"), "127.0.0.1:80", true},
		{at("127.0.0.1:80"), "localhost:80", true},
		{at("127.0.0.1:80"), "127.0.0.1:81", false},
		{at("127.0.0.1:80"), ":80", false},
		{at("[::]:80"), ":80", true},
		{at("[::]:80"), "0.0.0.0:80", true},
		{at("[::1]:80"), "[::1]:80", true},
		{at("127.0.0.1:80"), "127.0.0.1:0", false},
		{at("127.0.0.1:80"), "unix:/a", false},
		{&net.UnixAddr{Name: "/a", Net: "unix"}, "unix:/a", true},
		{&net.UnixAddr{Name: "/a", Net: "unix"}, "127.0.0.1:80", false},
	} {
		if got := isAt(c.bound, c.address); got != c.want {
			t.Errorf("%v is at %q: got %v; want %v", c.bound, c.address, got, c.want)
		}
	}
}

func TestHeritageRefusesWhatDoesNotListen(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := (&Heritage{}).Add(int(file.Fd()), "web"); err == nil || !strings.Contains(err.Error(), "no listening socket") {
		t.Errorf("got %v; want a refusal", err)
	}
	var none *Heritage
	if got := none.Take("web", ":80"); got != nil {
		t.Errorf("got %v of nothing", got)
	}
}
