package middleware

import (
	"maps"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/limit/rate"
	"github.com/isame-lb/isame-lb/engine/limit/shared"
)

// Limiter is how a stage that limits clients stands.
type Limiter struct {
	Stage, Type string
	DryRun      bool
	MaxKeys     int // known at once at most
	Keys        int // ahead of the clock, or with something in progress
	Evicted     uint64
	// MaxRequests and InProgress are those of concurrency_limit.
	MaxRequests, InProgress int
	// Limits and Fullest are those of rate_limit.
	Limits  []rate.Limit
	Fullest []rate.Standing
	// Store is where instances count together; its address is empty for a stage that
	// counts alone.
	Store        shared.Standing
	StoreAddress string
}

// Limits are the limiters among the stages, by name. It reads their tables, some ten
// milliseconds for a million keys: for those who show them, not for requests.
func (s *Set) Limits(nowNanos int64) []Limiter {
	var all []Limiter
	for _, name := range slices.Sorted(maps.Keys(s.links)) {
		l := s.links[name]
		keys := s.env.Config.Middleware[name].Stage
		switch made := l.any().(type) {
		case *rateLimit:
			k, _ := keys.(*config.StageRateLimit)
			all = append(all, made.limiter(name, k, nowNanos))
		case *concurrencyLimit:
			k, _ := keys.(*config.StageConcurrencyLimit)
			found := Limiter{Stage: name, Type: "concurrency_limit", DryRun: made.dryRun, MaxKeys: k.MaxKeys, MaxRequests: made.most}
			found.InProgress, found.Keys = made.table.InProgress()
			all = append(all, found)
		}
	}
	return all
}

func (l *rateLimit) limiter(name string, k *config.StageRateLimit, nowNanos int64) Limiter {
	found := Limiter{Stage: name, Type: "rate_limit", DryRun: l.dryRun, MaxKeys: k.MaxKeys, Limits: l.table.Limits()}
	if l.store != nil {
		found.Store, found.StoreAddress = l.store.Standing(), k.Store.Redis.Address
	}
	_, found.Evicted = l.table.Counts()
	found.Keys, found.Fullest = l.table.Keys(nowNanos), l.table.Fullest(nowNanos)
	return found
}
