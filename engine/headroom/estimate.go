package headroom

import (
	"cmp"
	"slices"
	"time"
)

// Range is by how much the load may grow: times the present one, at most timesMost.
type Range struct{ Low, Times, High float64 }

// Limit is one thing that may run out, and when.
type Limit struct {
	Range

	Kind Kind
	Name string
	// Use of Most, on average now.
	Use, Most float64
	// Told says that there is load enough to tell; else Low alone is, and what it may be at least.
	Told bool
}

// Why an estimate cannot be made.
type Why uint8

// The reasons.
const (
	// Told is none: it can.
	Told Why = iota
	// Young is a process that has not looked for long enough: see SecondsLeast.
	Young
	// Quiet is one that has too little to do: see RequestsLeast and UsedLeast.
	Quiet
)

// What an estimate needs.
const (
	// SecondsLeast is how long a history has to be.
	SecondsLeast = 5
	// RequestsLeast is how many requests that needs.
	RequestsLeast = 200
	// UsedLeast is the share of the processors that they have to use.
	UsedLeast = 0.01
	// HeldLeast is the share of any other limit from which on that is told without.
	HeldLeast = 0.5
)

// What is taken where no target is given: so many times p99, and at least so long.
const (
	TargetTimes = 5
	TargetLeast = time.Millisecond
)

// Estimate is what is known at one moment.
type Estimate struct {
	// Range is that of the first of Limits.
	Range

	Why Why
	// Limits are in the order of their Times; those that cannot be told come last.
	Limits []Limit

	// Seconds is how long the history is, Requests how many ended in it, Rate how many a second
	// now, on average by weight, as is everything below.
	Seconds  float64
	Requests uint64
	Rate     float64

	// P99 and Median are those of the history; 0 with too few requests.
	P99, Median time.Duration
	// Target is what p99 must not pass, Given where that was configured. Beyond says that p99 is
	// above the given one and load has no part in that, so that Target is one of our own.
	Target        time.Duration
	Given, Beyond bool

	// Used of Processors is our use, Others that of others; Constant is there without load.
	Used, Others, Processors, Constant float64
	// Request is the processor time of one, with everything.
	Request time.Duration
	// GC is the share of Used that collects garbage; Delay is how long goroutines that could run
	// have waited to run, the longest 1 %.
	GC    float64
	Delay time.Duration
}

// variability of what a request costs and of how they come, as queueTail has it: exponential
// and random, and what it may be at best and at worst.
const variability, variabilityLeast, variabilityMost = 1.0, 0.5, 4.0

// estimating is an estimate under way.
type estimating struct {
	*history

	out  *Estimate
	cost cost
	idle map[key]float64
	base float64 // what p99 would be without a queue of ours, seconds
}

// Estimate says how much more load there may be. target is what p99 must not pass; 0 is none.
func (m *Meter) Estimate(target time.Duration) Estimate {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := Estimate{Why: Young}
	h := m.historyLocked()
	if h == nil {
		return out
	}
	e := &estimating{history: h, out: &out, cost: m.mu.cost, idle: m.mu.idle}
	e.observe()
	e.aim(target)
	e.processors()
	e.shard()
	for i := range h.last.Loads {
		e.load(i)
	}
	e.rank()
	return out
}

// observe notes what was seen.
func (e *estimating) observe() {
	o, n := e.out, e.last
	o.Seconds = (n.At - e.first.At).Seconds()
	o.Requests = n.Requests - min(e.first.Requests, n.Requests)
	mean := func(f func(*second) float64) float64 { s := e.of(f); return s.mean }
	o.Rate = mean(func(s *second) float64 { return s.rate })
	o.Used = mean(func(s *second) float64 { return s.used })
	o.Others = mean(func(s *second) float64 { return s.others })
	o.GC = min(mean(func(s *second) float64 { return s.gc })/max(o.Used, 1e-9), 1)
	o.Delay = time.Duration(mean(func(s *second) float64 { return float64(s.delay) }))
	o.Processors = n.Processors
	if o.Rate > 0 {
		o.Request = time.Duration(o.Used / o.Rate * float64(time.Second))
	}
	if e.cost.seen {
		o.Constant = min(e.cost.x[0], o.Used)
	}
	if took := n.Durations.Since(&e.first.Durations); took.Count() >= RequestsLeast {
		o.P99, o.Median = took.Within(1-tailShare), took.Within(0.5)
	}
}

// aim chooses the target, and what p99 would be without a queue of ours: p99 less what the queue
// makes of it now, and the median at least, since what requests wait before they are read is in
// nobody's durations.
func (e *estimating) aim(target time.Duration) {
	o := e.out
	l := e.law(0)
	queue := 0.0
	if e.tellsProcessors() {
		queue = queueTail(o.Used/l.room, 1, l.request(o.Used/l.room), variability)
	}
	e.base = max(o.P99.Seconds()-queue, o.Median.Seconds())
	o.Target, o.Given = target, target > 0
	o.Beyond = o.Given && e.base >= target.Seconds()
	if !o.Given || o.Beyond {
		o.Target = max(TargetTimes*o.P99, TargetLeast)
	}
}

