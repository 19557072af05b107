package stage

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// Sleep waits for d, at most until the deadline of the exchange; false when its client
// has left meanwhile. Only where Call.MayWait is set.
func (c *Call) Sleep(d time.Duration) bool {
	by := socket.Earlier(socket.After(socket.Nanos(), d), c.ByNanos())
	late := socket.Await(c.Patience(by), nil) == socket.ErrLate //nolint:errorlint // unwrapped
	c.NowNanos = socket.Nanos()
	return late
}
