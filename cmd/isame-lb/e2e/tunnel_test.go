package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestDrainClosesWebSockets asks for the end of the process while three clients talk.
// They may go on for the grace, three quarters of the drain here, and are then told.
func TestDrainClosesWebSockets(t *testing.T) {
	t.Parallel()
	const grace = 6 * time.Second
	p, s := startWS(t, websocket.CompressionDisabled)
	ctx := patient(t)
	var clients []*websocket.Conn
	for _, w := range p.ways() {
		c, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
		clients = append(clients, c)
	}
	admin := p.admin
	began := time.Now()
	p.signal(syscall.SIGTERM)
	eventually(t, "the drain begins", func() string {
		if p.log.find("draining: no new connections, exchanges under way may finish; a second signal ends at once") == nil {
			return "not in the log"
		}
		return ""
	})
	if a := get(t, "http://"+admin+"/ready"); a.status != http.StatusServiceUnavailable {
		t.Errorf("/ready while draining: got %d; want 503", a.status)
	}
	for i, c := range clients {
		if err := echoes(ctx, c, websocket.MessageText, []byte("still here")); err != nil {
			t.Errorf("client %d in its grace, %v after the signal: %v", i, time.Since(began), err)
		}
	}
	want := websocket.CloseError{Code: websocket.StatusGoingAway}
	for i, c := range clients {
		_, _, err := c.Read(ctx)
		wantClose(t, "client "+strconv.Itoa(i), err, want)
	}
	if got := time.Since(began); got < grace-time.Second {
		t.Errorf("the clients were told after %v; want %v", got, grace)
	}
	for range clients {
		wantClose(t, "the server", <-s.closed, want)
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	if line := p.log.find("drained"); line == nil || line["connections_cut"] != 0.0 {
		t.Errorf("got %v; want that nothing was cut", line)
	}
}

// TestReloadKeepsWebSockets changes all around a route that stays.
func TestReloadKeepsWebSockets(t *testing.T) {
	s, other, c := newWSServer(t, websocket.CompressionDisabled), newBackend(t, nil), newPair(t, tomorrow(), "a.test")
	text := func(n int) string {
		list := members(s.backend, other)
		if n%2 == 0 {
			list = members(s.backend)
		}
		return edgeConfig(c, list, "", "shutdown: {drain: "+strconv.Itoa(5+n)+"s}\n")
	}
	p := start(t, text(0))
	ctx := patient(t)
	var clients []*websocket.Conn
	for _, w := range p.ways() {
		client, _ := w.ws(t, ctx, "/echo", websocket.CompressionDisabled)
		clients = append(clients, client)
	}
	for n := 1; n <= 5; n++ {
		p.reload(text(n), "applied")
		for i, client := range clients {
			if err := echoes(ctx, client, websocket.MessageText, []byte("after reload "+strconv.Itoa(n))); err != nil {
				t.Fatalf("client %d, reload %d: %v", i, n, err)
			}
		}
	}
	for _, client := range clients {
		if err := client.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}
}

// TestTunnelsEndInHalves has one side end, and the other one go on.
func TestTunnelsEndInHalves(t *testing.T) {
	const size = 300_000
	first, met := noise(size), make(chan string, 1)
	for _, tt := range []struct {
		name string
		talk func(c net.Conn)
		side func(t *testing.T, s stream)
	}{
		{"the client first", func(c net.Conn) {
			got, err := io.ReadAll(c)
			met <- outcomeOf(got, err)
			_, _ = c.Write(first)
			_ = c.Close()
		}, func(t *testing.T, s stream) {
			t.Helper()
			if _, err := s.Write([]byte("that is all")); err != nil {
				t.Error(err)
			}
			if err := s.CloseWrite(); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, first) {
				t.Errorf("the client got %d bytes, %v; want %d", len(got), err, size)
			}
		}},
		{"the server first", func(c net.Conn) {
			_, _ = c.Write(first)
			_ = endHalf(c)
			got, err := io.ReadAll(c)
			met <- outcomeOf(got, err)
			_ = c.Close()
		}, func(t *testing.T, s stream) {
			t.Helper()
			if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, first) {
				t.Errorf("the client got %d bytes, %v; want %d", len(got), err, size)
			}
			if _, err := s.Write([]byte("that is all")); err != nil {
				t.Error(err)
			}
			if err := s.CloseWrite(); err != nil {
				t.Error(err)
			}
		}},
	} {
		b := switching(t, tt.talk)
		p := start(t, edgeConfig(newPair(t, tomorrow(), "a.test"), `[{address: "`+b.address+`"}]`, "", ""))
		for _, w := range p.ways() {
			t.Run(tt.name+" "+w.name, func(t *testing.T) {
				tt.side(t, w.upgrade(t, "/"))
				select {
				case got := <-met:
					if got != "that is all" {
						t.Errorf("the server got %q; want that is all", got)
					}
				case <-time.After(patience):
					t.Error("the server waits for the end")
				}
			})
		}
	}
}

