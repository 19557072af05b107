package middleware

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// mirror has a share of the requests copied. It only says so: the copy is made of what a
// backend is sent, when that is known.
type mirror struct {
	to    stage.Mirror
	below uint64
	all   bool
	salt  uint64
}

func newMirror(k *config.StageMirror, p *Place) *mirror {
	return &mirror{
		to: stage.Mirror{Pool: k.Pool, Compare: k.Compare}, below: shareOf(k.Percent), all: k.Percent >= 100, salt: xxhash.Sum64String(p.Name),
	}
}

// Request marks the request, if it is one of the share.
func (m *mirror) Request(c *stage.Call) stage.Verdict {
	if m.all || mix(c.Random^m.salt) < m.below {
		c.Mirror = &m.to
	}
	return stage.Next
}

// Mirrored is the chain of a route with routes.*.mirror behind it. The chain may be nil.
func (s *Set) Mirrored(ch *Chain, route string, c *config.Mirror) (*Chain, error) {
	name := "routes." + route + ".mirror"
	l, err := s.link(name, &config.Middleware{Stage: &config.StageMirror{Pool: c.Pool, Percent: c.Percent, Compare: c.Compare}})
	if err != nil {
		return nil, err
	}
	return ch.longer(l, about{name, "mirror"})
}

// Mirrors reports that one of the stages is a mirror; false for nil.
func (ch *Chain) Mirrors() bool {
	return ch != nil && slices.ContainsFunc(ch.links, func(l link) bool {
		_, is := l.requester.(*mirror)
		return is
	})
}
