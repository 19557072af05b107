package record

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// said is what was found.
func (b *blaming) said() *Blame {
	a := &Blame{
		From: time.Unix(0, b.from).UTC(), Until: b.until.UTC(), Exchanges: b.took.count, Slowest: time.Duration(b.slowest), Tail: b.tail,
	}
	for percent, into := range map[int]*time.Duration{50: &a.P50, 90: &a.P90, 99: &a.P99} {
		if q, ok := b.took.quantile(percent); ok {
			*into = q.Duration()
		}
	}
	for _, f := range b.failures {
		a.Failures = append(a.Failures, *f)
	}
	slices.SortFunc(a.Failures, func(x, y Failure) int {
		return cmp.Or(cmp.Compare(y.Exchanges, x.Exchanges), cmp.Compare(y.Longer, x.Longer),
			cmp.Compare(x.End, y.End), cmp.Compare(x.Status, y.Status))
	})
	a.Failures = a.Failures[:min(len(a.Failures), b.q.Rows)]
	if b.tail != nil {
		b.sayTail(b.tail)
	}
	return a
}

func (b *blaming) sayTail(t *Tail) {
	slow := t.Exchanges + t.Longer
	for p := range Parts {
		if nanos := b.parts[p]; nanos > 0 {
			t.Parts = append(t.Parts, b.part(p, nanos, slow))
		}
	}
	slices.SortFunc(t.Parts, func(x, y PartTime) int { return cmp.Or(cmp.Compare(y.Share, x.Share), cmp.Compare(x.Part, y.Part)) })
	for _, o := range b.shown() {
		t.Backends = append(t.Backends, b.backend(o))
	}
	for _, n := range sortedSums(b.routes, b.q.Rows, cmp.Compare[uint32]) {
		s := b.routes[n]
		t.Routes = append(t.Routes, NameTime{Name: b.c.Names.text(n), Share: b.share(s.nanos), Exchanges: s.exchanges})
	}
	for _, ip := range sortedSums(b.clients, b.q.Rows, netip.Addr.Compare) {
		s := b.clients[ip]
		t.Clients = append(t.Clients, ClientTime{Client: ip, Share: b.share(s.nanos), Exchanges: s.exchanges})
	}
}

// share is the part of the tail's time that nanos are.
func (b *blaming) share(nanos int64) float64 { return ratio(nanos, int64(b.tail.Took)) }

// ratio is a / b; 0 where that is nothing.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// part is what is said of one part.
func (b *blaming) part(p Part, nanos int64, slow int) PartTime {
	t := PartTime{Part: p, Share: b.share(nanos), Mean: time.Duration(nanos / int64(slow))}
	if b.others > 0 {
		t.Usual = time.Duration(b.usual[p] / int64(b.others))
	}
	var most int64
	for o, s := range b.owners {
		if s.of[p] == 0 {
			continue
		}
		t.Backends++
		if s.of[p] > most {
			most, t.Pool, t.Backend = s.of[p], b.c.Names.text(o.pool), b.c.Names.text(o.backend)
		}
	}
	t.BackendShare = ratio(most, nanos)
	return t
}

// backend is what is said of one backend.
func (b *blaming) backend(o owner) BackendTime {
	s := b.owners[o]
	t := BackendTime{
		Pool: b.c.Names.text(o.pool), Backend: b.c.Names.text(o.backend),
		Share: b.share(s.nanos()), Exchanges: s.exchanges, All: s.all, Slow: s.slow,
	}
	for other, sum := range b.owners {
		if other.pool == o.pool && other != o && sum.all > 0 {
			t.Siblings++
			t.SiblingsAll += sum.all
			t.SiblingsSlow += sum.slow
		}
	}
	one, all := b.scales[o], b.pools[o.pool]
	if one == nil || all == nil { // it came to be shown since
		return t
	}
	if one.count >= medianLeast {
		t.Median = one.median(&coarse{})
	}
	if all.count-one.count >= medianLeast {
		t.SiblingsMedian = all.median(one)
	}
	return t
}

// sortedSums are the keys of what has most time, at most rows; compare orders what is the
// same otherwise.
func sortedSums[K comparable](of map[K]*nameSum, rows int, compare func(x, y K) int) []K {
	list := slices.Collect(maps.Keys(of))
	slices.SortFunc(list, func(x, y K) int {
		return cmp.Or(cmp.Compare(of[y].nanos, of[x].nanos), cmp.Compare(of[y].exchanges, of[x].exchanges), compare(x, y))
	})
	return list[:min(len(list), rows)]
}
