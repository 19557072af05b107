package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/isame-lb/isame-lb/algo"
	"github.com/isame-lb/isame-lb/bench/hist"
)

// never is after everything.
const never = int64(math.MaxInt64)

// failFaster is by what the work of an answer that is an error is divided.
const failFaster = 20

// world is one run: a plan, a scenario and an algorithm.
type world struct {
	Plan
	Scenario
	nowNanos int64
	agenda   agenda
	slots    slots
	waiting  deadlines
	backends []backend
	proxies  []*proxy
	odd      int32    // the backend that goes wrong, or none
	turned   bool     // the second half runs
	hashes   []uint64 // of the keys; empty when nobody hashes
	hotBelow float64  // a request has the hot key with this probability

	// traffic is drawn from at arrivals only and equally often at each, so that
	// all algorithms get the same requests; picks is for the balancers.
	traffic, picks *rand.Rand
	gapNanos       float64 // mean time between two arrivals

	// What is measured, in the second half.
	latency   *hist.H
	lost      uint64
	inFlight  int
	area      float64 // requests in flight, summed over time in nanoseconds
	areaNanos int64   // up to when
	fromNanos int64
	toNanos   int64
}

func newWorld(p Plan, s Scenario, kind algo.Kind) (*world, error) {
	w := &world{
		Plan: p, Scenario: s, odd: none,
		backends: make([]backend, p.Backends), latency: hist.New(hist.Fine),
		traffic: rand.New(rand.NewPCG(p.Seed, 1)), picks: rand.New(rand.NewPCG(p.Seed, 2)),
		hotBelow: s.hot / float64(p.Backends),
	}
	if s.hasOdd() {
		w.odd = int32(p.Backends / 2)
	}
	capacity := 0.0
	weights := make([]uint32, p.Backends)
	for i := range w.backends {
		w.backends[i] = backend{speed: s.speed(i), idle: int32(p.Workers), head: none, tail: none}
		weights[i] = s.weight(i)
		capacity += s.speed(i) * float64(p.Workers)
	}
	w.gapNanos = float64(p.Service) / (capacity * p.Utilisation)
	if kind.UsesHash() {
		w.hashes = hashes(kind, p.Keys)
	}
	for range p.Proxies {
		x, err := newProxy(kind, weights, s.breaker)
		if err != nil {
			return nil, fmt.Errorf("cannot simulate %q: %w", kind, err)
		}
		w.proxies = append(w.proxies, x)
	}
	return w, nil
}

// hashes are those of so many client addresses.
func hashes(kind algo.Kind, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 10<<24+uint32(i))
		a := netip.AddrFrom4(b)
		if kind == algo.IPHash {
			out[i] = algo.HashAddr(a)
		} else {
			out[i] = algo.Hash([]byte(a.String()))
		}
	}
	return out
}

// address is the name of backend i, which the hashing algorithms place it by.
func address(i int) string { return fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255) }

// run lets the requests come and waits for the last answer.
func (w *world) run(ctx context.Context) error {
	left, arrival := w.Requests, w.gap()
	for step := uint(0); ; step++ {
		if step%(1<<16) == 0 && ctx.Err() != nil {
			return fmt.Errorf("cannot go on: %w", context.Cause(ctx))
		}
		due := never
		if left > 0 {
			due = arrival
		}
		planned, deadline := w.agenda.next(), w.waiting.next(&w.slots)
		first := min(due, planned, deadline)
		if left == 0 && len(w.slots.all) == len(w.slots.free) || first == never {
			return nil
		}
		w.nowNanos = first
		var err error
		switch first {
		case planned:
			err = w.happen(w.agenda.pop())
		case deadline:
			err = w.giveUp()
		default:
			left--
			w.arrive(left)
			arrival += w.gap()
		}
		if err != nil {
			return err
		}
	}
}

// gap is the time to the next arrival.
func (w *world) gap() int64 { return int64(w.traffic.ExpFloat64() * w.gapNanos) }

