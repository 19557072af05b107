package headroom

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// Sample is what was seen at one moment. Counters only grow; the meter looks at what came
// between two of them.
type Sample struct {
	// At is when, by a clock that never steps back; where it begins does not matter.
	At time.Duration

	// Requests counts finished exchanges, Shards the same by event loop.
	Requests uint64
	Shards   []uint64
	// Durations are those of these exchanges.
	Durations stat.Snapshot

	// CPU counts the processor time of the process, Switches how often one of its threads went
	// to sleep.
	CPU      time.Duration
	Switches uint64
	// Processors is how many the process may use now, a part of one where a quota says so.
	Processors float64
	// Others counts the time that these were used otherwise, Interrupts that of the kernel for
	// nobody in particular.
	Others, Interrupts time.Duration

	// GC counts the processor time of the garbage collector, Delay is how long the last one of
	// a hundred goroutines that could run has waited to run, since the sample before.
	GC    time.Duration
	Delay time.Duration

	// Loads are all other limits there are, each named once.
	Loads []Load
}

// Load is how much of something is in use at one moment.
type Load struct {
	Kind Kind
	// Name is that of the listener or the pool; empty where there is one of the kind.
	Name string
	// Use of Most, in units of the kind. Queues says that who finds it used up may wait.
	Use, Most float64
	Queues    bool
	// Constant is the part of Use that is there without load; below 0 it is not known, and
	// learnt where the process has nothing to do.
	Constant float64
	// Served counts who has had it, where somebody counts; 0 is nobody.
	Served uint64
}

// key is what a load is known by over samples.
type key struct {
	kind Kind
	name string
}

// load is the one of that key; false without. place is where it was found in another sample, which
// is where it stands as a rule.
func (s *Sample) load(k key, place int) (*Load, bool) {
	if place < len(s.Loads) && s.Loads[place].Kind == k.kind && s.Loads[place].Name == k.name {
		return &s.Loads[place], true
	}
	for i := range s.Loads {
		if l := &s.Loads[i]; l.Kind == k.kind && l.Name == k.name {
			return l, true
		}
	}
	return nil, false
}