func outcomeOf(got []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(got)
}

// Numbers of TestIdleTunnels, and the descriptors it leaves for other purposes.
const (
	idleTunnels     = 2_000
	idleTunnelsSoak = 10_000
	idleSpare       = 500
	idleOpeners     = 8
)

// TestIdleTunnels opens many at once that say nothing, and says what each costs.
func TestIdleTunnels(t *testing.T) {
	count := idleTunnels
	if os.Getenv("ISAME_SOAK") != "" {
		count = idleTunnelsSoak
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if most := int(min(limit.Max, 1<<20))/2 - idleSpare; most < count { // both ends of each are in one process
		t.Logf("the limit of descriptors allows %d tunnels instead of %d", most, count)
		count = most
	}
	b := switching(t, func(c net.Conn) {
		_, _ = io.Copy(c, c)
		_ = c.Close()
	})
	p := start(t, edgeConfig(newPair(t, tomorrow(), "a.test"), `[{address: "`+b.address+`"}]`, ", connections: {max: 20000}", ""))
	w := inClear(p.address())
	tunnels := openTunnels(t, w, idleOpeners) // pools of workers and buffers have what they need
	before, resident := measure(p), p.metric("process_resident_memory_bytes")
	tunnels = append(tunnels, openTunnels(t, w, count)...)
	after := measure(p)
	grown := p.metric("process_resident_memory_bytes") - resident
	t.Logf("%d idle tunnels: %.1f KB resident each, %.1f KB of heap (race detector: %v)",
		count, grown/float64(count)/1024, (after.heapBytes-before.heapBytes)/float64(count)/1024, raceEnabled)
	if after.goroutines > before.goroutines+50 {
		t.Errorf("goroutines grew from %v to %v; want none for a silent tunnel", before.goroutines, after.goroutines)
	}
	for i := 0; i < len(tunnels); i += 100 {
		s, got := tunnels[i], make([]byte, 5)
		_ = s.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(s, "hello"); err != nil {
			t.Errorf("tunnel %d: %v", i, err)
		}
		if _, err := io.ReadFull(s, got); err != nil || string(got) != "hello" {
			t.Errorf("tunnel %d: got %q, %v; want hello", i, got, err)
		}
	}
	for _, s := range tunnels {
		_ = s.Close()
	}
	eventually(t, "the tunnels are gone", func() string {
		if now := p.metric("process_open_fds"); now > before.descriptors+float64(idleOpeners) {
			return strconv.FormatFloat(now, 'f', 0, 64) + " descriptors"
		}
		return ""
	})
}

// openTunnels opens n tunnels, several at a time.
func openTunnels(t *testing.T, w way, n int) []stream {
	t.Helper()
	all, next := make([]stream, n), make(chan int)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var openers sync.WaitGroup
	for range idleOpeners {
		openers.Go(func() {
			for i := range next {
				var err error
				if all[i], err = w.tryUpgrade("/"); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	openers.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("cannot open %d tunnels: %v", n, err)
	}
	return all
}
