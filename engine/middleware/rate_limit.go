package middleware

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/engine/limit/shared"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// delaysMax bounds the requests of one stage that wait for their turn: above it they are
// refused, so that they do not cost more than they would have.
const delaysMax = 10_000

// rateLimit refuses what comes faster than its limits, of each key.
type rateLimit struct {
	table *rate.Table
	store *counter // nil: this process counts alone
	keys  []stage.Key
	keyOf []int // of each limit, among keys
	tell  tells

	dryRun    bool
	delayed   atomic.Int64
	reject    *answer.Reject
	undecided *answer.Reject // the store is down, and says so

	place   *Place
	refused *stat.Counter
	idle    sync.Pool // of *rateAsk
}

// counter is a store that outlives a reload.
type counter struct {
	*shared.Store

	failing atomic.Bool // it was said
}

// rateAsk is what one request asks.
type rateAsk struct {
	asks   []rate.Ask
	shared []shared.Key
	value  []byte
}

// tells is what answers say of a limit.
type tells uint8

const (
	tellNothing tells = iota
	tellDraft
	tellLegacy
)

var (
	fieldRetryAfter = stage.NewName("Retry-After")
	fieldPolicy     = stage.NewName(rate.FieldPolicy)
	fieldState      = stage.NewName(rate.FieldState)
	fieldsLegacy    = newNames([]string{rate.FieldLegacyLimit, rate.FieldLegacyRemaining, rate.FieldLegacyReset})
)

