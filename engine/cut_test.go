package engine

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
)

// An exchange that the end of the drain cuts is over: it is not sent again on
// another connection, and the process does not wait for it.
func TestCutExchangeIsNotRepeated(t *testing.T) {
	for _, reused := range []bool{false, true} {
		var asked atomic.Int64
		address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			for q := readHead(in); q != nil; q = readHead(in) {
				if q.URL.Path == "/first" {
					_, _ = io.WriteString(c, ok)
					continue
				}
				asked.Add(1)
			}
		})
		e, err := New(Options{Logger: zerolog.Nop(), Registry: observe.NewRegistry(1), Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Apply(parse(t, plain, address)); err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, engine: e, address: e.Listeners()[0].Bound}
		c := r.dial()
		if reused {
			c.get("/first")
		}
		c.send("GET /case HTTP/1.1\r\nHost: t\r\n\r\n")
		eventually(t, func() string { return "the backend was asked" }, func() bool { return asked.Load() == 1 })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if cut := e.Shutdown(ctx); cut != 1 {
			t.Errorf("shutdown cut %d connections; want 1", cut)
		}
		cancel()
		eventually(t, func() string { return "the connection ended" }, func() bool {
			_, err := c.r.Peek(1)
			return err != nil
		})
		if n := asked.Load(); n != 1 {
			t.Errorf("the backend was asked %d times; want once", n)
		}
	}
}
