// Package feed hands on what happens to the process: whoever meets something publishes
// it, and readers of GET /api/v1/events get it, in one order, for as long as it is among
// the last ones.
//
// Start reading at Feed. Publish is for anybody, loops of the engine included: it takes a
// mutex that is held for some copies at most, never waits for a reader, and encodes nothing.
// Imported by ctl and cmd/run; imports ctl/api.
package feed

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// Kept is how many events a reader may be behind, or resume after.
const Kept = 1000

// Feed is the events of one run of the process. Any goroutine may use it.
type Feed struct {
	boot string

	mu struct {
		sync.Mutex
		last    uint64 // the number of the last event; the first one is 1
		ring    [Kept]api.Event
		readers map[*Reader]struct{}
	}
}

// New makes a feed whose boot, the name of this run, nobody else has.
func New() *Feed {
	f := &Feed{boot: strings.ToLower(rand.Text()[:12])}
	f.mu.readers = map[*Reader]struct{}{}
	return f
}

// Boot is the name of this run.
func (f *Feed) Boot() string { return f.boot }

// Publish makes e the next event. e and what it points to are not changed any more.
func (f *Feed) Publish(e api.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last++
	f.mu.ring[f.mu.last%Kept] = e
	for r := range f.mu.readers {
		r.Ring()
	}
}

// id names the event with a number, among those of all runs.
func (f *Feed) id(number uint64) string { return f.boot + "-" + strconv.FormatUint(number, 10) }

// Reader is one who reads, at its own pace: it has no queue, but a place among the events
// that are kept. Next is for one goroutine at a time; Close is called once.
type Reader struct {
	feed *Feed
	wake chan struct{}
	seen uint64 // the number of the last event that it has got, or that it began behind
}

// Read begins behind the event that after names, or with what comes from now on where
// after is empty. missed: there is no such event any more, or it is of another run, and
// the reader begins with what comes.
func (f *Feed) Read(after string) (r *Reader, missed bool) {
	r = &Reader{feed: f, wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.seen = f.mu.last
	if after != "" {
		number, ok := f.numberOf(after)
		missed = !ok || number > f.mu.last || f.mu.last-number > Kept
		if !missed {
			r.seen = number
		}
	}
	f.mu.readers[r] = struct{}{}
	return r, missed
}

// numberOf reads an id of this run.
func (f *Feed) numberOf(id string) (uint64, bool) {
	text, ok := strings.CutPrefix(id, f.boot+"-")
	number, err := strconv.ParseUint(text, 10, 64)
	return number, ok && err == nil && f.id(number) == id
}

// Wake is told when there may be more.
func (r *Reader) Wake() <-chan struct{} { return r.wake }

// Ring tells the reader that there is something, of another source that it has beside the feed. It does
// not wait, and is for any goroutine.
func (r *Reader) Ring() {
	select {
	case r.wake <- struct{}{}:
	default: // it knows
	}
}

// ID is that of the event that the reader has got last: to resume behind it.
func (r *Reader) ID() string { return r.feed.id(r.seen) }

// Next returns the next event, nil where there is none, and how many before it were lost
// because the reader has come too late.
func (r *Reader) Next() (e api.Event, lost uint64) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if behind := f.mu.last - r.seen; behind > Kept {
		lost = behind - Kept
		r.seen += lost
	}
	if r.seen == f.mu.last {
		return nil, 0
	}
	r.seen++
	return f.mu.ring[r.seen%Kept], lost
}

// Close ends it.
func (r *Reader) Close() {
	r.feed.mu.Lock()
	defer r.feed.mu.Unlock()
	delete(r.feed.mu.readers, r)
}
