package record

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/pool/end"
)

// blaming is a Blame in the making.
type blaming struct {
	c         *Recorder
	q         *BlameQuery
	route     uint32
	isUnknown bool // no record has the route
	from      int64
	until     time.Time

	took     timescale // of all
	slowest  int64
	failures map[failure]*Failure

	tail   *Tail
	above  Short        // of the tail
	parts  [Parts]int64 // of the tail, nanoseconds
	usual  [Parts]int64 // of those that are not in the tail
	others int
	owners map[owner]*ownerSum
	routes map[uint32]*nameSum
	// clients are those that were waited for in most of an exchange.
	clients map[netip.Addr]*nameSum
	scales  map[owner]*coarse // of backends that are shown
	pools   map[uint32]*coarse
}

// owner is a backend of a pool.
type owner struct{ pool, backend uint32 }

// ownerSum is what an owner has.
type ownerSum struct {
	of        [Parts]int64
	exchanges int // of the tail, which it has answered
	all, slow int
}

func (s *ownerSum) nanos() (sum int64) {
	for _, n := range s.of {
		sum += n
	}
	return sum
}

type nameSum struct {
	nanos     int64
	exchanges int
}

type failure struct {
	end    end.End
	status uint16
}

// wants reports a record that is asked for, whatever its time.
func (b *blaming) wants(r *Record) bool {
	return r.Flags&Tunnel == 0 && (b.route == 0 || r.Route == b.route) && r.ended() <= b.until.UnixNano()
}

// each calls see for the records that are wanted of one kind.
func (b *blaming) each(k kind, see func(at place, r *Record)) error {
	c := b.c
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.rings.Load()
	if kept == nil {
		return ErrOff
	}
	if b.isUnknown {
		return nil
	}
	for shard := range kept.shards {
		s := &kept.shards[shard]
		s.ring(k).each(func(r *Record, number uint64) {
			if b.wants(r) {
				see(place{shard, k, number}, r)
			}
		})
		if k == kindSlow {
			s.slowest.see(func(r *Record) {
				if b.wants(r) {
					see(place{shard, k, s.slowest.number}, r)
				}
			})
		}
	}
	return nil
}

// reach finds from when on everything is kept.
func (b *blaming) reach() error {
	c := b.c
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.rings.Load()
	if kept == nil {
		return ErrOff
	}
	reach := newReaching(kept)
	for shard := range kept.shards {
		kept.shards[shard].all.each(func(r *Record, number uint64) { reach.see(place{shard, kindAll, number}, r) })
	}
	all := reach.reach(kept).All
	if b.q.Since.After(all) {
		all = b.q.Since
	}
	b.from = all.UnixNano()
	return nil
}

// measure finds the quantiles, and how exchanges failed.
func (b *blaming) measure() error {
	b.failures = map[failure]*Failure{}
	err := b.each(kindAll, func(_ place, r *Record) {
		if r.ended() < b.from {
			return
		}
		b.took.add(ShortOf(time.Duration(r.Took)))
		b.slowest = max(b.slowest, r.Took)
		if r.isError() {
			b.failed(r).Exchanges++
		}
	})
	for _, k := range []kind{kindFaults, kindRefused} {
		if err == nil {
			err = b.each(k, func(_ place, r *Record) {
				if r.ended() < b.from && b.isSince(r) {
					b.failed(r).Longer++
				}
			})
		}
	}
	b.chooseTail()
	return err
}

// isSince reports a record that did not end too early.
func (b *blaming) isSince(r *Record) bool {
	return b.q.Since.IsZero() || r.ended() >= b.q.Since.UnixNano()
}

func (b *blaming) failed(r *Record) *Failure {
	key := failure{end: r.End}
	if r.End == end.OK {
		key.status = r.Status
	}
	f := b.failures[key]
	if f == nil {
		f = &Failure{End: key.end, Status: int(key.status)}
		b.failures[key] = f
	}
	return f
}

// chooseTail says which part of the exchanges is the tail.
func (b *blaming) chooseTail() {
	for _, percent := range []int{1, 10} {
		if above, ok := b.took.quantile(100 - percent); ok {
			b.tail, b.above = &Tail{Percent: percent, Above: above.Duration()}, above
			return
		}
	}
}

