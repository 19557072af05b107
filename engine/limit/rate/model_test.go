package rate

import (
	"math/big"
	"sync"
	"testing"
	"time"
)

// model is the law with numbers of any size under one lock: a key is a time in
// nanoseconds, as a fraction.
type model struct {
	mu struct {
		sync.Mutex
		arrival map[[2]int]*big.Rat
		blocked map[[2]int]int64
	}
	limits []Limit
}

func (m *model) ahead(limit, key int, now int64) *big.Rat {
	at := m.mu.arrival[[2]int{limit, key}]
	n := new(big.Rat).SetInt64(now)
	if at == nil || at.Cmp(n) < 0 {
		return new(big.Rat)
	}
	return new(big.Rat).Sub(at, n)
}

func (m *model) interval(limit int) *big.Rat {
	l := &m.limits[limit]
	rate, _ := new(big.Rat).SetString(big.NewFloat(l.Rate).Text('g', 17))
	return new(big.Rat).Quo(new(big.Rat).SetInt64(int64(l.Per)), rate)
}

// take asks limits of one key each; it says for each the time by which it is early,
// negative where it is not.
func (m *model) take(now int64, keys []int) (allowed bool, early []float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	allowed = true
	for limit, key := range keys {
		l, id := &m.limits[limit], [2]int{limit, key}
		by := new(big.Rat).Add(m.ahead(limit, key, now), m.interval(limit))
		by.Sub(by, new(big.Rat).Mul(m.interval(limit), big.NewRat(int64(l.Burst), 1)))
		refused := by.Cmp(big.NewRat(int64(l.MaxDelay), 1)) > 0
		if until := m.mu.blocked[id]; until > now {
			refused = true
			if rest := big.NewRat(until-now, 1); rest.Cmp(by) > 0 {
				by = rest
			}
		} else if refused && l.BlockFor > 0 {
			m.mu.blocked[id] = now + int64(l.BlockFor)
			if rest := big.NewRat(int64(l.BlockFor), 1); rest.Cmp(by) > 0 {
				by = rest
			}
		}
		f, _ := by.Float64()
		early = append(early, f)
		allowed = allowed && !refused
	}
	if allowed {
		for limit, key := range keys {
			next := new(big.Rat).Add(m.ahead(limit, key, now), m.interval(limit))
			m.mu.arrival[[2]int{limit, key}] = next.Add(next, new(big.Rat).SetInt64(now))
		}
	}
	return allowed, early
}

// FuzzTakeAgainstModel lets a few keys of three limits be asked for at any times.
// Decisions are the same but where the model's margin is below what rounding loses.
func FuzzTakeAgainstModel(f *testing.F) {
	f.Add([]byte("0000000000000000000000000000"), 3.0, uint16(5))
	f.Add([]byte("aZ0-q7 q7 q7 q7 /// ~~ 0000000~~~~~~~~~~ 1234567890"), 0.7, uint16(2))
	f.Add([]byte{0, 1, 2, 3, 255, 254, 0, 0, 0, 0, 0, 200, 0, 0, 0, 129}, 1e6, uint16(3))
	f.Fuzz(func(t *testing.T, script []byte, rate float64, burst uint16) {
		limits := []Limit{
			{Rate: rate, Per: time.Second, Burst: int(burst%50) + 1},
			{Rate: 100, Per: time.Minute, Burst: 7, MaxDelay: time.Second},
			{Rate: 5, Per: time.Second, Burst: 9, BlockFor: 3 * time.Second},
		}
		d := Definition{MaxKeys: 1000, Limits: limits}
		if d.Check() != nil || rate < 1e-4 {
			return
		}
		table, m := NewTable(d), model{limits: limits}
		m.mu.arrival, m.mu.blocked = map[[2]int]*big.Rat{}, map[[2]int]int64{}
		now := int64(time.Hour)
		for i, op := range script {
			now += []int64{0, 0, 1, 1e6, 1e8, 1e9, 7e9, 1e11}[op>>5]
			keys := []int{int(op & 1), int(op >> 1 & 1), int(op >> 2 & 1)}
			asks := make([]Ask, len(keys))
			for limit, key := range keys {
				asks[limit] = Ask{Key: KeyString(string(rune('a' + key))), Limit: limit}
			}
			got := table.Take(now, asks)
			want, early := m.take(now, keys)
			if got.Allowed == want {
				continue
			}
			for limit := range limits {
				margin := early[limit] - float64(limits[limit].MaxDelay)
				interval, _ := m.interval(limit).Float64()
				if max(margin, -margin) <= max(2, interval/1e6) {
					return // so near that rounding decides; the two go different ways now
				}
			}
			t.Fatalf("step %d at %v: got %+v; want allowed %v, early by %v ns", i, time.Duration(now), got, want, early)
		}
	})
}
