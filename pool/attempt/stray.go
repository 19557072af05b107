package attempt

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Stray bytes are what a backend sends behind an answer, when nobody has asked.
// The usual case is content behind the answer to a HEAD, or behind a 204 or a 304,
// whose end rests on the method or the status alone (RFC 9112 section 6.3): an
// application that sends it all the same does so in the same write, or some
// milliseconds later. What comes while the next request is under way looks like
// its answer, and nothing on the wire tells the two apart: the backend's kernel
// has acknowledged the request by then. So it is time that keeps them apart.
//
//   - After an answer without content the connection is parked: nobody takes it
//     before it has been silent for silenceLeast, or longer where a backend was seen
//     to be later. Meanwhile others are taken, or dialed.
//   - No more than parkRoom connections to a backend are parked; one too many is
//     closed. Only a backend of which provenAfter connections in a row were silent
//     after answers of that kind, since it was last seen to send stray bytes, gets
//     such a connection used again at once, and only beyond parkRoomProven of them
//     in that time: so a backend that says 204 ten thousand times a second costs
//     its share of dials in the first seconds, and none afterwards.
//   - After an answer with content nothing is parked, or no connection could be used
//     again at once, until a backend is seen to send bytes behind one. From then
//     on it has to prove the contrary as above.
//   - Bytes that come while a connection waits, parked or not, end it; so do
//     those that come with the answer before. They are looked for when they come,
//     and once more when the connection is taken: Conn.look.
//   - First bytes on a connection in use again that are no answer are repeated on
//     a fresh one, and so is an answer that was sent before the backend had the
//     request, where the kernel can tell: ReusedBad, Attempt.unasked.
//
// What is guaranteed: no request meets bytes that came less than a second after an
// answer without content, unless the backend had proven itself and has changed.
// What cannot be: to tell well-formed answers nobody asked for, behind an answer
// with content, from the one that is awaited, if they come while it is, from a
// backend that never did this before. One request may get such an answer then;
// as its own comes behind it, the backend is found out.
//
// The zero value holds, but for owed: see newStrays.
type strays struct {
	// owed is how many connections have to be silent before the backend is trusted
	// with the others, by what the end of the answer before rests on. Read at every
	// answer, written rarely.
	owed        [endedBys]atomic.Int32
	latestNanos atomic.Int64 // the most a stray byte was seen to be late
	log         zerolog.Logger
	named       atomic.Bool
	_           [64]byte
	parked      atomic.Int32 // connections, of all shards
}

const (
	silenceLeast = time.Second
	silenceMost  = 10 * time.Second
	// provenAfter is the number of silent connections that make a backend trusted.
	provenAfter = 32
	// parkRoom bounds the connections that are parked at once: a backend with a
	// thread for each must not lose all of them.
	parkRoom = 32
	// parkRoomProven is parkRoom for a backend that is trusted: enough to notice that
	// it has changed, and to spare those who ask seldom even the remaining doubt.
	parkRoomProven = 8
	// parkTick is the most a connection is parked for too long, so that one look
	// serves several.
	parkTick = 20 * time.Millisecond
)

// endedBy is what the end of an answer rests on.
type endedBy uint8

const (
	endsByFraming endedBy = iota // a length, or chunks
	endsByHEAD                   // the method
	endsBy204
	endsByStatus // 304
	endedBys
)

// String is the word for the log.
func (e endedBy) String() string {
	return [endedBys]string{"an answer with content", "HEAD", "204", "304"}[e]
}

// endingOf is what the end of an answer rests on.
func endingOf(h *wire.ResponseHead, toHEAD bool) endedBy {
	switch {
	case h.Framing != wire.NoBody:
		return endsByFraming
	case toHEAD:
		return endsByHEAD
	case h.Status == statusNoContent:
		return endsBy204
	}
	return endsByStatus
}

const (
	statusSwitching = 101
	statusNoContent = 204
)

func (s *strays) begin(log zerolog.Logger) {
	s.log = log
	for e := endsByFraming + 1; e < endedBys; e++ {
		s.owed[e].Store(provenAfter)
	}
}

// doubts reports that what comes behind an answer that ends so has to be waited for.
func (s *strays) doubts(e endedBy) bool { return e != endsByFraming || s.owed[e].Load() > 0 }

// silence is how long nothing may have come.
func (s *strays) silence() int64 {
	return min(max(int64(silenceLeast), 2*s.latestNanos.Load()), int64(silenceMost))
}

// silent counts a connection on which nothing came.
func (s *strays) silent(e endedBy) {
	if left := s.owed[e].Load(); left > 0 {
		s.owed[e].CompareAndSwap(left, left-1) // one that is lost is not missed
	}
}

// met is told of stray bytes behind an answer that ends so; lateNanos is how late
// they were, 0 where that is not known.
func (s *strays) met(e endedBy, lateNanos int64) {
	s.owed[e].Store(provenAfter)
	if lateNanos > int64(silenceMost)/2 {
		lateNanos = 0 // the answer has nothing to do with it
	}
	for old := s.latestNanos.Load(); old < lateNanos && !s.latestNanos.CompareAndSwap(old, lateNanos); {
		old = s.latestNanos.Load()
	}
	s.name(e)
}

// metWith is told of stray bytes that came with the answer, whose connection ends
// with it. Where that has a length it is the length that is wrong, most of the time:
// the fault of one page, which is no reason to doubt all of them.
func (s *strays) metWith(e endedBy) {
	if e == endsByFraming {
		s.name(e)
		return
	}
	s.met(e, 0)
}

// name tells of the backend, once.
func (s *strays) name(e endedBy) {
	if s.named.Load() || s.named.Swap(true) {
		return
	}
	s.log.Warn().Stringer("after", e).Msg("the backend sends bytes behind its answers: such connections are closed, " +
		"and others wait until they have been silent")
}

// enter takes a place among the parked connections, if there is one.
func (s *strays) enter(proven bool) bool {
	room := int32(parkRoom)
	if proven {
		room = parkRoomProven
	}
	if s.parked.Add(1) <= room {
		return true
	}
	s.parked.Add(-1)
	return false
}
