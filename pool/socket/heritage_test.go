package socket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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
		{&net.UDPAddr{IP: net.IPv6zero, Port: 80}, ":80", true},
		{&net.UDPAddr{IP: net.IPv6zero, Port: 81}, ":80", false},
		{&net.UnixAddr{Name: "/a", Net: "unix"}, "unix:/a", true},
		{&net.UnixAddr{Name: "/a", Net: "unix"}, "127.0.0.1:80", false},
	} {
		if got := isAt(c.bound, c.address); got != c.want {
			t.Errorf("%v is at %q: got %v; want %v", c.bound, c.address, got, c.want)
		}
	}
}

// packetSocketAt is a UDP socket, and its descriptor.
func packetSocketAt(t *testing.T, lc net.ListenConfig, address string) (at string, file *os.File) {
	t.Helper()
	c, err := lc.ListenPacket(t.Context(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	u, ok := c.(*net.UDPConn)
	if !ok {
		t.Fatalf("got a %T", c)
	}
	if file, err = u.File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return c.LocalAddr().String(), file
}

// TestHeritageOfPackets gives two UDP sockets of one address and a third one: one of the two
// is taken, by whoever asks for its address, and the others are named.
func TestHeritageOfPackets(t *testing.T) {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(failed, err)
	}}
	address, first := packetSocketAt(t, shared, "127.0.0.1:0")
	_, second := packetSocketAt(t, shared, address)
	other, third := packetSocketAt(t, net.ListenConfig{}, "127.0.0.1:0")
	h := &Heritage{}
	for _, f := range []*os.File{first, second, third} {
		if err := h.AddGiven(int(f.Fd())); err != nil {
			t.Fatal(err)
		}
	}
	if bound := h.Take("web", address); bound != nil {
		t.Errorf("%v listens", bound[0].Addr())
	}
	if fd, ok := h.TakePackets("127.0.0.1:1"); ok {
		t.Errorf("another address has taken %d", fd)
	}
	fd, ok := h.TakePackets(address)
	if !ok {
		t.Fatal("nothing is taken")
	}
	defer unix.Close(fd)
	if at, err := unix.Getsockname(fd); err != nil || tcpAddress(at).String() != address {
		t.Errorf("got %v, %v; want the socket of %s", at, err, address)
	}
	if left := h.Close(); len(left) != 2 || left[0] != "udp "+address || left[1] != "udp "+other || !IsPackets(left[0]) {
		t.Errorf("left is %q; want the second one and the third", left)
	}
	if _, ok := h.TakePackets(other); ok {
		t.Error("taken after Close")
	}
	if _, ok := (*Heritage)(nil).TakePackets(address); ok {
		t.Error("taken of nothing")
	}
}

// TestHeritageRefusesWhatIsNoPort gives sockets that no listener can use.
func TestHeritageRefusesWhatIsNoPort(t *testing.T) {
	for _, domain := range []int{unix.AF_UNIX, unix.AF_INET} {
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Heritage{}).AddGiven(fd); err == nil || !strings.Contains(err.Error(), "no bound UDP socket") {
			t.Errorf("family %d: got %v; want a refusal", domain, err)
		}
		_ = unix.Close(fd)
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
