package socket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A bound socket is what net.Listen would have made of the address, once it listens.
func TestBoundSocketListensWhereNetListenDoes(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "[::1]:0", "localhost:0", "127.0.0.1:0"} {
		t.Run(address, func(t *testing.T) {
			like, err := net.Listen("tcp", address)
			if err != nil {
				if _, err := Bind("tcp", address, nil); err == nil {
					t.Error("bound what cannot be listened on")
				}
				return
			}
			defer func() { _ = like.Close() }()
			b, err := Bind("tcp", address, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(b.Addr().String())
			host, _, _ := net.SplitHostPort(like.Addr().String())
			if want := net.JoinHostPort(host, port); b.Addr().String() != want || port == "0" {
				t.Errorf("bound to %s; want %s", b.Addr(), want)
			}
			if c, err := net.Dial("tcp", b.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("before it listens: got %v, %v; want that the connection is refused", c, err)
			}
			ln, err := b.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = ln.Close() }()
			if ln.Addr().String() != b.Addr().String() {
				t.Errorf("listens on %s; want %s", ln.Addr(), b.Addr())
			}
			c, err := net.Dial("tcp", b.Addr().String())
			if err != nil {
				t.Fatalf("once it listens: %v", err)
			}
			_ = c.Close()
		})
	}
}

// The file of a unix socket goes with it, unless it is somebody else's by then.
func TestBoundUnixSocketKeepsToItsOwnFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	b, err := Bind("unix", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end: got %v; want no file", err)
	}
	if b, err = Bind("unix", path, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if _, err := b.Listen(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("with another's file: got %v; want that the address is in use", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's file: got %v; want that it stays", err)
	}
}
