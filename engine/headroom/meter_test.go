package headroom

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const target = 5 * time.Millisecond

// TestKneeOfARandomQueueIsForeseen holds estimates against simulated queues, far below the knee
// and near it: asked is 20 %.
func TestKneeOfARandomQueueIsForeseen(t *testing.T) {
	for _, c := range []struct {
		name      string
		own, wake float64
		draw      func(*rand.Rand) float64
		hidden    bool
		measured  time.Duration // of a wake-up
	}{
		{"M/M/1", 100e-6, 0, exponential, false, 0},
		{"M/M/1 whose wait nobody sees", 100e-6, 0, exponential, true, 0},
		{"M/D/1", 100e-6, 3e-6, always, true, 0},
		{"M/G/1 of two kinds", 100e-6, 3e-6, twoKinds, true, 0},
		{"small requests that wake it up", 20e-6, 5e-6, exponential, true, 0},
		{"large requests", 400e-6, 0, exponential, false, 0},
		{"a machine that is slow to wake up", 90e-6, 50e-6, exponential, true, 25 * time.Microsecond},
	} {
		truth := newQueue(c.own, c.wake, c.draw).knee(target.Seconds())
		for _, share := range []float64{0.25, 0.5, 0.7, 0.9} {
			t.Run(fmt.Sprintf("%s at %.0f%%", c.name, 100*share), func(t *testing.T) {
				q := newQueue(c.own, c.wake, c.draw)
				q.hidden = c.hidden
				var m Meter
				m.Wake(c.measured)
				e := q.meter(&m, share*truth, 20).Estimate(target)
				if e.Why != Told || e.Limits[0].Kind != Processors {
					t.Fatalf("got %+v; want processors", e)
				}
				if got := e.Rate * e.Times; off(got, truth) > 0.2 {
					t.Errorf("got %.0f a second (%.2f x, %.2f-%.2f); want %.0f", got, e.Times, e.Low, e.High, truth)
				}
				if e.Rate*e.Low > 1.05*truth || e.Rate*e.High < 0.95*truth {
					t.Errorf("got %.0f to %.0f; want %.0f between", e.Rate*e.Low, e.Rate*e.High, truth)
				}
			})
		}
	}
}

// TestTargetDecidesWhereTheKneeIs: a tail that may be longer breaks later.
func TestTargetDecidesWhereTheKneeIs(t *testing.T) {
	q := newQueue(400e-6, 0, exponential)
	var m Meter
	q.meter(&m, 500, 20)
	strict, loose := m.Estimate(4*time.Millisecond), m.Estimate(50*time.Millisecond)
	if strict.Times >= 0.8*loose.Times || !strict.Given || strict.Beyond {
		t.Errorf("got %.2f x until 4 ms and %.2f x until 50 ms; want less", strict.Times, loose.Times)
	}
	if e := m.Estimate(0); e.Given || e.Target != max(TargetTimes*e.P99, TargetLeast) {
		t.Errorf("got %v of p99 %v; want five times that", e.Target, e.P99)
	}
	if e := m.Estimate(10 * time.Microsecond); !e.Beyond || e.Times < 1 {
		t.Errorf("got %+v; want that no load is little enough", e)
	}
}

// TestCostOfWakingUpIsLearntFromALoadThatChanges: at one load nobody knows what a machine takes
// to wake up; the range says so, and a change tells.
func TestCostOfWakingUpIsLearntFromALoadThatChanges(t *testing.T) {
	q := newQueue(15e-6, 15e-6, exponential) // five times what is believed at first
	truth := q.knee(target.Seconds())
	var m Meter
	q.meter(&m, 0.2*truth, 30)
	before := m.Estimate(target)
	if before.Rate*before.High < truth*0.75 || before.Rate*before.Low > truth {
		t.Errorf("got %.0f to %.0f; want %.0f about there", before.Rate*before.Low, before.Rate*before.High, truth)
	}
	for range 3 {
		q.meter(&m, 0.4*truth, 15)
		q.meter(&m, 0.2*truth, 15)
	}
	if after := m.Estimate(target); off(after.Rate*after.Times, truth) > 0.2 {
		t.Errorf("got %.0f (before %.0f); want %.0f", after.Rate*after.Times, before.Rate*before.Times, truth)
	}
}

