package observe

import (
	"slices"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// MirrorOutcome is what has become of a copy of a request.
type MirrorOutcome uint8

// The outcomes.
const (
	// MirrorAnswered was answered, whatever the status.
	MirrorAnswered MirrorOutcome = iota
	// MirrorFailed got no whole answer.
	MirrorFailed
	// MirrorBusy was not sent: as many as allowed are under way.
	MirrorBusy
	// MirrorTooLong was not sent: it is larger than what is kept.
	MirrorTooLong
	// MirrorIncomplete was not sent: the request has ended before its content had come.
	MirrorIncomplete
	mirrorOutcomes
)

// String is the value of the label outcome.
func (o MirrorOutcome) String() string {
	return [...]string{"answered", "failed", "busy", "too_long", "incomplete"}[o]
}

// MirrorResult is what a comparison of two answers has shown.
type MirrorResult uint8

// The results.
const (
	MirrorSame MirrorResult = iota
	MirrorOtherStatus
	MirrorOtherBody
	mirrorResults
)

// String is the value of the label result.
func (r MirrorResult) String() string { return [...]string{"same", "other_status", "other_body"}[r] }

// MirrorExample is one request that two pools have answered in different ways.
type MirrorExample struct {
	Time         time.Time
	RequestID    string
	Method       string
	Target       string
	Status       int // of the answer that the client got, as the backend gave it
	MirrorStatus int
	Result       MirrorResult
}

// mirrorExamplesMax is how many examples are kept of a route.
const mirrorExamplesMax = 32

// MirrorStats are the counters of the copies of one route, and the last examples of answers
// that differ.
type MirrorStats struct {
	outcomes [mirrorOutcomes]*stat.Counter
	results  [mirrorResults]*stat.Counter

	mu struct {
		sync.Mutex
		examples []MirrorExample
		next     int
	}
}

// Add counts a copy.
func (s *MirrorStats) Add(shard int, o MirrorOutcome) { s.outcomes[o].Add(shard, 1) }

// Compared counts a comparison, and keeps e where the answers differ. It takes a lock then.
func (s *MirrorStats) Compared(shard int, r MirrorResult, e *MirrorExample) {
	s.results[r].Add(shard, 1)
	if r == MirrorSame {
		return
	}
	kept := *e
	kept.Result = r
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.examples) < mirrorExamplesMax {
		s.mu.examples = append(s.mu.examples, kept)
		return
	}
	s.mu.examples[s.mu.next] = kept
	s.mu.next = (s.mu.next + 1) % mirrorExamplesMax
}

// Examples are the last requests whose answers differ, the oldest one first.
func (s *MirrorStats) Examples() []MirrorExample {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(s.mu.examples[s.mu.next:], s.mu.examples[:s.mu.next])
}