// takeApart finds where the time of the tail went.
func (b *blaming) takeApart() error {
	if b.tail == nil {
		return nil
	}
	b.owners, b.routes, b.clients = map[owner]*ownerSum{}, map[uint32]*nameSum{}, map[netip.Addr]*nameSum{}
	err := b.each(kindAll, func(_ place, r *Record) {
		if r.ended() < b.from {
			return
		}
		s, isSlow := r.split(), ShortOf(time.Duration(r.Took)) >= b.above
		if s.backend != 0 {
			o := b.owner(r.Pool, s.backend)
			o.all++
			if isSlow {
				o.slow++
			}
		}
		if isSlow {
			b.tail.Exchanges++
			b.blame(r, &s)
			return
		}
		b.others++
		for p := range Parts {
			b.usual[p] += s.of[p]
		}
	})
	if err != nil {
		return err
	}
	oldest := b.from
	err = b.each(kindSlow, func(_ place, r *Record) {
		if r.ended() < b.from && b.isSince(r) && ShortOf(time.Duration(r.Took)) >= b.above {
			s := r.split()
			b.tail.Longer++
			b.blame(r, &s)
			oldest = min(oldest, r.ended())
		}
	})
	b.tail.LongerFrom = time.Unix(0, oldest).UTC()
	return err
}

// blame adds an exchange to the tail.
func (b *blaming) blame(r *Record, s *split) {
	b.tail.Took += time.Duration(r.Took)
	for p := range Parts {
		b.parts[p] += s.of[p]
	}
	if s.backend != 0 {
		o := b.owner(r.Pool, s.backend)
		o.exchanges++
		for _, p := range []Part{PartConnect, PartAnswer, PartRelay} {
			o.of[p] += s.of[p]
		}
	}
	for _, spent := range s.retried {
		if spent.backend != 0 {
			b.owner(r.Pool, spent.backend).of[PartRetry] += spent.nanos
		}
	}
	if b.route == 0 {
		addName(b.routes, r.Route, r.Took)
	}
	if waited := s.client(); 2*waited > r.Took {
		ip := r.clientAddr()
		if _, known := b.clients[ip]; known || len(b.clients) < clientsMax {
			addName(b.clients, ip, waited)
		}
	}
}

func (b *blaming) owner(pool, backend uint32) *ownerSum {
	key := owner{pool, backend}
	o := b.owners[key]
	if o == nil {
		o = &ownerSum{}
		b.owners[key] = o
	}
	return o
}

func addName[K comparable](to map[K]*nameSum, key K, nanos int64) {
	s := to[key]
	if s == nil {
		s = &nameSum{}
		to[key] = s
	}
	s.nanos += nanos
	s.exchanges++
}

// compare finds how long the backends that are shown take for any exchange, and their pools.
func (b *blaming) compare() error {
	if b.tail == nil {
		return nil
	}
	b.scales, b.pools = map[owner]*coarse{}, map[uint32]*coarse{}
	for _, o := range b.shown() {
		b.scales[o], b.pools[o.pool] = &coarse{}, &coarse{}
	}
	return b.each(kindAll, func(_ place, r *Record) {
		if r.ended() < b.from {
			return
		}
		of := b.pools[r.Pool]
		if of == nil {
			return
		}
		s := r.split()
		if s.backend == 0 {
			return
		}
		nanos := s.of[PartConnect] + s.of[PartAnswer] + s.of[PartRelay]
		of.add(nanos)
		if one := b.scales[owner{r.Pool, s.backend}]; one != nil {
			one.add(nanos)
		}
	})
}

// shown are the backends with any of the tail's time, those with most of it first.
func (b *blaming) shown() []owner {
	var list []owner
	for o, s := range b.owners {
		if s.nanos() > 0 {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(x, y owner) int {
		return cmp.Or(cmp.Compare(b.owners[y].nanos(), b.owners[x].nanos()), cmp.Compare(x.pool, y.pool), cmp.Compare(x.backend, y.backend))
	})
	return list[:min(len(list), b.q.Rows)]
}