// room is what of the processors others leave: as much as is fair, at least.
func (e *estimating) room() float64 {
	return max(e.out.Processors-e.out.Others, e.out.Processors/2, 0.01)
}

func (e *estimating) law(off float64) law {
	sleeps := e.of(func(s *second) float64 { return s.sleeps })
	return e.cost.lawOf(e.out.Used, e.room(), max(e.out.Rate, 1e-9), sleeps.mean, off)
}

// tellsProcessors reports that there is load enough to tell what one costs.
func (e *estimating) tellsProcessors() bool {
	return e.out.Requests >= RequestsLeast && e.out.Used-e.out.Constant >= UsedLeast*e.room() && e.out.Seconds >= SecondsLeast
}

// grows is by how much the load of a law may grow until the tail breaks.
func (e *estimating) grows(of func(off float64) law) Range {
	until := func(l law, variability float64) float64 {
		return l.times(busyUntil(e.out.Target.Seconds()-e.base, 1, l.request(0.9), variability))
	}
	each := e.of(func(s *second) float64 { return s.used / max(s.rate, 1) })
	rate := e.of(func(s *second) float64 { return s.rate })
	off := 2 * each.uncertain() / max(each.mean, 1e-12)
	bursts := rate.deviation() / max(rate.mean, 1e-9)
	return Range{
		Low:   bounded(until(of(-2), variabilityMost) / (1 + off + bursts)),
		Times: bounded(until(of(0), variability)),
		High:  bounded(until(of(2), variabilityLeast) * (1 + off)),
	}
}

func (e *estimating) processors() {
	o := e.out
	l := Limit{Kind: Processors, Use: o.Used, Most: e.room(), Told: e.tellsProcessors()}
	if l.Told {
		l.Range = e.grows(e.law)
	} else {
		l.Low = bounded(l.Most / max(o.Used, 1e-9))
	}
	e.add(l)
}

// unevenLeast is how much more than the others a loop has to do to be a limit by itself.
const unevenLeast = 1.1

// shard is the busiest loop: it has the share of the processor time that it has of the
// requests, and one processor.
func (e *estimating) shard() {
	share, each := e.busiestShard()
	n := float64(len(e.last.Shards))
	if each < RequestsLeast || share*n < unevenLeast || !e.tellsProcessors() {
		return
	}
	of := func(off float64) law {
		l := e.law(off)
		l.used, l.rate, l.sleeps, l.constant = l.used*share, l.rate*share, l.sleeps*share, l.constant*share
		l.room = min(1, l.room)
		return l
	}
	l := of(0)
	e.add(Limit{Kind: Shard, Use: l.used, Most: l.room, Told: true, Range: e.grows(of)})
}

// load is any other limit, by its place in the last sample.
func (e *estimating) load(place int) {
	now := &e.last.Loads[place]
	if now.Most <= 0 {
		return
	}
	use := e.ofLoad(place)
	l := Limit{Kind: now.Kind, Name: now.Name, Use: use.mean, Most: now.Most}
	constant, known := now.Constant, now.Constant >= 0
	if !known {
		constant, known = e.idle[key{now.Kind, now.Name}]
	}
	constant = min(constant, use.mean)
	grows := use.mean - constant
	l.Told = e.out.Seconds >= SecondsLeast && (grows >= 0.02*now.Most || grows >= 1 && now.Kind != Memory)
	switch {
	case !l.Told:
		l.Low = bounded((now.Most - constant) / max(grows, now.Most/timesMost))
	case now.Kind == Memory:
		mean := bounded((now.Most - constant) / max(grows, 1))
		l.Range = Range{Low: bounded(now.Most / max(use.mean, 1)), Times: mean, High: mean}
		if !known { // it may all be there without load
			l.High = timesMost
		}
	case now.Queues && use.served > 0:
		hold := use.mean / use.served
		l.Range = queued(&use.spread, now.Most, hold, e.patience(hold))
	default:
		l.Range = occupied(&use.spread, constant, now.Most)
	}
	e.add(l)
}

// patience is how long one may wait in the queue of a pool, in seconds.
func (e *estimating) patience(hold float64) float64 {
	if e.out.P99 == 0 {
		return (TargetTimes - 1) * hold
	}
	return e.out.Target.Seconds() - e.base
}

// add puts a limit's range in order.
func (e *estimating) add(l Limit) {
	if l.Told {
		l.Low, l.High = min(l.Low, l.Times), max(l.High, l.Times)
	}
	e.out.Limits = append(e.out.Limits, l)
}

// rank puts the first limit first, and says whether there is one.
func (e *estimating) rank() {
	o := e.out
	slices.SortStableFunc(o.Limits, func(a, b Limit) int {
		if a.Told != b.Told {
			if a.Told {
				return -1
			}
			return 1
		}
		if a.Told {
			return cmp.Compare(a.Times, b.Times)
		}
		return cmp.Compare(a.Low, b.Low)
	})
	o.Why = Quiet
	if o.Seconds < SecondsLeast {
		o.Why = Young
		return
	}
	for i := range o.Limits {
		if l := &o.Limits[i]; l.Told && (l.Kind == Processors || l.Use >= HeldLeast*l.Most) {
			o.Why = Told
		}
	}
	if o.Why == Told {
		o.Range = o.Limits[0].Range
	}
}
