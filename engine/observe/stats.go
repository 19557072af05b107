package observe

import (
	"sync/atomic"

	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/stat"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// ListenerStats are the counters of one listener.
type ListenerStats struct {
	// BytesIn came from clients, BytesOut went to them, headers included.
	BytesIn, BytesOut *stat.Counter
	// Accepted are the connections that were let in.
	Accepted *stat.Counter
	// Failed are the connections that ended before their first request.
	Failed [failures]*stat.Counter
	// Handshakes have led to keys.
	Handshakes HandshakeCounts
	// HTTP2Errors are the resets and ends of sessions that were sent to clients.
	HTTP2Errors ErrorCounts
	// HTTP3Errors are the same for HTTP/3.
	HTTP3Errors HTTP3ErrorCounts
}

func newListenerStats(shards int) *ListenerStats {
	s := &ListenerStats{
		BytesIn: stat.NewCounter(shards), BytesOut: stat.NewCounter(shards), Accepted: stat.NewCounter(shards),
		Handshakes: newHandshakeCounts(shards),
	}
	for i := range s.Failed {
		s.Failed[i] = stat.NewCounter(shards)
	}
	for i := range s.HTTP2Errors {
		s.HTTP2Errors[i] = stat.NewCounter(shards)
	}
	for i := range s.HTTP3Errors {
		s.HTTP3Errors[i] = stat.NewCounter(shards)
	}
	return s
}

// HTTP3ErrorCounts counts by error code of HTTP/3.
type HTTP3ErrorCounts [errcode.Count]*stat.Counter

// Add counts one.
func (e *HTTP3ErrorCounts) Add(shard int, code errcode.Code) {
	e[code.Index()].Add(shard, 1)
}

// ErrorCounts counts by error code of HTTP/2.
type ErrorCounts [frame.CodeHTTP11Required + 1]*stat.Counter

// Add counts one.
func (e *ErrorCounts) Add(shard int, code frame.Code) {
	e[code].Add(shard, 1)
}

// Failure is why a connection ended before its first request.
type Failure uint8

// The failures.
const (
	// FailureProxyHeader is a PROXY header that is missing, wrong or late.
	FailureProxyHeader Failure = iota
	// FailureProxyPeer is a peer that may not send one where one is required.
	FailureProxyPeer
	// FailureHandshake is a TLS handshake that ended without keys.
	FailureHandshake
	// FailureClearText is a request in clear text where TLS is spoken.
	FailureClearText
	// FailureUnknownSNI is a client that asks for a name without a certificate.
	FailureUnknownSNI
	// FailureQUIC is a connection over QUIC that ended before its handshake had.
	FailureQUIC
	failures
)

// String is the value of the label reason.
func (f Failure) String() string {
	return [...]string{"proxy_header", "proxy_peer", "tls_handshake", "clear_text", "unknown_sni", "quic_handshake"}[f]
}

// PoolStats are the counters of one pool.
type PoolStats struct {
	// Durations of its finished attempts.
	Durations *stat.Histogram
	// Waits of requests for their turn, whatever came of it.
	Waits *stat.Histogram
	// Shed counts the exchanges its limits refused, by pool.Shed.
	Shed [pool.Sheds]*stat.Counter
}

func newPoolStats(shards int) *PoolStats {
	s := &PoolStats{Durations: stat.NewHistogram(shards), Waits: stat.NewHistogram(shards)}
	for i := range s.Shed {
		s.Shed[i] = stat.NewCounter(shards)
	}
	return s
}

// BackendStats are the counters of one member of a pool.
type BackendStats struct {
	// Codes of its answers; stat.CodeNone for attempts without one.
	Codes *stat.Codes
	// Connect is what attempts have waited for a new connection, FirstByte from when they had
	// one to the head of their answer.
	Connect, FirstByte Span

	errors *stat.Codes // by end
}

func newBackendStats(shards int) *BackendStats {
	return &BackendStats{
		Codes: stat.NewCodes(shards), Connect: newSpan(shards), FirstByte: newSpan(shards), errors: stat.NewCodes(shards),
	}
}

// endCode is the first code that stands for an end in errors, which has room for 900 from there.
const endCode = 100

// Failed counts an attempt that has ended so. It allocates only for an end that is new to
// the backend.
func (s *BackendStats) Failed(shard int, e end.End) { s.errors.Add(shard, endCode+int(e)) }

// Span counts durations, and adds them up.
type Span struct{ count, nanos *stat.Counter }

func newSpan(shards int) Span { return Span{stat.NewCounter(shards), stat.NewCounter(shards)} }

// Add counts one.
func (s *Span) Add(shard int, nanos int64) {
	s.count.Add(shard, 1)
	s.nanos.Add(shard, max(nanos, 0))
}

type backendKey struct{ pool, backend string }

type routeKey struct{ listener, route string }

type routeCells struct {
	codes     *stat.Codes
	durations *stat.Histogram
	used      lastUse
	traced    [stat.Buckets]atomic.Pointer[Example] // the last one of each
}

// lastUse is when a route was used last, by shard: in ticks of the clock, 0 is never. Each
// shard writes its own word, once in a tick at most, so that a busy route costs it a read
// of a cache line that nobody else writes.
type lastUse []useCell

type useCell struct {
	tick atomic.Int64
	_    [56]byte
}

// useTick is how exact a time of use is: 1.07 seconds.
const useTick = 30 // bits of nanoseconds

func newLastUse(shards int) lastUse { return make(lastUse, max(shards, 1)) }

type retryKey struct {
	route, reason string
	family        retryFamily
}

// retryFamily is the metric a RetryStats belongs to.
type retryFamily uint8

const (
	familyOfRetries retryFamily = iota
	familyRefused
	familyOfHedges
	familyFallbacks
)
