package attempt

import (
	"github.com/isame-lb/isame-lb/pool/end"
)

// Outcome is the verdict on one attempt: one byte that says what happened. The
// methods derive from it whose fault it was, whether another attempt may be
// made, and what the client is told. All of them are pure, and an Outcome
// outside the list behaves like BadResponse.
type Outcome uint8

const (
	// OK means that a whole answer was read, whatever its status.
	OK Outcome = iota
	// Pending is no verdict yet: the loop has to wait for an event, or a
	// goroutine has to go on.
	Pending
	// ConnectRefused means that nobody listens at the backend's address.
	ConnectRefused
	// ConnectTimeout means that no connection came about within timeouts.connect.
	ConnectTimeout
	// ConnectLate means that the exchange, or the time of its attempt, was over before
	// there was a connection. It says less of the backend than ConnectTimeout: the two
	// may have been short.
	ConnectLate
	// ConnectFailed is every other failure to connect: name, route, descriptors.
	ConnectFailed
	// TLSFailed means that the backend was reached and the two sides found no way
	// to speak TLS: a certificate that is not to be trusted, ours that it does not
	// trust, nothing in common. It has seen nothing of the request.
	TLSFailed
	// NoFreeConn means that connections.max was reached and none was free.
	NoFreeConn
	// ReusedDied means that an idle connection, taken up again, was dead before
	// the first byte of the answer: the race every keep-alive peer loses at times.
	ReusedDied
	// ReusedNeverReceived is ReusedDied with the proof that the backend has not
	// received a byte of the request: see Conn.unreceived.
	ReusedNeverReceived
	// ReusedBad means that the first bytes on an idle connection, taken up again, were
	// no answer: those to another request perhaps, see strays.
	ReusedBad
	// Reset means that a fresh connection, or one whose request was sent, broke
	// before the first byte of the answer.
	Reset
	// Timeout means that the head of the answer did not come in time.
	Timeout
	// BadResponse means that the head of the answer was not HTTP, broke a rule
	// or was too large.
	BadResponse
	// Truncated means that the body ended before its promised length.
	Truncated
	// ClientGone means that the client closed before its answer was complete.
	ClientGone
	// ClientBadBody means that the body the client sent broke the framing.
	ClientBadBody
	// ClientSlow means that the body the client sent did not come in time.
	ClientSlow
	// ClientTooLarge means that the body the client sent went over the limit.
	ClientTooLarge
	// Outrun means that another attempt of the same exchange had an answer first.
	Outrun

	outcomes // how many there are
)

// Retry says what an outcome permits as far as the backend is concerned. The
// caller adds what it knows: method, replayable body, budget, deadline, and
// that no byte of an answer has reached the client.
type Retry uint8

const (
	// RetryNo forbids another attempt.
	RetryNo Retry = iota
	// RetryNeverSent means that no byte reached a backend: any method may be tried again.
	RetryNeverSent
	// RetryReusedIdle means that an idle connection was met that is dead, or says what
	// is no answer: the same backend may be tried again at once on a fresh one, with
	// idempotent methods.
	RetryReusedIdle
	// RetryNeverReceived is RetryReusedIdle for any method: the backend cannot
	// have acted on the request.
	RetryNeverReceived
	// RetryMaybeProcessed means that the backend may have acted on the request:
	// idempotent methods only (RFC 9110 section 9.2.2).
	RetryMaybeProcessed
)

// verdict is one line of the table all methods read.
type verdict struct {
	end    end.End
	retry  Retry
	status int
}

// statusClientClosed is what nginx made the usual number for a client that left.
// It is logged and counted, and sent to nobody.
const statusClientClosed = 499

func (o Outcome) verdict() verdict {
	switch o {
	case OK:
		return verdict{end.OK, RetryNo, 200}
	case Pending:
		return verdict{end.InternalError, RetryNo, 500}
	case ConnectRefused:
		return verdict{end.ConnectRefused, RetryNeverSent, 502}
	case ConnectTimeout, ConnectLate: // the same to whoever looks from outside
		return verdict{end.ConnectTimeout, RetryNeverSent, 504}
	case ConnectFailed:
		return verdict{end.ConnectFailed, RetryNeverSent, 502}
	case TLSFailed:
		return verdict{end.TLSFailed, RetryNeverSent, 502}
	case NoFreeConn:
		return verdict{end.NoFreeConnection, RetryNeverSent, 503}
	case ReusedDied:
		return verdict{end.ReusedDied, RetryReusedIdle, 502}
	case ReusedNeverReceived: // the same to whoever looks from outside
		return verdict{end.ReusedDied, RetryNeverReceived, 502}
	case ReusedBad:
		return verdict{end.BadResponse, RetryReusedIdle, 502}
	case Reset:
		return verdict{end.Reset, RetryMaybeProcessed, 502}
	case Timeout:
		return verdict{end.Timeout, RetryMaybeProcessed, 504}
	case Truncated:
		return verdict{end.Truncated, RetryNo, 502}
	case ClientGone:
		return verdict{end.ClientGone, RetryNo, statusClientClosed}
	case ClientBadBody:
		return verdict{end.ClientBadBody, RetryNo, 400}
	case ClientSlow:
		return verdict{end.ClientSlow, RetryNo, 408}
	case ClientTooLarge:
		return verdict{end.BodyTooLarge, RetryNo, 413}
	case Outrun:
		return verdict{end.Outrun, RetryNo, 502}
	case BadResponse, outcomes:
	}
	return verdict{end.BadResponse, RetryMaybeProcessed, 502}
}

// End is how an exchange ends whose last attempt this was.
func (o Outcome) End() end.End { return o.verdict().end }

// Cause is the word for X-Isame-Error, logs and metrics.
func (o Outcome) Cause() string { return o.verdict().end.Word() }

// String is Cause.
func (o Outcome) String() string { return o.verdict().end.Word() }

// Side says who caused it.
func (o Outcome) Side() end.Side { return o.verdict().end.Side() }

// Retry says whether another attempt is allowed; see the type.
func (o Outcome) Retry() Retry { return o.verdict().retry }

// Status is the code a client gets when this was the last attempt; 200 for OK,
// whose answer carries its own.
func (o Outcome) Status() int { return o.verdict().status }

// Faults are the outcomes a circuit breaker counts even where no circuit_breaker
// section stands: failures to connect, resets and timeouts. A body cut short is
// a reset that came late.
const Faults uint32 = 1<<ConnectRefused | 1<<ConnectTimeout | 1<<ConnectLate | 1<<ConnectFailed | 1<<TLSFailed |
	1<<Reset | 1<<Timeout | 1<<Truncated

// StrictFaults are those counted where the section stands, beside 5xx answers.
const StrictFaults = Faults | 1<<BadResponse

// Neutral outcomes say nothing about the backend: they neither count against it
// nor clear it. What a connection in use again says may belong to another exchange;
// if the backend does not speak HTTP, the repetition on a fresh one counts.
const Neutral uint32 = 1<<Pending | 1<<NoFreeConn | 1<<ReusedDied | 1<<ReusedNeverReceived | 1<<ReusedBad | 1<<ClientGone |
	1<<ClientBadBody | 1<<ClientSlow | 1<<ClientTooLarge | 1<<Outrun

// In reports whether o is one of the outcomes in mask.
func (o Outcome) In(mask uint32) bool { return mask>>(o&31)&1 == 1 }
