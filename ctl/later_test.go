package ctl

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// held is an endpoint that has its address and says whether it drains, and one that
// wants the same address.
func held(t *testing.T, o Options, reason string) (holder, next *Server) {
	t.Helper()
	o.Sources = Sources{Ready: func() (bool, string) { return reason == "", reason }}
	holder = start(t, o)
	if o.Address == "" {
		o.Address = holder.Addr().String()
	}
	o.Logger = zerolog.Nop()
	return holder, New(o)
}

func end(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("at the end: %v", err)
	}
}

func TestAddressOfAnEndpointThatDrainsIsTakenWhenItIsFree(t *testing.T) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	for _, c := range []struct {
		name    string
		options Options
	}{
		{"tcp", Options{}},
		{"unix", Options{Address: "unix:" + filepath.Join(t.TempDir(), "admin")}},
		{"tls", Options{TLS: &tls.Config{Certificates: lender.TLS.Certificates}}},
	} {
		for _, ending := range []string{"starts", "is given up"} {
			t.Run(c.name+" "+ending, func(t *testing.T) {
				holder, next := held(t, c.options, api.StateDraining)
				if err := next.Bind(); !errors.Is(err, ErrDraining) || !errors.Is(err, syscall.EADDRINUSE) {
					t.Fatalf("got %v; want that the address is in use by an isame-lb that drains", err)
				}
				started := make(chan struct{})
				next.Await(func() { close(started) })
				if at := next.Addr(); at != nil {
					t.Errorf("address while it waits: got %v; want none", at)
				}
				if ending == "starts" {
					end(t, holder)
					select {
					case <-started:
					case <-time.After(20 * time.Second):
						t.Fatal("the address was not taken")
					}
					_ = dial(t, next).Close()
				}
				end(t, next)
				select {
				case <-started:
					if ending == "is given up" {
						t.Error("it has started although somebody else has the address")
					}
				default:
				}
			})
		}
	}
}

func TestNobodyElseIsWaitedFor(t *testing.T) {
	t.Run("ready", func(t *testing.T) {
		_, next := held(t, Options{}, "")
		if err := next.Bind(); !errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, ErrDraining) {
			t.Errorf("got %v; want that the address is in use", err)
		}
	})
	t.Run("without a configuration", func(t *testing.T) {
		_, next := held(t, Options{}, "no configuration yet")
		if err := next.Bind(); !errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, ErrDraining) {
			t.Errorf("got %v; want that the address is in use", err)
		}
	})
}

// What would refuse the start at once is not to come out when the drain has ended.
func TestExposedAddressIsRefusedBesideADrain(t *testing.T) {
	drains := Sources{Ready: func() (bool, string) { return false, api.StateDraining }}
	holder := start(t, Options{Address: ":0", Token: "secret", Sources: drains})
	_, port, err := net.SplitHostPort(holder.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	next := New(Options{Address: ":" + port, Logger: zerolog.Nop()})
	if err := next.Bind(); err == nil || errors.Is(err, ErrDraining) || !strings.Contains(err.Error(), "admin.token is empty") {
		t.Errorf("got %v; want that the address is refused", err)
	}
}
