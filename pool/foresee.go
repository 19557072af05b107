package pool

import (
	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/pool/end"
)

// Foresight is what a first attempt would get of a pool.
type Foresight struct {
	// Shares are the parts of such attempts that members get, by Member.Index. They are
	// nil where nobody is picked, and where it cannot be known without a pick.
	Shares []float64
	// Cause is why nobody is picked, end.OK where somebody is.
	Cause end.End
	// Asked reports that Shares are known.
	Asked bool
}

// Foresee says what a first attempt with this query would get as things stand. It takes
// no turn, no permit and no place: it may be asked at any time.
func (p *Pool) Foresee(q Query) Foresight {
	v := p.view.Load()
	f := Foresight{Cause: v.cause}
	if v.first.balancer == nil {
		return f
	}
	shares := algo.Foresee(v.first.balancer, q, len(v.first.members))
	if shares == nil {
		return f
	}
	f.Shares, f.Asked = make([]float64, len(p.members)), true
	for i, share := range shares {
		f.Shares[v.first.members[i].index] = share
	}
	return f
}
