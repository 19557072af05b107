package explain

import (
	"fmt"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
)

// NewPool is a pool as it stands, and whom a first attempt would get there. hashOn is what
// its algorithm looks at; empty is nothing.
func NewPool(s *pool.Status, f *pool.Foresight, hashOn string) Pool {
	p := Pool{Name: s.Name, Algorithm: s.Algorithm, HashOn: hashOn, Panic: s.Panic}
	if f.Cause != end.OK {
		p.Cause = f.Cause.Word()
	}
	if l := s.Concurrency; l != nil {
		p.Limit = limitText(l)
	}
	candidates := 0
	for i := range s.Backends {
		b := &s.Backends[i]
		m := Member{
			Address: b.Address, Weight: b.Weight, Rank: b.Rank, Zone: b.Zone, State: b.State, Health: b.Health,
			Breaker: b.Breaker, Up: b.Up, InFlight: b.InFlight, Share: -1,
		}
		switch {
		case f.Asked && i < len(f.Shares):
			m.Share = f.Shares[i]
		case !b.Up:
			m.Share = 0
		}
		if m.Share == 1 {
			p.Pick = b.Address
		}
		if b.Up {
			candidates++
		}
		if len(p.Members) < MembersMax || m.Share == 1 {
			p.Members = append(p.Members, m)
		} else {
			p.MembersCut++
		}
	}
	p.PickWhy = p.law(candidates)
	return p
}

func limitText(l *pool.LimiterStatus) string {
	text := fmt.Sprintf("%d requests in progress, %d waiting", l.InProgress, l.Waiting)
	if l.Limit > 0 {
		text = fmt.Sprintf("%d of %d requests in progress, %d of %d waiting", l.InProgress, l.Limit, l.Waiting, l.MaxQueue)
	}
	return text
}

// laws are what decides who is picked, by algorithm.
var laws = map[string]string{
	"round_robin":          "backends take turns",
	"weighted_round_robin": "backends take turns in proportion to their weights",
	"least_connections":    "the backend with the fewest requests in progress for its weight",
	"p2c":                  "of two drawn by weight the one with fewer requests in progress",
	"peak_ewma":            "of two drawn by weight the one that answers faster",
	"random":               "drawn by weight",
}

// law says what decides who is picked of so many.
func (p *Pool) law(candidates int) string {
	switch {
	case p.Cause != "":
		return "nobody may be picked"
	case p.Pick != "" && candidates == 1:
		return "it is the only one that may be picked"
	case p.HashOn != "" && p.Pick != "":
		return "the hash of " + p.HashOn + " leads to it"
	}
	if law := laws[p.Algorithm]; law != "" {
		return law
	}
	return "the algorithm " + p.Algorithm + " of the program's own decides, and is not asked"
}
