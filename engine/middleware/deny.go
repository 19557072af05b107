package middleware

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// tarpitsMax bounds the clients that one stage lets wait: above it they are answered at
// once, so that a flood of them does not cost the proxy more than themselves.
const tarpitsMax = 10_000

// deny answers every request that it is asked about.
type deny struct {
	page    page
	close   bool
	tarpit  time.Duration
	waiting *atomic.Int64
}

func newDeny(k *config.StageDeny, _ *Place) (*deny, error) {
	p, err := newPage(k.Status, end.Denied, source{k.Body, k.File, k.ContentType})
	if err != nil {
		return nil, err
	}
	return &deny{page: p, close: k.Close, tarpit: k.Tarpit, waiting: new(atomic.Int64)}, nil
}

// Request lets the client wait, and refuses it.
func (d *deny) Request(c *stage.Call) stage.Verdict {
	if d.tarpit > 0 {
		if !c.MayWait {
			return stage.Wait
		}
		if !d.hold(c) {
			return stage.Left
		}
	}
	if d.close {
		return c.Break(end.Denied)
	}
	return d.page.answer(c)
}

// hold lets the client wait; false when it has left.
func (d *deny) hold(c *stage.Call) bool {
	defer d.waiting.Add(-1)
	if d.waiting.Add(1) > tarpitsMax {
		return true
	}
	return c.Sleep(d.tarpit) || !c.Gone()
}
