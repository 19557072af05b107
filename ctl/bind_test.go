package ctl

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
)

// An endpoint that is bound has its address, and whoever connects is refused until it
// starts: the process may not come to that.
func TestBoundEndpointTakesNoConnectionBeforeItStarts(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, ending := range []string{"starts", "is given up"} {
			t.Run(network+" "+ending, func(t *testing.T) {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = "unix:" + filepath.Join(t.TempDir(), "admin")
				}
				s := New(Options{Address: address, Logger: zerolog.Nop()})
				end := func() {
					if err := s.Shutdown(context.Background()); err != nil {
						t.Errorf("at the end: %v", err)
					}
				}
				if err := s.Bind(); err != nil {
					t.Fatal(err)
				}
				at := s.Addr().String()
				if strings.HasSuffix(at, ":0") {
					t.Errorf("address: got %q; want the port that was chosen", at)
				}
				if c, err := net.Dial(network, at); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("before the start: got %v, %v; want that the connection is refused", c, err)
				}
				if ending == "is given up" {
					end()
					l, err := net.Listen(network, at)
					if err != nil {
						t.Fatalf("the address was not given back: %v", err)
					}
					_ = l.Close()
					return
				}
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
				defer end()
				c, err := net.Dial(network, at)
				if err != nil {
					t.Fatalf("after the start: %v", err)
				}
				_ = c.Close()
			})
		}
	}
}
