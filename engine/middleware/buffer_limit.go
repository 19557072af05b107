package middleware

import (
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// bufferLimit bounds the content of a request, in bytes, in place of the listener's limit and
// of what a stage before has said.
type bufferLimit int64

func newBufferLimit(k *config.StageBufferLimit) bufferLimit { return bufferLimit(k.BodyBytes) }

// Request sets it; 0 is none.
func (l bufferLimit) Request(c *stage.Call) stage.Verdict {
	c.BodyMax = int64(l)
	return stage.Next
}
