package middleware

import (
	"context"
	"time"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// beside calls f in a goroutine and waits for it, for most at the longest, until the
// deadline of the exchange, and no longer than its client does. The ctx of f ends when
// nobody waits any more: what f uses must not be of the exchange. Only where
// Call.MayWait is set. Next says that f has ended, Left that the client has left, and
// Wait that it was late.
func beside(c *stage.Call, place string, most time.Duration, f func(context.Context)) stage.Verdict {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	safely.GoThen(place, func() { f(ctx) }, func() { close(done) })
	by := socket.Earlier(socket.After(socket.Nanos(), most), c.ByNanos())
	err := socket.Await(c.Patience(by), done)
	c.NowNanos = socket.Nanos()
	if err == nil {
		return stage.Next
	}
	if err == socket.ErrLate { //nolint:errorlint // unwrapped
		return stage.Wait
	}
	return stage.Left
}
