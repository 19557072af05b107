package files

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Bounds of a cache.
const (
	// setsMax sets of waysMax files each are what a cache has room for: a file has its place in
	// one of the sets, by the sum of its path.
	setsMax, waysMax = 256, 4
	// contentMax is the largest file whose content is kept in memory, contentsMax bounds all of
	// them together. Up to openMax a larger one is kept open, up to opensMax of them: what
	// opening one costs is little beside what sending a longer one does, and one that was
	// deleted takes up its room on the disk while it is open.
	contentMax, contentsMax = 64 << 10, 64 << 20
	openMax, opensMax       = 8 << 20, 256
	// often is how many times within a second a file has to be asked for to be kept. A file
	// that is asked for less often is looked up on the disk each time, so who changes it sees
	// the change at once; and one pass over all files does not drive out those that count.
	often = 8
	// freshTime is how long what was found on the disk is believed, staleTime how long by those
	// who come while one of them looks again.
	freshTime, staleTime = 20 * time.Millisecond, 50 * time.Millisecond
	// idleTime is how long a file is kept that nobody asks for, idleTimeFull the same where there
	// is no room for another one; sweepGap lies between two looks for such files.
	idleTime, idleTimeFull = 10 * time.Second, time.Second
	sweepGap               = time.Second
)

// Cache keeps files that are asked for often. Its places are read by every request and
// written when a file comes or goes: each is a pointer by itself, so that readers share
// nothing they write to, and wait for nobody. A file in a place has a hold of the place's;
// whoever takes the file out of there (by Swap or CompareAndSwap: one does) gives it back.
// A reader that has loaded a pointer whose file has gone meanwhile gets no hold, and finds
// nothing: that costs it a look at the disk. Any goroutine may use it.
type Cache struct {
	places   [setsMax * waysMax]atomic.Pointer[File]
	asked    [1024]atomic.Uint64 // see asks
	contents atomic.Int64        // bytes in memory, also of files that have no place any more
	opens    atomic.Int64        // open files, likewise
	sweeping atomic.Bool         // a timer runs
	swept    atomic.Int64        // when room was made last
	closed   atomic.Bool
}

// set are the places of files with a sum.
func (c *Cache) set(sum uint64) []atomic.Pointer[File] {
	at := sum % setsMax * waysMax
	return c.places[at : at+waysMax]
}

// find returns a file with a hold, nil where there is none.
func (c *Cache) find(key *string, path []byte, sum uint64) *File {
	set := c.set(sum)
	for i := range set {
		f := set[i].Load()
		if f != nil && f.sum == sum && f.path == string(path) && (f.key == key || *f.key == *key) && f.hold() {
			return f
		}
	}
	return nil
}

// hasRoom reports that a file of this size may be kept. It is asked before the file is read;
// where it may not, what nobody has asked for lately makes room for those that follow.
func (c *Cache) hasRoom(size, nowNanos int64) bool {
	if size <= contentMax && c.contents.Load()+size <= contentsMax || size > contentMax && c.opens.Load() < opensMax {
		return true
	}
	if last := c.swept.Load(); nowNanos-last >= int64(sweepGap) && c.swept.CompareAndSwap(last, nowNanos) {
		c.sweep(idleTimeFull)
	}
	return false
}

// put gives a file a place, where the bounds allow that.
func (c *Cache) put(f *File) {
	if !c.admit(f) {
		return
	}
	place, was := c.placeFor(f)
	f.refs.Add(1)
	if !place.CompareAndSwap(was, f) { // another file came first, and has as good a right
		f.Release()
		return
	}
	if was != nil {
		was.Release()
	}
	c.sweepLater()
}

// placeFor is the place for a file, and who has it: the same file as it was, nobody, or the
// one whose last look at the disk is the oldest, which was asked for least lately.
func (c *Cache) placeFor(f *File) (place *atomic.Pointer[File], was *File) {
	set := c.set(f.sum)
	for i := range set {
		old := set[i].Load()
		switch {
		case old != nil && old.sum == f.sum && old.path == f.path && *old.key == *f.key:
			return &set[i], old
		case place != nil && was == nil:
		case old == nil || place == nil || old.checkedNanos.Load() < was.checkedNanos.Load():
			place, was = &set[i], old
		}
	}
	return place, was
}

// admit counts a file against the bounds; gone takes it back.
func (c *Cache) admit(f *File) bool {
	if !c.count(f, 1) { // others have come since hasRoom
		c.count(f, -1)
		return false
	}
	f.cache = c
	return true
}

// count adds a file, or takes it away, and reports that the bounds are kept.
func (c *Cache) count(f *File, by int64) bool {
	if f.Content != nil {
		return c.contents.Add(by*int64(len(f.Content))) <= contentsMax
	}
	return c.opens.Add(by) <= opensMax
}

// gone is called when nobody has a hold of f any more.
func (c *Cache) gone(f *File) { c.count(f, -1) }

// drop takes a file out that is not as it was.
func (c *Cache) drop(f *File) {
	set := c.set(f.sum)
	for i := range set {
		if set[i].CompareAndSwap(f, nil) {
			f.Release()
		}
	}
}

// asks counts that a file is asked for and reports that this happens often. Each counter
// holds the upper half of a sum, a second (16 bits), and how many times that file was asked
// for in it (16 bits). Files that share one take it from each other, and updates that meet
// may be lost: then a file is kept later than it might be.
func (c *Cache) asks(sum uint64, nowNanos int64) bool {
	counter := &c.asked[sum%uint64(len(c.asked))]
	now := sum>>32<<32 | uint64(nowNanos/int64(time.Second))&0xffff<<16
	was := counter.Load()
	n := was & 0xffff
	if was&^0xffff != now {
		n = 0
	}
	n = min(n+1, often)
	counter.Store(now | n)
	return n >= often
}

// sweepLater has files go that nobody asks for, as long as there are any.
func (c *Cache) sweepLater() {
	if c.sweeping.Swap(true) {
		return
	}
	safely.After(idleTime, "files", func() {
		left := c.sweep(idleTime)
		c.sweeping.Store(false)
		if left {
			c.sweepLater()
		}
	})
}

// sweep lets files go that nobody has asked for since; true: others are left.
func (c *Cache) sweep(since time.Duration) (left bool) {
	before := socket.Nanos() - int64(since)
	for i := range c.places {
		place := &c.places[i]
		f := place.Load()
		switch {
		case f == nil:
		case f.checkedNanos.Load() >= before && !c.closed.Load():
			left = true
		case place.CompareAndSwap(f, nil):
			f.Release()
		}
	}
	return left
}

// Close lets all files go that nobody sends, and keeps none from here on.
func (c *Cache) Close() {
	c.closed.Store(true)
	c.sweep(0)
}
