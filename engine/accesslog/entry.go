package accesslog

import (
	"net/netip"

	"github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Entry is what is known of an exchange or a tunnel that has ended. Its bytes are the
// caller's, and are read by Append alone. What is empty is not known.
type Entry struct {
	// NowNanos is when it ended, on the clock of the process.
	NowNanos, TookNanos int64
	// BackendNanos is from the begin of the last attempt to the head of its answer.
	BackendNanos      int64
	BytesIn, BytesOut int64
	Generation        uint64
	Status, Attempts  int

	// Client is the address that is believed; where it is the peer's, Peer has its text.
	Client   netip.Addr
	IsPeer   bool
	Peer     string
	ID       []byte
	Head     *wire.RequestHead // nil: of a tunnel, whose head is gone
	Listener string
	Protocol string
	Route    string
	Pool     string
	Backend  string
	NoRetry  string
	Scheme   []byte
	SNI      string
	TLS      uint16 // its version; 0 is clear text
	Cipher   uint16

	// TraceID is that of its trace, in hexadecimal digits; only where Wants asks for it.
	TraceID []byte

	// Parts are what its time was spent with; only where Wants asks for them.
	Parts record.Shares

	End    end.End
	Phase  end.Phase
	Tunnel bool // its parts are not known
}

// Wants is what a program reads of an entry that costs something to find out.
type Wants uint8

// What may be wanted.
const (
	WantsParts Wants = 1 << iota
	WantsTLS
	WantsID
	WantsScheme
	WantsTraceID
)
