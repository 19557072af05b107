package middleware

import (
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// timeout stands in place of the route's.
type timeout time.Duration

func newTimeout(k *config.StageTimeout) timeout { return timeout(k.Timeout) }

// Request sets it; 0 is none.
func (t timeout) Request(c *stage.Call) stage.Verdict {
	c.Timeout = time.Duration(t)
	return stage.Next
}
