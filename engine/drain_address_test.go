package engine

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const slowly = `
listeners: {web: {address: "127.0.0.1:0"}, zz: {address: "127.0.0.1:0"}}
routes: {all: {pool: p}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 20s}
`

// slowExchange is an exchange whose backend answers when answer is called, which waits
// for its end.
func slowExchange(t *testing.T) (r *rig, backend string, answer func()) {
	t.Helper()
	asked, goOn := make(chan struct{}), make(chan struct{})
	backend = scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if readHead(in) != nil {
			close(asked)
			<-goOn
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r = drainRig(t, strings.Replace(slowly, "{{backend}}", backend, 1))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	<-asked
	return r, backend, func() {
		close(goOn)
		if a := c.receive("GET"); a.StatusCode != 200 || a.body != "ok" {
			t.Errorf("got %d %q; want the answer", a.StatusCode, a.body)
		}
		_ = c.Close()
	}
}

// An address is free for the next process as soon as nobody accepts on it any more,
// and for a reload that puts the listener back: not only when the last exchange of the
// drain has ended.
func TestDrainGivesTheAddressBackAtOnce(t *testing.T) {
	t.Run("shutdown", func(t *testing.T) {
		r, _, answer := slowExchange(t)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			r.engine.Shutdown(ctx)
		}()
		eventually(t, func() string { return "the address is free" }, func() bool {
			ln, err := net.Listen("tcp", r.address)
			return err == nil && ln.Close() == nil
		})
		answer()
		<-ended
	})
	t.Run("reload", func(t *testing.T) {
		r, backend, answer := slowExchange(t)
		const web = `web: {address: "127.0.0.1:0"}, `
		r.apply(strings.Replace(slowly, web, "", 1), backend)
		r.apply(strings.Replace(slowly, "127.0.0.1:0", r.address, 1), backend)
		again, err := visit(r.address, false)
		if err != nil {
			t.Fatalf("got %v; want the listener back", err)
		}
		_ = again.Close()
		answer()
		shutDown(r)
	})
}
