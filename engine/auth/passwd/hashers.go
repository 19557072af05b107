package passwd

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// waitingMax bounds those that wait for a place to hash.
const waitingMax = 256

// Hashers bound how many cores hash passwords at once, so that a flood of wrong ones
// leaves the others to serve. All checkers of a process share one.
type Hashers struct {
	places  int64
	free    *semaphore.Weighted // served in the order of coming
	waiting atomic.Int64
}

// NewHashers lets half of the cores hash, and at least one.
func NewHashers() *Hashers { return newHashers(max(1, runtime.GOMAXPROCS(0)/2)) }

func newHashers(places int) *Hashers {
	return &Hashers{places: int64(places), free: semaphore.NewWeighted(int64(places))}
}

// fits computes a hash when there is a place; ok is false where ctx has ended before or
// too many wait already.
func (h *Hashers) fits(ctx context.Context, hash hash, password []byte) (fits, ok bool) {
	if h.waiting.Add(1) > waitingMax {
		h.waiting.Add(-1)
		return false, false
	}
	places := min(hash.threads(), h.places)
	err := h.free.Acquire(ctx, places)
	h.waiting.Add(-1)
	if err != nil {
		return false, false
	}
	defer h.free.Release(places)
	return hash.fits(password), true
}
