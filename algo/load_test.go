package algo

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"
)

// lockedEWMA is the law of Load with a lock and math.Exp.
type lockedEWMA struct {
	sync.Mutex
	value float64
	tick  int64
	seen  bool
}

func (e *lockedEWMA) at(now int64) float64 {
	e.Lock()
	defer e.Unlock()
	elapsed := max(0, now>>tickShift-e.tick)
	return e.value * math.Exp(-float64(elapsed<<tickShift)/tauNanos)
}

func (e *lockedEWMA) observe(now, latency int64) {
	current := e.at(now)
	e.Lock()
	defer e.Unlock()
	elapsed := max(0, now>>tickShift-e.tick)
	keep := math.Exp(-float64(elapsed<<tickShift) / tauNanos)
	if e.seen && elapsed == 0 && float64(latency) <= current {
		return
	}
	e.value = max(float64(latency), current+float64(latency)*(1-keep))
	if !e.seen {
		e.value = float64(latency)
	}
	e.seen = true
	e.tick += elapsed
}

func TestEWMAFollowsTheLockedTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var load Load
		now := rng.Int64N(1e15)
		twin := lockedEWMA{tick: now >> tickShift}
		for step := range 2000 {
			now += []int64{0, 1e3, 1e6, 5e7, 1e9, 1e10}[rng.IntN(6)] * rng.Int64N(3)
			latency := 1 + rng.Int64N(1e9)
			load.Observe(now, latency)
			twin.observe(now, latency)
			later := now + rng.Int64N(3e10)
			got, want := load.EWMA(later), twin.at(later)
			if math.Abs(got-want) > want*0.01+1 {
				t.Fatalf("step %d: got %g; want %g", step, got, want)
			}
		}
	}
}

func TestEWMA(t *testing.T) {
	const tau = int64(tauNanos)
	t.Run("unmeasured is zero", func(t *testing.T) {
		if got := new(Load).EWMA(5); got != 0 {
			t.Errorf("got %g", got)
		}
	})
	t.Run("peak counts at once", func(t *testing.T) {
		var l Load
		l.Observe(0, 1e6)
		l.Observe(10, 5e8)
		if got := l.EWMA(10); math.Abs(got-5e8) > 100 {
			t.Errorf("got %g; want 5e8", got)
		}
	})
	t.Run("falls to 1/e in tau", func(t *testing.T) {
		var l Load
		l.Observe(0, 1e9)
		if got := l.EWMA(tau); math.Abs(got/1e9-1/math.E) > 1e-3 {
			t.Errorf("got %g", got)
		}
		if got := l.EWMA(20 * tau); got != 0 {
			t.Errorf("after 20 tau: got %g; want 0", got)
		}
	})
	t.Run("steady latency is met", func(t *testing.T) {
		var l Load
		l.Observe(0, 1e9)
		for now := int64(0); now < 10*tau; now += 1e6 {
			l.Observe(now, 1e6)
		}
		if got := l.EWMA(10 * tau); math.Abs(got-1e6) > 1e5 {
			t.Errorf("got %g; want about 1e6", got)
		}
	})
	t.Run("a clock that is behind changes nothing", func(t *testing.T) {
		var l Load
		l.Observe(1e10, 1e6)
		l.Observe(5e9, 5e5)
		if got := l.EWMA(0); math.Abs(got-1e6) > 1 {
			t.Errorf("got %g; want 1e6", got)
		}
	})
	t.Run("time may wrap", func(t *testing.T) {
		var l Load
		now := int64(1)<<(32+tickShift) - 1
		l.Observe(now, 1e6)
		if got := l.EWMA(now + 1e7); got < 9.9e5 || got > 1e6 {
			t.Errorf("got %g; want about 1e6", got)
		}
	})
}

func TestBeginEnd(t *testing.T) {
	var l Load
	l.Begin()
	l.Begin()
	l.End(0, -1)
	if got := l.InFlight.Load(); got != 1 || l.EWMA(0) != 0 {
		t.Errorf("in flight %d, latency %g; want 1 and nothing learnt", got, l.EWMA(0))
	}
	l.End(0, 0)
	if got := l.InFlight.Load(); got != 0 || l.EWMA(0) != 1 {
		t.Errorf("in flight %d, latency %g; want 0 and the least latency", got, l.EWMA(0))
	}
}

func TestFadeIsClose(t *testing.T) {
	last := 1.0
	for ticks := range uint32(20_000 * 16) {
		x := float64(ticks) * (1 << tickShift) / tauNanos
		got, want := fade(ticks), math.Exp(-x)
		if math.Abs(got-want) > 1e-4 || got > last+1e-5 {
			t.Fatalf("fade(%d) = %g after %g; want %g", ticks, got, last, want)
		}
		last = got
	}
}

// TestLayout: what every pick writes shares its cache lines with nothing.
func TestLayout(t *testing.T) {
	const line = 64
	var l Load
	if at := unsafe.Offsetof(l.InFlight); at < line || unsafe.Sizeof(l)-at < 2*line {
		t.Errorf("Load.InFlight at %d of %d bytes", at, unsafe.Sizeof(l))
	}
	if unsafe.Offsetof(l.latency)-unsafe.Offsetof(l.InFlight) != 8 {
		t.Error("the two words of Load are not neighbours")
	}
	var u turn
	if at := unsafe.Offsetof(u.count); at < line || unsafe.Sizeof(u)-at < 2*line {
		t.Errorf("turn.count at %d of %d bytes", at, unsafe.Sizeof(u))
	}
	var s loadSum
	if at := unsafe.Offsetof(s.next); at < line || unsafe.Sizeof(s)-at < 2*line {
		t.Errorf("loadSum.next at %d of %d bytes", at, unsafe.Sizeof(s))
	}
	if size := unsafe.Sizeof(Query{}); size != 40 {
		t.Errorf("Query has %d bytes; want 40, five registers", size)
	}
}
