package socket

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// pacedListener is a listener whose connections would be paced, on address.
func pacedListener(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	if err := control(t, ln, func(fd int) error {
		return unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestionPaced)
	}); err != nil {
		t.Skipf("SKIPPED: this kernel lets nobody choose %s here: %v", congestionPaced, err)
	}
	return ln
}

func control(t *testing.T, ln net.Listener, f func(fd int) error) (err error) {
	t.Helper()
	raw, rawErr := mustTCP(t, ln).SyscallConn()
	if rawErr != nil {
		t.Fatal(rawErr)
	}
	if rawErr = raw.Control(func(fd uintptr) { err = f(int(fd)) }); rawErr != nil {
		t.Fatal(rawErr)
	}
	return err
}

func mustTCP(t *testing.T, ln net.Listener) *net.TCPListener {
	t.Helper()
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		t.Fatalf("a %T is no TCP listener", ln)
	}
	return tcp
}

func TestOnlyLoopbackListenersLosePacing(t *testing.T) {
	for _, tt := range []struct {
		name, address string
		paced         bool
	}{
		{"IPv4 loopback", "127.0.0.1:0", false},
		{"another address of it", "127.0.0.2:0", false},
		{"every address", "0.0.0.0:0", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ln, l := pacedListener(t, tt.address), testLoop(t)
			a, err := NewAcceptor(ln)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			port := netip.MustParseAddrPort(ln.Addr().String()).Port()
			peer, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(port)})
			if err != nil {
				peer, err = net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = peer.Close() })
			c, _, err := a.Accept(l)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if got := paces(c.fd); got != tt.paced || c.kernelPaced != tt.paced {
				t.Errorf("the kernel paces the connection: %v, and it is said so: %v; want %v", got, c.kernelPaced, tt.paced)
			}
		})
	}
}

func TestDialedLoopbackConnectionsAreNotPaced(t *testing.T) {
	ln, l := pacedListener(t, "127.0.0.1:0"), testLoop(t)
	c, err := Dial(t.Context(), l, ln.Addr().String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if paces(c.fd) {
		t.Error("the kernel paces a connection to a backend on loopback")
	}
}
