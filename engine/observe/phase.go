package observe

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// Phase is what the time of a connection or an exchange goes by in.
type Phase uint8

// The phases.
const (
	// PhaseAccept is from when a connection was accepted to its first byte.
	PhaseAccept Phase = iota
	// PhaseTLS is a handshake that has led to keys.
	PhaseTLS
	// PhaseClient is the wait for the rest of a request: its head, its content.
	PhaseClient
	// PhaseQueue is the wait for a turn in a pool.
	PhaseQueue
	// PhaseConnect is the wait for a new connection to a backend.
	PhaseConnect
	// PhaseFirstByte is from then to the head of the answer.
	PhaseFirstByte
	// PhaseRelay is from that to the end of the exchange.
	PhaseRelay
	phases
)

// listedPhase is what is known of a Phase.
type listedPhase struct{ word, text string }

var listedPhases = [phases]listedPhase{ //nolint:gochecknoglobals // read-only table
	PhaseAccept: {"accept", "from when a connection over TCP was accepted to its first byte; a PROXY header counts as one"},
	PhaseTLS:    {"tls", "a handshake with a client that has led to keys, over TCP"},
	PhaseClient: {"client", "the wait for the client: for the rest of a head that did not come at once, " +
		"and for content while nothing of an answer had come"},
	PhaseQueue:     {"queue", "the wait for a turn in a pool, by requests that had to"},
	PhaseConnect:   {"connect", "the wait for a new connection to a backend, by attempts that made one"},
	PhaseFirstByte: {"first_byte", "from when an attempt had its connection to the head of its answer"},
	PhaseRelay:     {"relay", "from the head of the answer of a backend to the end of the exchange"},
}

// String is the value of the label phase.
func (p Phase) String() string { return listedPhases[p].word }

// PhaseStats are the times of the phases.
type PhaseStats [phases]*stat.Histogram

func newPhaseStats(shards int) (s PhaseStats) {
	for i := range s {
		s[i] = stat.NewHistogram(shards)
	}
	return s
}

// Add counts a time in a phase.
func (s *PhaseStats) Add(shard int, p Phase, nanos int64) { s[p].Observe(shard, time.Duration(nanos)) }