// arrive is a request at its proxy; left are still to come.
func (w *world) arrive(left int) {
	if left == w.Requests/2-1 {
		w.turn()
	}
	if left == 0 {
		w.settleArea()
		w.toNanos = w.nowNanos
	}
	at, r := w.slots.take()
	work, luck, key := w.traffic.ExpFloat64(), w.traffic.Float64(), w.traffic.Float64()
	r.proxy = int32(w.traffic.IntN(len(w.proxies)))
	r.arrivedNanos, r.workNanos, r.measured = w.nowNanos, int64(work*float64(w.Service)), w.turned
	q := algo.Query{Hash: w.hash(key), Random: w.picks.Uint64(), NowNanos: w.nowNanos}
	if r.backend, r.permit = w.proxies[r.proxy].pick(q); r.backend == none {
		w.lose(r)
		w.slots.put(at)
		return
	}
	if r.backend == w.odd && w.turned && luck < w.failing {
		r.fails = true
		r.workNanos /= failFaster
	}
	w.countFlight(r.backend, 1)
	w.waiting.push(deadline{w.nowNanos + int64(w.Timeout), at, r.use})
	b := &w.backends[r.backend]
	if b.idle == 0 {
		b.enqueue(w.slots.all, at)
		return
	}
	b.idle--
	w.serve(b, at)
}

// hash is that of the key which a number below 1 falls on.
func (w *world) hash(key float64) uint64 {
	if len(w.hashes) == 0 {
		return 0
	}
	if key < w.hotBelow {
		return w.hashes[0]
	}
	return w.hashes[int((key-w.hotBelow)/(1-w.hotBelow)*float64(len(w.hashes)))%len(w.hashes)]
}

// serve starts the work of a free worker.
func (w *world) serve(b *backend, at int32) {
	w.agenda.push(w.nowNanos+int64(float64(w.slots.all[at].workNanos)/b.speed), finished, at)
}

func (w *world) happen(e event) error {
	if e.what == woken {
		return w.proxies[e.who].rebuild(w.nowNanos)
	}
	r := &w.slots.all[e.who]
	b := &w.backends[r.backend]
	var err error
	if !r.gone {
		err = w.answer(r)
	}
	w.slots.put(e.who)
	for next := b.dequeue(w.slots.all); next != none; next = b.dequeue(w.slots.all) {
		if !w.slots.all[next].gone {
			w.serve(b, next)
			return err
		}
		w.slots.put(next)
	}
	b.idle++
	return err
}

// answer brings the outcome to proxy and client.
func (w *world) answer(r *request) error {
	switch {
	case r.fails:
		w.lose(r)
	case r.measured:
		w.latency.Record(w.nowNanos - r.arrivedNanos)
	}
	return w.end(r, r.fails)
}

// giveUp ends the request whose client waited longest. Its time is in the
// latencies. The backend learns of it when it comes to its turn.
func (w *world) giveUp() error {
	r := &w.slots.all[w.waiting.queue[w.waiting.head].slot]
	w.waiting.head++
	r.gone = true
	if r.measured {
		w.latency.Record(int64(w.Timeout))
	}
	w.lose(r)
	return w.end(r, true)
}

// end tells the proxy, which may have to change its view.
func (w *world) end(r *request, failed bool) error {
	w.countFlight(r.backend, -1)
	p := w.proxies[r.proxy]
	if !p.done(r, failed, w.nowNanos) {
		return nil
	}
	if b := &p.breakers[r.backend]; b.state == open {
		w.agenda.push(b.untilNanos, woken, r.proxy)
	}
	return p.rebuild(w.nowNanos)
}

func (w *world) lose(r *request) {
	if r.measured {
		w.lost++
	}
}

// turn begins the second half.
func (w *world) turn() {
	w.turned = true
	w.fromNanos, w.areaNanos = w.nowNanos, w.nowNanos
	for i := range w.backends {
		w.backends[i].peak, w.backends[i].taken = w.backends[i].inFlight, 0
	}
	if w.odd != none && w.slower > 0 {
		w.backends[w.odd].speed /= w.slower
	}
}

// countFlight counts a request in or out.
func (w *world) countFlight(at int32, change int) {
	w.settleArea()
	w.inFlight += change
	b := &w.backends[at]
	b.inFlight += change
	b.peak = max(b.peak, b.inFlight)
	if change > 0 {
		b.taken++
	}
}

// settleArea adds what was in flight until now, while arrivals go on.
func (w *world) settleArea() {
	if w.turned && w.toNanos == 0 {
		w.area += float64(w.inFlight) * float64(w.nowNanos-w.areaNanos)
		w.areaNanos = w.nowNanos
	}
}
