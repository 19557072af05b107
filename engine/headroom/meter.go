package headroom

import (
	"math"
	"sync"
	"time"
)

const (
	// kept is how many samples there are: a minute, and the one that it begins with.
	kept = 61
	// fades is how long ago a second weighs 1/e of the last one.
	fades = 20.0
)

// Meter keeps what was seen, for who asks. Add is for one goroutine, Estimate for any. The zero
// value has seen nothing.
type Meter struct {
	mu struct {
		sync.Mutex
		ring  [kept]Sample // the newest at (taken-1) % kept
		taken int
		cost  cost
		idle  map[key]float64 // use of what has an unknown constant, without load
	}
}

// Wake says what a thread's sleep and wake-up cost on this machine, as look.Wake has measured it; at most 0 is unknown. It
// is for before the second sample.
func (m *Meter) Wake(takes time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.cost.measured = max(takes, 0).Seconds()
}

// Add takes a sample; the meter keeps what it refers to.
func (m *Meter) Add(s *Sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.taken > 0 {
		before := &m.mu.ring[(m.mu.taken-1)%kept]
		if s.At <= before.At {
			return
		}
		now := between(before, s)
		m.mu.cost.add(now.used, now.rate, now.sleeps)
		if now.rate == 0 {
			m.learnIdleLocked(s)
		}
	}
	m.mu.ring[m.mu.taken%kept] = *s
	m.mu.taken++
}

// learnIdleLocked notes what is used without load.
func (m *Meter) learnIdleLocked(s *Sample) {
	for i := range s.Loads {
		l := &s.Loads[i]
		if l.Constant >= 0 {
			continue
		}
		if m.mu.idle == nil {
			m.mu.idle = map[key]float64{}
		}
		m.mu.idle[key{l.Kind, l.Name}] = l.Use
	}
}

// second is what came between two samples: rates a second, shares in processors.
type second struct {
	weight, length     float64
	rate, used, sleeps float64
	others, gc         float64
	delay              time.Duration
}

// between makes one. The kernel's time for nobody in particular is ours as far as the rest of
// the busy time is: it is the network's, and grows with the load.
func between(before, s *Sample) second {
	length := (s.At - before.At).Seconds()
	per := func(was, is time.Duration) float64 { return max(is-was, 0).Seconds() / length }
	n := second{
		length: length,
		rate:   float64(s.Requests-min(before.Requests, s.Requests)) / length,
		used:   per(before.CPU, s.CPU),
		sleeps: float64(s.Switches-min(before.Switches, s.Switches)) / length,
		others: per(before.Others, s.Others),
		gc:     per(before.GC, s.GC),
		delay:  s.Delay,
	}
	if busy := n.used + n.others; busy > 0 {
		kernel := per(before.Interrupts, s.Interrupts)
		n.used, n.others = n.used+kernel*n.used/busy, n.others+kernel*n.others/busy
	}
	return n
}

// history is the minute that an estimate rests on.
type history struct {
	first, last *Sample
	samples     []*Sample // oldest first
	seconds     []second  // one less
	weights     float64   // of seconds, together
	looks       float64   // how many equal ones they stand for
}

// historyLocked is nil where there is none.
func (m *Meter) historyLocked() *history {
	n := min(m.mu.taken, kept)
	if n < 2 {
		return nil
	}
	h := &history{}
	for i := range n {
		h.samples = append(h.samples, &m.mu.ring[(m.mu.taken-n+i)%kept])
	}
	h.first, h.last = h.samples[0], h.samples[n-1]
	squares := 0.0
	for i := range n - 1 {
		s := between(h.samples[i], h.samples[i+1])
		s.weight = s.length * math.Exp(-(h.last.At-h.samples[i+1].At).Seconds()/fades)
		h.weights += s.weight
		squares += s.weight * s.weight
		h.seconds = append(h.seconds, s)
	}
	h.looks = h.weights * h.weights / squares
	return h
}

// of is the weighted mean and spread of something over the seconds.
func (h *history) of(f func(*second) float64) spread {
	s := spread{looks: h.looks}
	for i := range h.seconds {
		s.mean += h.seconds[i].weight * f(&h.seconds[i]) / h.weights
	}
	for i := range h.seconds {
		s.variance += h.seconds[i].weight * square(f(&h.seconds[i])-s.mean) / h.weights
	}
	return s
}

// holding is how a load stood over the minute.
type holding struct {
	spread

	served float64 // how many a second have had it; 0 where nobody counts
}

// ofLoad is that of the load that stands at a place of the last sample; seconds in which it was
// not there do not count. Its variance is that of neighbouring seconds, so that a load that
// grows is not taken for one that varies.
func (h *history) ofLoad(place int) holding {
	now := &h.last.Loads[place]
	k := key{now.Kind, now.Name}
	var s holding
	var weights, squares, pairs, counted float64
	for i := range h.seconds {
		l, there := h.samples[i+1].load(k, place)
		if !there {
			continue
		}
		weight := h.seconds[i].weight
		s.mean += weight * l.Use
		weights += weight
		squares += weight * weight
		before, was := h.samples[i].load(k, place)
		if !was || l.Served < before.Served {
			continue
		}
		s.served += weight * float64(l.Served-before.Served) / h.seconds[i].length
		counted += weight
		if i > 0 {
			s.variance += weight * square(l.Use-before.Use) / 2
			pairs += weight
		}
	}
	s.mean /= max(weights, 1e-9)
	s.variance /= max(pairs, 1e-9)
	s.served /= max(counted, 1e-9)
	s.looks = weights * weights / max(squares, 1e-9)
	return s
}

// busiestShard is the share of the busiest event loop of the requests, and how many each has
// had on average; 0 with one alone.
func (h *history) busiestShard() (share, each float64) {
	n := min(len(h.first.Shards), len(h.last.Shards))
	if n < 2 {
		return 0, 0
	}
	counts := make([]float64, n)
	total := 0.0
	for i := range h.seconds {
		before, now := h.samples[i].Shards, h.samples[i+1].Shards
		for k := range min(n, len(before), len(now)) {
			came := float64(now[k] - min(before[k], now[k]))
			counts[k] += came
			total += came
		}
	}
	for _, c := range counts {
		share = max(share, c/max(total, 1))
	}
	return share, total / float64(n)
}