func newRateLimit(k *config.StageRateLimit, p *Place) (*rateLimit, error) {
	l := &rateLimit{
		dryRun: k.DryRun,
		tell:   map[string]tells{"draft": tellDraft, "legacy": tellLegacy}[k.Headers],
		reject: answer.New(k.Status, end.RateLimited, ""), undecided: answer.New(k.Status, end.RateStoreFailed, ""),
		place: p, refused: p.Registry.RateLimited(p.Name),
	}
	d := rate.Definition{MaxKeys: k.MaxKeys}
	texts := []string{}
	for _, b := range k.Bounds() {
		if b.Name == "" {
			b.Name = p.Name
		}
		text := joinKey(b.Key)
		at := slices.Index(texts, text)
		if at < 0 {
			key, err := stage.NewKey(b.Key, k.IPv6Prefix)
			if err != nil {
				return nil, err
			}
			at = len(texts)
			texts, l.keys = append(texts, text), append(l.keys, key)
		}
		l.keyOf = append(l.keyOf, at)
		d.Limits = append(d.Limits, rate.Limit{
			Name: b.Name, Rate: b.Rate, Per: b.Per, Burst: min(b.Burst, rate.BurstMax), MaxDelay: k.MaxDelay, BlockFor: k.BlockFor,
		})
	}
	if k.Store != nil && k.Store.Redis.OnFailure != shared.Local.String() {
		d.MaxKeys = 1 // nobody counts here
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	// Another key or prefix of addresses would mix two kinds.
	definition := fmt.Sprintf("rate %#v %d %v %q", d, k.IPv6Prefix, l.keyOf, texts)
	var err error
	l.table, err = Kept(p.Book, p.Name, definition, func() (*rate.Table, error) { return rate.NewTable(d), nil })
	if err == nil && k.Store != nil {
		l.store, err = newCounter(k.Store.Redis, l.table, definition, p)
	}
	n := len(l.keyOf)
	l.idle.New = func() any { return &rateAsk{asks: make([]rate.Ask, n), shared: make([]shared.Key, n)} }
	return l, err
}

// newCounter is the store that was there before, or a new one.
func newCounter(k *config.RedisStore, table *rate.Table, limits string, p *Place) (*counter, error) {
	mode := map[string]shared.Verdict{"local": shared.Local, "open": shared.Open, "closed": shared.Closed}[k.OnFailure]
	own := "store " + limits + definition(k, k.TLS) + string(k.Password)
	return Kept(p.Book, p.Name, own, func() (*counter, error) {
		o := shared.Options{
			Address: k.Address, Username: k.Username, Password: string(k.Password), DB: k.DB, Timeout: k.Timeout,
			Prefix: k.Prefix, OnFailure: mode, Table: table, Lanes: p.Shards,
		}
		if k.TLS != nil {
			c, err := clientTLS(k.TLS)
			if err != nil {
				return nil, fmt.Errorf("store.redis.%w", err)
			}
			if c.ServerName == "" {
				c.ServerName = hostOf(k.Address)
			}
			o.TLS = c
		}
		s, err := shared.New(o)
		if err != nil {
			return nil, fmt.Errorf("store.redis: %w", err)
		}
		return &counter{Store: s}, nil
	})
}

// hostOf is the host of an address, in which a port may be missing.
func hostOf(address string) string {
	if at := strings.LastIndexByte(address, ':'); at >= 0 {
		address = address[:at]
	}
	return strings.Trim(address, "[]")
}

// Request lets a request pass, wait, or refuses it. One that the loop has counted and
// that has to wait comes again in a goroutine, with the end of its wait in the slot.
func (l *rateLimit) Request(c *stage.Call) stage.Verdict {
	if until := *c.Slot(); until != 0 {
		return l.delay(c, time.Duration(int64(until)-c.NowNanos))
	}
	if l.store != nil && !c.MayWait && !l.store.IsDown() {
		return stage.Wait
	}
	a, _ := l.idle.Get().(*rateAsk)
	defer l.idle.Put(a)
	l.prepare(a, c)
	r, by, err := l.take(a, c)
	if errors.Is(err, shared.ErrLeft) {
		return stage.Left
	}
	if by == shared.Shared || by == shared.Local {
		l.note(a, c)
	}
	switch {
	case l.dryRun:
		if !r.Allowed {
			l.place.Stats.Add(c.Shard(), observe.MiddlewareWould)
		}
		return stage.Next
	case by == shared.Open:
		return stage.Next
	case by == shared.Closed:
		return l.refuse(c, a, &r, l.undecided)
	}
	l.say(c, a, &r)
	switch {
	case !r.Allowed:
		return l.refuse(c, a, &r, l.reject)
	case r.Wait > 0 && !c.MayWait:
		*c.Slot() = uint64(socket.After(c.NowNanos, r.Wait))
		return stage.Wait
	case r.Wait > 0:
		return l.delay(c, r.Wait)
	}
	return stage.Next
}

// prepare makes the keys of a request.
func (l *rateLimit) prepare(a *rateAsk, c *stage.Call) {
	missing := false
	for k := range l.keys {
		text, fellBack := l.keys[k].Append(c.Scratch[:0], c)
		c.Scratch = text
		missing = missing || fellBack
		key := rate.KeyBytes(text)
		var name shared.Key
		if l.store != nil {
			name = shared.KeyBytes(text)
		}
		for i, of := range l.keyOf {
			if of == k {
				a.asks[i].Key, a.asks[i].Limit, a.shared[i] = key, i, name
			}
		}
	}
	if missing {
		l.place.Stats.Add(c.Shard(), observe.MiddlewareFailed)
	}
}

// take asks the store, or the table.
func (l *rateLimit) take(a *rateAsk, c *stage.Call) (rate.Result, shared.Verdict, error) {
	if l.store == nil {
		return l.table.Take(c.NowNanos, a.asks), shared.Local, nil
	}
	w := shared.Wait{NowNanos: c.NowNanos, Lane: c.Shard()}
	if c.MayWait {
		p := c.Patience(0)
		w.Left = p.Bell.Rung()
		if by := c.ByNanos(); by != 0 {
			w.AtMost = max(1, time.Duration(by-c.NowNanos))
		}
	}
	r, by, err := l.store.Take(w, a.shared, a.asks)
	if c.MayWait {
		c.NowNanos = socket.Nanos()
	}
	switch {
	case errors.Is(err, shared.ErrLeft):
	case err != nil:
		l.place.Stats.Add(c.Shard(), observe.MiddlewareFailed)
		if !errors.Is(err, shared.ErrDown) && l.store.failing.CompareAndSwap(false, true) { // once, until it answers again
			l.place.Logger.Warn().Err(err).Str("middleware", l.place.Name).Msg("the store of the limits could not be asked")
		}
	case l.store.failing.Load():
		l.store.failing.Store(false)
	}
	return r, by, err
}

// note offers the texts of the keys to those who look at them.
func (l *rateLimit) note(a *rateAsk, c *stage.Call) {
	for i := range a.asks {
		if !l.table.Wants(c.NowNanos, &a.asks[i]) {
			continue
		}
		key := &l.keys[l.keyOf[i]]
		if key.IsWithheld() {
			l.table.Note(c.NowNanos, &a.asks[i], nil)
			continue
		}
		c.Scratch = key.AppendText(c.Scratch[:0], c)
		l.table.Note(c.NowNanos, &a.asks[i], c.Scratch)
	}
}

// say tells the client how it stands.
func (l *rateLimit) say(c *stage.Call, a *rateAsk, r *rate.Result) {
	switch l.tell {
	case tellDraft:
		a.value = l.table.AppendState(a.value[:0], a.asks)
		c.Answer.Add(&fieldPolicy, l.table.Policy())
		c.Answer.Add(&fieldState, a.value)
	case tellLegacy:
		limit, remaining, reset := l.table.Legacy(&a.asks[r.Decided])
		for i, n := range [...]int64{limit, remaining, reset} {
			a.value = rate.AppendInteger(a.value[:0], n)
			c.Answer.Set(&fieldsLegacy[i], a.value)
		}
	case tellNothing:
	}
}

// refuse refuses, and says when to come again.
func (l *rateLimit) refuse(c *stage.Call, a *rateAsk, r *rate.Result, with *answer.Reject) stage.Verdict {
	l.refused.Add(c.Shard(), 1)
	a.value = rate.AppendInteger(a.value[:0], rate.Seconds(r.RetryAfter))
	c.Answer.Set(&fieldRetryAfter, a.value)
	return c.Refuse(with)
}

// delay has a request wait for its turn, which it has been given.
func (l *rateLimit) delay(c *stage.Call, wait time.Duration) stage.Verdict {
	if wait <= 0 {
		return stage.Next
	}
	defer l.delayed.Add(-1)
	if l.delayed.Add(1) > delaysMax {
		a, _ := l.idle.Get().(*rateAsk)
		defer l.idle.Put(a)
		return l.refuse(c, a, &rate.Result{RetryAfter: wait}, l.reject)
	}
	if !c.Sleep(wait) && c.Gone() {
		return stage.Left
	}
	return stage.Next
}