func TestTooLittleLoadIsNotTold(t *testing.T) {
	q := newQueue(100e-6, 3e-6, exponential)
	q.constant = 0.003
	var m Meter
	if e := m.Estimate(0); e.Why != Young || len(e.Limits) != 0 {
		t.Errorf("without a sample: got %+v; want that it is young", e)
	}
	q.meter(&m, 5, 3)
	if e := m.Estimate(0); e.Why != Young {
		t.Errorf("after 3 s: got %+v; want that it is young", e)
	}
	q.meter(&m, 5, 30)
	e := m.Estimate(0)
	if e.Why != Quiet || e.Times != 0 {
		t.Errorf("at 5 requests a second: got %+v; want that it is quiet", e)
	}
	if l := e.Limits[0]; l.Told || l.Low < 10 {
		t.Errorf("got %+v; want what it may grow at least", l)
	}
	q.meter(&m, 2000, 30)
	if e := m.Estimate(0); e.Why != Told {
		t.Errorf("at 2,000 requests a second: got %+v; want an estimate", e)
	}
}

// TestLoadOfOthersLeavesLess: the same use of processors that others have half of.
func TestLoadOfOthersLeavesLess(t *testing.T) {
	times := func(others float64) float64 {
		q := newQueue(100e-6, 0, exponential)
		var m Meter
		for i := range 20 {
			s := q.second(2000)
			s.Processors, s.Others = 2, time.Duration(float64(i)*others*float64(time.Second))
			m.Add(s)
		}
		e := m.Estimate(target)
		return e.Times
	}
	if alone, shared := times(0), times(1); off(shared, alone/2) > 0.1 {
		t.Errorf("got %.2f x alone and %.2f x with another that has one of two; want half", alone, shared)
	}
}

// TestBusiestLoopComesFirst has one of two loops carry three quarters.
func TestBusiestLoopComesFirst(t *testing.T) {
	q := newQueue(100e-6, 0, exponential)
	var m Meter
	for range 20 {
		s := q.second(4000)
		s.Processors, s.Shards = 2, []uint64{s.Requests / 4, s.Requests - s.Requests/4}
		m.Add(s)
	}
	e := m.Estimate(target)
	if e.Limits[0].Kind != Shard || e.Limits[1].Kind != Processors || off(e.Limits[1].Times, 1.5*e.Limits[0].Times) > 0.05 {
		t.Errorf("got %+v; want the busiest loop at two thirds of the processors' times", e.Limits)
	}
}

// TestEstimatesAreSound draws what a process may look like: a range holds its middle, nothing is
// no number, and more load leaves less room.
func TestEstimatesAreSound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		own, wake := math.Exp(r.Float64()*6)*5e-6, r.Float64()*10e-6
		share, aim := r.Float64()*1.1, time.Duration(r.Float64()*float64(20*time.Millisecond))
		last := math.Inf(1)
		for _, more := range []float64{1, 1.5} {
			var m Meter
			s := Sample{Processors: 1 + r.Float64()}
			for i := range 12 {
				came := share * more / own * (0.9 + 0.2*r.Float64())
				s.At += time.Second
				s.Requests += uint64(came)
				s.CPU += time.Duration(came * (own + wake*max(1-share*more, 0)) * 1e9)
				s.Switches += uint64(came * max(1-share*more, 0))
				s.Loads = []Load{{Kind: PoolRequests, Name: "p", Use: r.Float64() * 100, Most: 100, Queues: i%2 == 0, Served: s.Requests}, {Kind: Memory, Use: 1e8, Most: 1e9, Constant: -1}}
				m.Add(&s)
			}
			s.Processors = 1
			e := m.Estimate(aim)
			for _, l := range e.Limits {
				for _, x := range []float64{l.Low, l.Times, l.High} {
					if math.IsNaN(x) || x < 0 || x > timesMost {
						t.Fatalf("own %v wake %v share %v: got %+v", own, wake, share, l)
					}
				}
				if l.Told && (l.Low > l.Times || l.Times > l.High) {
					t.Fatalf("got %+v; want a range in order", l)
				}
				if l.Kind == Processors && l.Told {
					if l.Times > last*1.25 {
						t.Fatalf("own %v wake %v share %v: got %.2f x, and %.2f x with less load", own, wake, share, l.Times, last)
					}
					last = l.Times
				}
			}
		}
	}
}
