package record

import "time"

// timescale counts times by their Short: exact up to 2 ms, to 0.1 % above. It takes 256 KB,
// however many there are.
type timescale struct {
	count int
	of    [shortLast + 1]uint32
}

func (t *timescale) add(s Short) {
	t.count++
	t.of[s]++
}

// quantile is the least time that percent of the others are not above; false where fewer
// than aboveLeast would be.
func (t *timescale) quantile(percent int) (Short, bool) {
	below := (t.count*percent + 99) / 100
	if t.count-below < aboveLeast {
		return 0, false
	}
	for s, n := range &t.of {
		if below -= int(n); below <= 0 {
			return Short(s), true
		}
	}
	return shortLast, true
}

// coarse counts times to a 32nd of each, in 8 KB: there is one for each backend that is shown.
type coarse struct {
	count int
	of    [coarseLast + 1]uint32
}

const (
	coarseBits = 6
	coarseLast = 1<<(coarseBits+5) - 1
)

func (c *coarse) add(nanos int64) {
	c.count++
	c.of[scaled(uint64(max(nanos, 0)/int64(time.Microsecond)), coarseBits, coarseLast)]++
}

// median is the middle of the times without those of less, which is a part of c.
func (c *coarse) median(less *coarse) time.Duration {
	below := (c.count - less.count + 1) / 2
	for s := range c.of {
		if below -= int(c.of[s]) - int(less.of[s]); below <= 0 {
			return time.Duration(unscaled(uint64(s), coarseBits)) * time.Microsecond
		}
	}
	return 0
}
