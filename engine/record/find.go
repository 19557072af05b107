package record

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query is what is asked of a recorder.
type Query struct {
	Filter

	// Slowest has the slowest first; else those that ended last are.
	Slowest bool
	// Limit bounds the answer.
	Limit int
	// After is where the answer before has ended: a Cursor; empty is the beginning.
	After string
}

// Answer is what was found.
type Answer struct {
	Records []View
	// Next is the After of what follows; empty where nothing does.
	Next string
	// Reach is how far back the records go.
	Reach Reach
}

// Reach says since when everything is kept: all exchanges, and those that ended badly.
type Reach struct{ All, Errors time.Time }

// ErrOff is the answer of a recorder that is off.
var ErrOff = errors.New("the recorder is off")

// CursorError says that an After is not one that was given for such a query.
type CursorError struct{ Cursor string }

// Error says so.
func (e *CursorError) Error() string {
	return fmt.Sprintf("%q is not the cursor of a page that was given in this order", e.Cursor)
}

// position is where a record stands in the order of an answer.
type position struct {
	key    int64 // when it ended, or how long it took
	shard  int
	number uint64
}

// compare has the greater key first. Records of the same one stand in the order of their
// shards, so a record that comes from two rings is its own neighbour.
func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(q.key, p.key), cmp.Compare(p.shard, q.shard), cmp.Compare(q.number, p.number))
}

// orders are how cursors of the two orders begin.
var orders = map[bool]string{false: "n", true: "s"}

// cursor names the position.
func (p position) cursor(slowest bool) string {
	return orders[slowest] + strconv.FormatInt(p.key, 36) + "." + strconv.Itoa(p.shard) + "." + strconv.FormatUint(p.number, 36)
}

// positionOf reads a cursor.
func positionOf(cursor string, slowest bool) (p position, err error) {
	refused := &CursorError{cursor}
	text, ok := strings.CutPrefix(cursor, orders[slowest])
	parts := strings.Split(text, ".")
	if !ok || len(parts) != 3 {
		return p, refused
	}
	var shardErr error
	p.shard, shardErr = strconv.Atoi(parts[1])
	if p.key, err = strconv.ParseInt(parts[0], 36, 64); err != nil || shardErr != nil {
		return p, refused
	}
	if p.number, err = strconv.ParseUint(parts[2], 36, 64); err != nil {
		return p, refused
	}
	return p, nil
}

// Find reads all records and answers with those that are wanted, each once. It takes some
// milliseconds for a hundred thousand records, and gives way to who carries requests.
func (c *Recorder) Find(q *Query) (Answer, error) {
	found := selection{limit: q.Limit, slowest: q.Slowest}
	if q.After != "" {
		var err error
		if found.after, err = positionOf(q.After, q.Slowest); err != nil {
			return Answer{}, err
		}
		found.isAfter = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.rings.Load()
	if kept == nil {
		return Answer{}, ErrOff
	}
	m, may := c.match(&q.Filter)
	reach := newReaching(kept)
	c.eachLocked(func(at place, r *Record) {
		reach.see(at, r)
		if may && m.wants(r) {
			found.add(at, r)
		}
	})
	a := Answer{Reach: reach.reach(kept)}
	found.settle()
	if len(found.best) > q.Limit {
		found.best = found.best[:q.Limit]
		a.Next = found.best[q.Limit-1].cursor(q.Slowest)
	}
	for i := range found.best {
		f := &found.best[i]
		a.Records = append(a.Records, c.view(place{shard: f.shard, number: f.number}, &f.record))
	}
	return a, nil
}

// selection keeps the first records of an order, one more than the limit.
type selection struct {
	limit   int
	slowest bool
	isAfter bool
	after   position
	best    []candidate
}

type candidate struct {
	position

	record Record
}

// slack is how many candidates there may be before they are sorted.
const slack = 1 << 10

// add takes a record, if it may be among them.
func (s *selection) add(at place, r *Record) {
	p := position{key: r.ended(), shard: at.shard, number: at.number}
	if s.slowest {
		p.key = r.Took
	}
	if s.isAfter && s.after.compare(p) >= 0 {
		return
	}
	s.best = append(s.best, candidate{p, *r})
	if len(s.best) >= 2*(s.limit+1)+slack {
		s.settle()
	}
}

// settle sorts the candidates, takes doubles out, and drops those that are too many.
func (s *selection) settle() {
	slices.SortFunc(s.best, func(a, b candidate) int { return a.compare(b.position) })
	s.best = slices.CompactFunc(s.best, func(a, b candidate) bool { return a.position == b.position })
	s.best = s.best[:min(len(s.best), s.limit+1)]
}

// reaching finds how far back the rings of each shard go.
type reaching struct{ oldest [][kinds]int64 }

func newReaching(kept *rings) *reaching {
	r := &reaching{oldest: make([][kinds]int64, len(kept.shards))}
	for i := range r.oldest {
		for k := range kinds {
			r.oldest[i][k] = math.MaxInt64
		}
	}
	return r
}

func (r *reaching) see(at place, rec *Record) {
	oldest := &r.oldest[at.shard][at.kind]
	*oldest = min(*oldest, rec.ended())
}

// reach is since when nothing was dropped in any shard. Errors that were dropped where
// errors are kept may still be among all.
func (r *reaching) reach(kept *rings) Reach {
	all, faults := kept.since, kept.since
	for i := range kept.shards {
		if s := &kept.shards[i]; s.all.isFull() {
			all = later(all, r.oldest[i][kindAll])
		}
		if s := &kept.shards[i]; s.faults.isFull() || s.faults.slots == 0 {
			faults = later(faults, r.oldest[i][kindFaults])
		}
	}
	if faults.After(all) {
		faults = all
	}
	return Reach{All: all.UTC(), Errors: faults.UTC()}
}

// later is the later one of two moments; without a record the second one is now.
func later(t time.Time, nanos int64) time.Time {
	if nanos == math.MaxInt64 {
		return time.Now()
	}
	if at := time.Unix(0, nanos); at.After(t) {
		return at
	}
	return t
}
