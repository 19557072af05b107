package middleware

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sessions remembers which backend has issued a value, in a table of fixed size: of two
// values that cannot both stay, the one goes that was not seen for longer. Nothing of a
// value is kept but a keyed hash. Any goroutine may use it; finding takes no lock.
//
// A way is two words. The first one holds, all at once, the tag, which is 48 bits of the
// hash, and the number of the backend; 0 is empty. Storing it publishes the session. The
// second one is when it was last seen, and may be read with the first one of another
// session: that one lives, or goes, a little longer or earlier than it should. Sets are
// chosen by 14 other bits, so a value that was never issued is taken for one that was by
// one request of 2^59.
type sessions struct {
	seed  maphash.Seed
	sets  []sessionSet
	ttl   atomic.Int64 // seconds
	names atomic.Pointer[[]string]
	mu    sync.Mutex // of who adds to names
}

const (
	sessionWays    = 8
	sessionSetBits = 14
	// sessionsMax is how many sessions there is room for, in 1.5 MiB.
	sessionsMax = sessionWays << sessionSetBits
	// sessionPlaceBits is how much of a word is the number of a backend.
	sessionPlaceBits = 16
	// sessionPlacesMax bounds the backends that sessions are of; sessions of further ones
	// are not remembered.
	sessionPlacesMax = 1<<sessionPlaceBits - 1
)

type sessionSet struct {
	words [sessionWays]atomic.Uint64
	seen  [sessionWays]atomic.Uint32 // seconds of the clock
}

func newSessions() *sessions {
	s := &sessions{seed: maphash.MakeSeed(), sets: make([]sessionSet, 1<<sessionSetBits)}
	s.names.Store(&[]string{""})
	return s
}

// session is the hash of a value; 0 is none.
func (s *sessions) session(value []byte) uint64 {
	if len(value) == 0 {
		return 0
	}
	return max(maphash.Bytes(s.seed, value), 1)
}

func (s *sessions) set(session uint64) *sessionSet { return &s.sets[session>>(64-sessionSetBits)] }

func tagOf(session uint64) uint64 { return session << sessionPlaceBits }

func sameTag(word, session uint64) bool {
	return word>>sessionPlaceBits == tagOf(session)>>sessionPlaceBits && word != 0
}

func secondsOf(nanos int64) uint32 { return uint32(nanos / int64(time.Second)) }

// isOver reports that a session was not seen for too long.
func (s *sessions) isOver(seen, now uint32) bool { return int64(now)-int64(seen) > s.ttl.Load() }

// find is the backend of a session, "" when it is not known, and notes that it was seen.
func (s *sessions) find(session uint64, nowNanos int64) string {
	set, now := s.set(session), secondsOf(nowNanos)
	for i := range set.words {
		word := set.words[i].Load()
		if !sameTag(word, session) {
			continue
		}
		seen := set.seen[i].Load()
		if s.isOver(seen, now) {
			return ""
		}
		if seen != now {
			set.seen[i].Store(now)
		}
		return (*s.names.Load())[word&sessionPlacesMax]
	}
	return ""
}

// learn notes whose a session is.
func (s *sessions) learn(session uint64, backend string, nowNanos int64) {
	place := s.place(backend)
	if place == 0 {
		return
	}
	set, now, at := s.set(session), secondsOf(nowNanos), 0
	oldest := int64(-1)
	for i := range set.words {
		word, seen := set.words[i].Load(), set.seen[i].Load()
		if sameTag(word, session) {
			at = i
			break
		}
		age := int64(now) - int64(seen)
		if word == 0 || s.isOver(seen, now) {
			age = 1 << 40
		}
		if age > oldest {
			at, oldest = i, age
		}
	}
	set.seen[at].Store(now)
	set.words[at].Store(tagOf(session) | place)
}

// forget forgets a session.
func (s *sessions) forget(session uint64) {
	set := s.set(session)
	for i := range set.words {
		if word := set.words[i].Load(); sameTag(word, session) {
			set.words[i].CompareAndSwap(word, 0)
		}
	}
}

// place is the number of a backend, 0 where there is no room for one more.
func (s *sessions) place(backend string) uint64 {
	if i := slices.Index(*s.names.Load(), backend); i >= 0 {
		return uint64(i)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := *s.names.Load()
	if i := slices.Index(names, backend); i >= 0 {
		return uint64(i)
	}
	if len(names) > sessionPlacesMax {
		return 0
	}
	names = append(slices.Clone(names), backend)
	s.names.Store(&names)
	return uint64(len(names) - 1)
}
