package middleware

import (
	"fmt"
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/engine/trust"
	"github.com/isame-lb/isame-lb/pool/end"
)

// maintenance answers all clients but some.
type maintenance struct {
	page  page
	allow trust.Networks
	after []byte // Retry-After, nil without
}

var retryAfter = stage.NewName("Retry-After")

// newMaintenance makes the stage; while it is not enabled there is none. Its files are read
// all the same, so that a mistake is found before the page is needed.
func newMaintenance(k *config.StageMaintenance, _ *Place) (any, error) {
	m := &maintenance{}
	var err error
	if m.allow, err = trust.ParseNetworks(k.Allow); err != nil {
		return nil, fmt.Errorf("allow: %w", err)
	}
	if m.page, err = newPage(k.Status, end.Maintenance, source{body: k.Body, file: k.File}); err != nil {
		return nil, err
	}
	if k.RetryAfter > 0 {
		m.after = strconv.AppendInt(nil, int64(k.RetryAfter/time.Second), 10)
	}
	if !k.Enabled {
		return nil, nil //nolint:nilnil // no stage
	}
	return m, nil
}

// Request answers, unless the client is one that passes. One at a unix socket has no address,
// and is none.
func (m *maintenance) Request(c *stage.Call) stage.Verdict {
	if ip := c.Client(); ip.IsValid() && m.allow.Contains(ip.Unmap()) {
		return stage.Next
	}
	if m.after != nil {
		c.Answer.Set(&retryAfter, m.after)
	}
	return m.page.answer(c)
}
