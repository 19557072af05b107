package middleware

import (
	"strconv"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/limit/inflight"
	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/end"
)

// concurrencyLimit bounds what each key has in progress: from here to the last byte of
// the answer, or the end of the tunnel that the exchange becomes.
type concurrencyLimit struct {
	table  *inflight.Table
	key    stage.Key
	most   int
	dryRun bool
	reject *answer.Reject
	stats  *observe.MiddlewareStats
}

func newConcurrencyLimit(k *config.StageConcurrencyLimit, p *Place) (*concurrencyLimit, error) {
	key, err := stage.NewKey(k.Key, k.IPv6Prefix)
	if err != nil {
		return nil, err
	}
	// What is in progress stays so over a reload; another key would mix two kinds.
	table, err := Kept(p.Book, p.Name, "concurrency "+strconv.Itoa(k.MaxKeys)+" "+strconv.Itoa(k.IPv6Prefix)+" "+joinKey(k.Key),
		func() (*inflight.Table, error) { return inflight.New(k.MaxKeys), nil })
	return &concurrencyLimit{
		table: table, key: key, most: min(k.MaxRequests, inflight.Most), dryRun: k.DryRun,
		reject: answer.New(k.Status, end.ClientConcurrency, "1"), stats: p.Stats,
	}, err
}

func joinKey(parts []string) string {
	var b []byte
	for _, part := range parts {
		b = strconv.AppendQuote(b, part)
	}
	return string(b)
}

// Request takes a place, or refuses. What cannot be counted passes, and is counted as
// failed.
func (l *concurrencyLimit) Request(c *stage.Call) stage.Verdict {
	key, fellBack := l.key.Append(c.Scratch[:0], c)
	c.Scratch = key
	if fellBack {
		l.stats.Add(c.Shard(), observe.MiddlewareFailed)
	}
	place, outcome := l.table.Acquire(uint64(rate.KeyBytes(key)), l.most)
	switch outcome {
	case inflight.Acquired:
		if !c.Held.Hold(l.table, place) {
			l.table.Release(place)
			l.stats.Add(c.Shard(), observe.MiddlewareFailed)
		}
	case inflight.Full:
		l.stats.Add(c.Shard(), observe.MiddlewareFailed)
	case inflight.Refused:
		if !l.dryRun {
			return c.Refuse(l.reject)
		}
		l.stats.Add(c.Shard(), observe.MiddlewareWould)
	}
	return stage.Next
}
