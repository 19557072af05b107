//go:build !race

package engine

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/sink"
)

func TestLoggedExchangeDoesNotAllocate(t *testing.T) {
	s := sink.New(io.Discard, 1)
	t.Cleanup(func() { s.Close(time.Second) })
	e, err := New(Options{
		Logger: zerolog.New(s.Program()).With().Timestamp().Logger(), Registry: observe.NewRegistry(1), Shards: 1,
		Access: accessTo{s.Access(0)}.open,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e}
	r.apply(accessText(accessPlain+", trusted_proxies: [127.0.0.1]", accessAll, accessPool), rawBackend(t, "\r\n\r\n", ok))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		e.Shutdown(ctx)
	})
	r.address = e.Listeners()[0].Bound
	for _, field := range []string{"", "X-Forwarded-For: 192.0.2.1\r\n"} {
		c := r.dial()
		request, answer := []byte("GET / HTTP/1.1\r\nHost: t\r\n"+field+"\r\n"), make([]byte, 4096)
		exchange := func() {
			_, _ = c.Write(request)
			if n, err := c.Read(answer); err != nil || n < len(ok) {
				t.Fatal(n, err)
			}
		}
		for range 200 {
			exchange()
		}
		if n := testing.AllocsPerRun(500, exchange); n != 0 {
			t.Errorf("with %q: %v allocations an exchange; want 0", field, n)
		}
	}
}
