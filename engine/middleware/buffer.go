package middleware

import (
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// buffer has the whole content of a request held before a backend sees anything of it,
// which is then sent with Content-Length.
type buffer struct{ bytesMax int64 }

func newBuffer(k *config.StageBuffer) *buffer { return &buffer{bytesMax: int64(k.RequestBytes)} }

var incremental = stage.NewName("Incremental")

// Request asks for the content to be held. Who talks while it listens would wait for ever
// (calls of gRPC), and what is marked as incremental must not be held back (RFC 10036).
func (b *buffer) Request(c *stage.Call) stage.Verdict {
	if !c.IsCall() && !c.Upgrades() && string(c.Request.Get(&incremental)) != "?1" {
		c.Hold = b.bytesMax
	}
	return stage.Next
}
