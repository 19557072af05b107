package e2e

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

// A start that is refused, because one address is taken, has taken a connection neither
// on the other one nor on that of the admin endpoint.
func TestRefusedStartTakesNoConnection(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	first, admin := freeAddress(t), freeAddress(t)
	end, done := make(chan struct{}), make(chan struct{})
	completed := map[string]int{}
	go func() {
		defer close(done)
		for {
			for _, at := range []string{first, admin} {
				c, err := net.Dial("tcp", at)
				if err == nil {
					completed[at]++
					_ = c.Close()
				} else if !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("connecting to %s: got %v; want that it is refused", at, err)
				}
			}
			select {
			case <-end:
				return
			default:
			}
		}
	}()
	code, out := program(t, "--config", writeConfig(t, `
admin: {address: "`+admin+`"}
listeners: {a: {address: "`+first+`"}, b: {address: "`+taken.Addr().String()+`"}}
routes: {all: {respond: {status: 204}}}
`))
	close(end)
	<-done
	if code != 1 || !strings.Contains(out, "listeners.b: cannot listen") || !strings.Contains(out, "already in use") {
		t.Errorf("got exit code %d and\n%s; want 1, and that the address is in use", code, out)
	}
	if completed[first] > 0 || completed[admin] > 0 {
		t.Errorf("completed handshakes: %d with the first listener, %d with the admin endpoint; want 0",
			completed[first], completed[admin])
	}
}
