package middleware

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// bandwidthLimit bounds how fast content passes, of each exchange or of all that have the
// same key. Content that has a bound passes in a goroutine.
type bandwidthLimit struct {
	request, response int64 // bytes a second; 0 is no bound
	shared            bool  // by key
	key               stage.Key
	keysMax           int
	stats             *observe.MiddlewareStats

	idle sync.Pool // of *pacer
	mu   struct {
		sync.Mutex
		shared map[rate.Key]*pacer // of exchanges in progress
	}
}

// pacer says how long content has to wait. When what has passed at the rate would be
// through stands in two words, by direction.
type pacer struct {
	of     *bandwidthLimit
	key    rate.Key
	shared int             // exchanges that have it; of.mu guards it
	until  [2]atomic.Int64 // nanos on the clock of NowNanos
}

// bandwidthBurst is how far content may run ahead of its rate: so the first bytes, small
// answers among them, do not wait.
const bandwidthBurst = 100 * time.Millisecond

func newBandwidthLimit(k *config.StageBandwidthLimit, p *Place) (*bandwidthLimit, error) {
	l := &bandwidthLimit{request: int64(k.Request), response: int64(k.Response), shared: len(k.Key) > 0, keysMax: k.MaxKeys, stats: p.Stats}
	var err error
	if l.shared {
		l.key, err = stage.NewKey(k.Key, k.IPv6Prefix)
	}
	l.mu.shared = map[rate.Key]*pacer{}
	return l, err
}

// Request bounds the exchange.
func (l *bandwidthLimit) Request(c *stage.Call) stage.Verdict {
	if l.request == 0 && l.response == 0 {
		return stage.Next
	}
	p := l.acquire(c)
	if !c.Held.Hold(p, 0) {
		p.Release(0)
		l.stats.Add(c.Shard(), observe.MiddlewareFailed)
		return stage.Next
	}
	c.Pacer = p
	return stage.Next
}

// acquire is a pacer of the exchange's own, or that of its key.
func (l *bandwidthLimit) acquire(c *stage.Call) *pacer {
	if !l.shared {
		return l.fresh()
	}
	text, _ := l.key.Append(c.Scratch[:0], c)
	c.Scratch = text
	key := rate.KeyBytes(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.mu.shared[key]
	if p == nil {
		p = l.fresh()
		if len(l.mu.shared) >= l.keysMax {
			return p // its own
		}
		p.key = key
		l.mu.shared[key] = p
	}
	p.shared++
	return p
}

func (l *bandwidthLimit) fresh() *pacer {
	p, _ := l.idle.Get().(*pacer)
	if p == nil {
		p = &pacer{of: l}
	}
	p.shared = 0
	p.until[0].Store(0)
	p.until[1].Store(0)
	return p
}

// Release is the end of an exchange.
func (p *pacer) Release(uint64) {
	l := p.of
	if l.shared {
		l.mu.Lock()
		defer l.mu.Unlock()
		p.shared--
		if p.shared > 0 {
			return
		}
		if l.mu.shared[p.key] == p {
			delete(l.mu.shared, p.key)
		}
	}
	l.idle.Put(p)
}

// Limits reports which directions are bounded.
func (p *pacer) Limits() (request, response bool) { return p.of.request > 0, p.of.response > 0 }

// Delay counts n bytes and is how long the next ones have to wait.
func (p *pacer) Delay(_ *stage.Call, n int, ofRequest bool, nowNanos int64) time.Duration {
	perSecond, until := p.of.response, &p.until[0]
	if ofRequest {
		perSecond, until = p.of.request, &p.until[1]
	}
	took := int64(float64(n) / float64(perSecond) * float64(time.Second))
	for {
		was := until.Load()
		is := max(was, nowNanos) + took
		if until.CompareAndSwap(was, is) {
			return time.Duration(is-nowNanos) - bandwidthBurst
		}
	}
}
