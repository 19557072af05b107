// Package picture keeps one picture of the process for all who go on looking at it (GET
// /api/v1/live): one goroutine looks, for as long as anybody reads, finds what has become
// different, and writes that once, whoever many read.
//
// Start reading at Hub. Then look.go (what is looked at, and how often), section.go (how the
// difference is found and written), frame.go (what is kept for readers) and reader.go.
//
// A reader has no queue: it has a place among the last frames, and one that has fallen
// behind these gets a whole picture again. So nobody waits for a reader, and what is kept does not
// grow with how many there are. No loop of the engine takes part: counters are read, and what
// reads them takes the locks that a scrape takes.
// Imported by ctl; imports ctl/api, ctl/feed, pool and pool/safely.
package picture

import (
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/safely"
)

const (
	// Tick is from one look at the counters to the next. A counter is seen half of it later in the mean, and 95 of 100
	// times within 95 % of it, so that with the way to the page most are seen within 100 ms.
	Tick = 50 * time.Millisecond
	// seldomEvery is from one look at everything else to the next, unless an event says that it is time.
	seldomEvery = time.Second
	// rest is how many times as long as a look took nobody looks: so looking takes 1/rest of a core
	// at most, however much there is to see.
	rest = 33
	// eventGap and eventRest bound how often events make it look at everything: that often, and so many
	// times as long as that takes.
	eventGap  = 20 * time.Millisecond
	eventRest = 10
)

// Sources is where the picture comes from; nil ones are left out.
type Sources struct {
	Status   func() api.Status
	Pools    func() []pool.Status
	Readings func(list []pool.Reading) []pool.Reading
	Requests func() uint64
	Traffic  func() api.Traffic
	Routes   func() []api.RouteStatus
	// Events tell that something seldom has changed.
	Events *feed.Feed
}

// Parts are what a reader wants beside the process and its pools.
type Parts uint8

// The parts, which may be added.
const (
	Backends Parts = 1 << iota
	Routes
	partsAll = Backends | Routes
)

// Hub has the picture. Any goroutine may use it.
type Hub struct {
	sources Sources
	running *sync.WaitGroup // counts its goroutine
	asked   chan struct{}   // holds one where a reader needs a look

	// The goroutine alone uses these, one at a time.
	readings   []pool.Reading
	nextSeldom time.Time

	mu struct {
		sync.Mutex
		readers map[*Reader]struct{}
		looks   bool  // the goroutine runs
		ready   Parts // has them, if begun
		begun   bool
		state   state
		frames  frames
	}
}

// New makes one. Nobody looks before the first reader; running counts who looks.
func New(s Sources, running *sync.WaitGroup) *Hub {
	h := &Hub{sources: s, running: running, asked: make(chan struct{}, 1)}
	h.mu.readers = map[*Reader]struct{}{}
	h.mu.state = newState()
	return h
}

// Join adds a reader; ring, which must not wait, is called when there may be something for it.
// Leave ends it.
func (h *Hub) Join(parts Parts, ring func()) *Reader {
	r := &Reader{hub: h, parts: parts & partsAll, ring: ring}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.readers[r] = struct{}{}
	switch {
	case !h.mu.looks:
		h.mu.looks = true
		safely.GoIn(h.running, "picture", h.run)
	case !h.hasLocked(r.parts):
		h.askLocked()
	}
	return r
}

// askLocked has it look now, or find that nobody reads.
func (h *Hub) askLocked() {
	select {
	case h.asked <- struct{}{}:
	default: // it is about to
	}
}

// hasLocked reports that the picture has the parts.
func (h *Hub) hasLocked(parts Parts) bool { return h.mu.begun && h.mu.ready&parts == parts }

// wantedLocked are the parts that anybody wants.
func (h *Hub) wantedLocked() (parts Parts) {
	for r := range h.mu.readers {
		parts |= r.parts
	}
	return parts
}

// isWanted ends looking where nobody reads: what is known is dropped, and the next reader
// starts it anew.
func (h *Hub) isWanted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.mu.readers) > 0 {
		return true
	}
	h.mu.looks, h.mu.begun, h.mu.ready = false, false, 0
	h.mu.state, h.mu.frames = newState(), frames{last: h.mu.frames.last}
	h.readings, h.nextSeldom = nil, time.Time{}
	return false
}

// run looks again and again until nobody reads.
func (h *Hub) run() {
	var told <-chan struct{}
	var events *feed.Reader
	if h.sources.Events != nil {
		events, _ = h.sources.Events.Read("")
		defer events.Close()
		told = events.Wake()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	hurry, last := false, time.Time{}
	var took, tookAll lookTime // at the counters, and at everything
	for {
		select {
		case <-told:
			for e, _ := events.Next(); e != nil; e, _ = events.Next() {
				hurry = true
			}
			timer.Reset(max(0, max(eventGap, eventRest*tookAll.usual())-time.Since(last)))
			continue
		case <-h.asked:
			hurry = true
		case <-timer.C:
		}
		if !h.isWanted() {
			return
		}
		last = time.Now()
		seldom := hurry || !last.Before(h.nextSeldom)
		hurry = false
		safely.Do("picture", func() { h.look(seldom) }, nil)
		if seldom {
			tookAll.add(time.Since(last))
			h.nextSeldom = last.Add(max(seldomEvery, 2*rest*tookAll.usual()))
		} else {
			took.add(time.Since(last))
		}
		timer.Reset(max(Tick, rest*took.usual()))
	}
}

// lookTime is how long the last two looks of a kind took.
type lookTime [2]time.Duration

func (l *lookTime) add(took time.Duration) { l[0], l[1] = took, l[0] }

// usual is the shorter one: a look that was held up says nothing of what one takes.
func (l *lookTime) usual() time.Duration { return min(l[0], l[1]) }
