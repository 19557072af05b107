package limit

import (
	"net/netip"
	"time"

	"github.com/isame-lb/isame-lb/engine/limit/rate"
)

// Arrivals bounds how many connections of one client address begin within a second. It
// is touched when a connection opens, never by a request. nil bounds nothing; any
// goroutine may use it.
type Arrivals struct {
	table     *rate.Table
	perSecond int
}

// arrivalsMax is how many addresses are known, in 36 bytes each: rate.Table says who is
// forgotten when there are more, which is nobody who was just refused.
const arrivalsMax = 1 << 16

// NewArrivals lets so many pass in a second, nil where that is 0. It is before where that
// bounds the same, so that a reload forgets nobody.
func NewArrivals(perSecond int, before *Arrivals) *Arrivals {
	perSecond = min(perSecond, rate.BurstMax/2)
	switch {
	case perSecond <= 0:
		return nil
	case before != nil && before.perSecond == perSecond:
		return before
	}
	return &Arrivals{perSecond: perSecond, table: rate.NewTable(rate.Definition{
		MaxKeys: arrivalsMax, Limits: []rate.Limit{{Rate: float64(perSecond), Per: time.Second, Burst: perSecond}},
	})}
}

// Pass counts one more connection of ip unless it has had as many as it may. Addresses
// count as those of Addresses do; who has none, as on a unix socket, always passes.
// nowNanos is the clock of all callers.
func (a *Arrivals) Pass(ip netip.Addr, nowNanos int64) bool {
	if a == nil || !ip.IsValid() {
		return true
	}
	text := countedAs(ip).As16()
	asks := [1]rate.Ask{{Key: rate.KeyBytes(text[:])}}
	return a.table.Take(nowNanos, asks[:]).Allowed
}
