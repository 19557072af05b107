package middleware

import (
	"fmt"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/auth/live"
	"github.com/isame-lb/isame-lb/engine/auth/prefix"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// ipFilter refuses clients by their networks.
type ipFilter struct {
	filter *live.Value[prefix.Filter]
	reject *answer.Reject
}

func newIPFilter(k *config.StageIPFilter, p *Place) (*ipFilter, error) {
	files := p.files()
	definition := fmt.Sprintf("ip_filter %q %q %q", k.Allow, k.Deny, k.Files)
	filter, err := Kept(p.Book, p.Name, definition, func() (*live.Value[prefix.Filter], error) {
		return live.Open(files, p.Name, k.Files, func(read []live.File) (*prefix.Filter, error) { return prefix.New(k.Allow, k.Deny, read) })
	})
	return &ipFilter{filter: filter, reject: answer.New(k.Status, end.AddressDenied, "")}, err
}

// Request lets pass whom the longest network that holds the client's address lets pass.
func (f *ipFilter) Request(c *stage.Call) stage.Verdict {
	if f.filter.Load().Passes(c.Client()) {
		return stage.Next
	}
	return c.Refuse(f.reject)
}
