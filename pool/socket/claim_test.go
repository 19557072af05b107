package socket

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Several sockets of one address share its port, also one that the kernel has chosen.
func TestClaimedSocketsShareAnAddress(t *testing.T) {
	all, err := Claim("127.0.0.1:0", 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Forgo(all)
	if len(all) != 3 {
		t.Fatalf("got %d sockets; want 3", len(all))
	}
	for _, b := range all {
		if b.Addr().String() != all[0].Addr().String() {
			t.Errorf("got %s and %s; want one address", b.Addr(), all[0].Addr())
		}
	}
	for _, b := range all {
		ln, err := b.Listen()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
	}
	if free, err := Vacant(all[0].Addr().String(), 0); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("an address where we listen is vacant: %q, %v", free, err)
	}
}

// Who listens on an address is seen, although both would share it, and waited for.
func TestClaimSeesWhoHoldsAnAddress(t *testing.T) {
	b, err := Bind("tcp", "127.0.0.1:0", reusePort)
	if err != nil {
		t.Fatal(err)
	}
	held, err := b.Listen()
	if err != nil {
		t.Fatal(err)
	}
	address := held.Addr().String()
	if _, err := Claim(address, 2, 0); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v; want that it is in use", err)
	}
	claimed := make(chan error, 1)
	go func() {
		all, err := Claim(address, 2, time.Minute)
		Forgo(all)
		claimed <- err
	}()
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-claimed; err != nil {
		t.Errorf("got %v; want the address once it is given back", err)
	}
}

func TestClaimOfAUnixSocket(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want error
	}{
		{"nothing there", func(*testing.T, string) {}, nil},
		{"somebody listens", func(t *testing.T, path string) {
			t.Helper()
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
		}, syscall.EADDRINUSE},
		{"left over", func(t *testing.T, path string) {
			t.Helper()
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
			if err != nil {
				t.Fatal(err)
			}
			ln.SetUnlinkOnClose(false)
			_ = ln.Close()
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			c.make(t, path)
			all, err := Claim("unix:"+path, 4, 0)
			defer Forgo(all)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("got %v; want %v", err, c.want)
			}
			if err == nil && len(all) != 1 {
				t.Errorf("got %d sockets; want one for all", len(all))
			}
		})
	}
}
