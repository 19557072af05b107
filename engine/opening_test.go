package engine

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
)

// vacant is an address that nobody has: its port was chosen, and given back.
func vacant(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// knocking connects to an address until stop, which returns how many handshakes were
// completed, and how many connections were refused.
func knocking(t *testing.T, network, address string) (stop func() (completed, refused int)) {
	t.Helper()
	end, done := make(chan struct{}), make(chan struct{})
	var completed, refused int
	go func() {
		defer close(done)
		for first := true; ; first = false {
			c, err := net.Dial(network, address)
			switch {
			case err == nil:
				completed++
				_ = c.Close()
			case errors.Is(err, syscall.ECONNREFUSED):
				refused++
			}
			select {
			case <-end:
				if !first {
					return
				}
			default:
			}
		}
	}()
	return func() (int, int) {
		close(end)
		<-done
		return completed, refused
	}
}

// A start, and a reload, that is refused has never taken a connection on any of its
// addresses: whoever connects meanwhile is refused as if there were nobody.
func TestRefusedConfigurationTakesNoConnection(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	path := filepath.Join(t.TempDir(), "front")
	other := "routes: {all: {respond: {status: 204}}}\nshutdown: {drain: 5s}\n"
	const running = `listeners: {x: {address: "127.0.0.1:0"}}` + "\n"
	for _, c := range []struct {
		name, network, first string
		reload               bool
	}{
		{"start", "tcp", vacant(t), false},
		{"reload", "tcp", vacant(t), true},
		{"start unix", "unix", path, false},
		{"reload unix", "unix", path, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e *Engine
			if c.reload {
				e = start(t, running+other, "").engine
			} else {
				e = idleEngine(t)
			}
			first := c.first
			if c.network == "unix" {
				first = "unix:" + first
			}
			stop := knocking(t, c.network, c.first)
			err := e.Apply(parse(t, `listeners: {a: {address: "`+first+`"}, b: {address: "`+taken.Addr().String()+`"}}`+"\n"+other, ""))
			completed, refused := stop()
			if err == nil || !strings.Contains(err.Error(), "listeners.b: cannot listen") || !strings.Contains(err.Error(), "already in use") {
				t.Errorf("got %v; want that the address of b is in use", err)
			}
			if completed > 0 || refused == 0 {
				t.Errorf("of a configuration that was refused %d handshakes were completed, %d refused; want 0, and some", completed, refused)
			}
			if err := e.Apply(parse(t, `listeners: {a: {address: "`+first+`"}}`+"\n"+other, "")); err != nil {
				t.Fatalf("without the second address: %v", err)
			}
			conn, err := net.Dial(c.network, c.first)
			if err != nil {
				t.Fatalf("once it runs: %v", err)
			}
			_ = conn.Close()
		})
	}
}

// Two starts that have bound the same address, which the kernel allows while neither
// listens, end as one that runs and one that is refused.
func TestOneOfTwoStartsOnAnAddressIsRefused(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := vacant(t)
			if network == "unix" {
				address = "unix:" + filepath.Join(t.TempDir(), "front")
			}
			text := `listeners: {a: {address: "` + address + `"}}` + "\nroutes: {all: {respond: {status: 204}}}\nshutdown: {drain: 5s}\n"
			a, b := idleEngine(t), idleEngine(t)
			early, err := a.openListeners(parse(t, text, ""))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Apply(parse(t, text, "")); err != nil {
				t.Fatal(err)
			}
			if err := early.listen(a); !errors.Is(err, syscall.EADDRINUSE) && (err == nil || !strings.Contains(err.Error(), "already in use")) {
				t.Errorf("the second to listen: got %v; want that the address is in use", err)
			}
			early.close()
			conn, err := net.Dial(network, strings.TrimPrefix(address, "unix:"))
			if err != nil {
				t.Fatalf("the first to listen: %v", err)
			}
			_ = conn.Close()
		})
	}
}

// idleEngine is an engine without a configuration.
func idleEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(2), Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		e.Shutdown(ctx)
	})
	return e
}
