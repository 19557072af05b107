package middleware

import (
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

var (
	vary     = stage.NewName("Vary")
	asterisk = []byte("*")
)

// addVary makes Vary name a field of requests, in one line, where it does not yet.
func addVary(c *stage.Call, name []byte) {
	if c.Answer.Get(&vary) == nil {
		c.Answer.Add(&vary, name)
		return
	}
	named := false
	c.Answer.Each(&vary, func(value []byte) bool {
		named = wire.HasElement(value, name) || wire.HasElement(value, asterisk)
		return !named
	})
	if named {
		return
	}
	c.Scratch = c.Scratch[:0]
	c.Answer.Each(&vary, func(value []byte) bool {
		if len(value) > 0 {
			c.Scratch = append(append(c.Scratch, value...), ", "...)
		}
		return true
	})
	c.Scratch = append(c.Scratch, name...)
	c.Answer.Set(&vary, c.Scratch)
}
