package middleware

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/observe/custom"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// count counts requests by labels that are made of them.
type count struct {
	values []stage.Text
	series *custom.Series
	most   int
}

func newCount(k *config.StageCount, p *Place) (*count, error) {
	s := &count{most: k.MaxSeries}
	labels := slices.Sorted(maps.Keys(k.Labels))
	for _, name := range labels {
		value, err := stage.NewText(k.Labels[name])
		if err != nil {
			return nil, err
		}
		s.values = append(s.values, value)
	}
	s.series = p.Registry.Series(p.Name, labels)
	return s, nil
}

// Request counts one.
func (s *count) Request(c *stage.Call) stage.Verdict {
	b := c.Scratch[:0]
	for i := range s.values {
		at := len(b)
		b = custom.EndValue(s.values[i].Append(custom.BeginValue(b), c), at)
	}
	c.Scratch = b
	s.series.Add(c.Shard(), b, s.most)
	return stage.Next
}

func (s *count) explain(*stage.Call) said { return goesOn("counts it") }
