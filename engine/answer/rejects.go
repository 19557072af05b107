package answer

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// soon is the Retry-After of what passes by itself.
const soon = "1"

// The rejects that are told by their name. Nobody changes them; they may be compared.
var (
	NoRoute          = New(http.StatusNotFound, end.NoRoute, "")
	MethodNotAllowed = New(http.StatusMethodNotAllowed, end.MethodNotAllowed, "")
	ReadOnly         = readOnly() // files are
	FileNotFound     = New(http.StatusNotFound, end.FileNotFound, "")
	FileDenied       = New(http.StatusForbidden, end.FileDenied, "")
	FileFailed       = New(http.StatusInternalServerError, end.FileFailed, "")
	Misdirected      = New(http.StatusMisdirectedRequest, end.Misdirected, "")
	BodyTooLarge     = New(http.StatusRequestEntityTooLarge, end.BodyTooLarge, "")
	SlowHeader       = New(http.StatusRequestTimeout, end.SlowHeader, "")
	ClearText        = New(http.StatusBadRequest, end.ClearTextOnTLSPort, "")
	Connections      = New(http.StatusServiceUnavailable, end.ConnectionLimit, soon)
	ConnectionsPerIP = New(http.StatusServiceUnavailable, end.ConnectionLimitIP, soon)
	Busy             = New(http.StatusServiceUnavailable, end.BackendsBusy, soon)
	UpgradeIgnored   = New(http.StatusBadGateway, end.UpgradeIgnored, "") // who does not know of upgrades is not to blame
	Internal         = New(http.StatusInternalServerError, end.InternalError, "")

	// ConnectionRatePerIP is never said: who comes too often is closed at once.
	ConnectionRatePerIP = New(http.StatusServiceUnavailable, end.ConnectionRateIP, soon)
)

func readOnly() *Reject {
	r := New(http.StatusMethodNotAllowed, end.MethodNotAllowed, "")
	r.Allow = ReadMethods
	return r
}

// sheds are the answers of an overload, by reason.
var sheds = [...]*Reject{
	pool.ShedLimit:   New(http.StatusServiceUnavailable, pool.ShedLimit.End(), soon),
	pool.ShedFull:    New(http.StatusServiceUnavailable, pool.ShedFull.End(), soon),
	pool.ShedTimeout: New(http.StatusServiceUnavailable, pool.ShedTimeout.End(), soon),
}

// ForShed is the answer for a request that its pool's limiter has refused.
func ForShed(s pool.Shed) *Reject { return sheds[s] }

// outcomes are the answers for failed attempts.
var outcomes = func() (all [256]*Reject) {
	for i := range all {
		o := attempt.Outcome(i)
		all[i] = New(o.Status(), o.End(), retryAfter(o.Status()))
	}
	// A client that ended only its sending half inside a body still reads: it has
	// sent half a request (RFC 9112 section 8).
	all[attempt.ClientGone] = New(http.StatusBadRequest, attempt.ClientGone.End(), "")
	return all
}()

// ForOutcome is the answer for an attempt that has ended so.
func ForOutcome(o attempt.Outcome) *Reject { return outcomes[o] }

// retryAfter is the Retry-After of a status where nobody knows better.
func retryAfter(status int) string {
	if status == http.StatusServiceUnavailable {
		return soon
	}
	return ""
}

// made keeps the rejects that are made when they are first met, by what they are made
// for: a *wire.Refusal, which are sentinels, a status, which are 5xx only, or a cause and
// a wait, which is whole seconds up to an hour. So it stays small.
var made sync.Map

// once is the reject for key, which first makes.
func once(key any, first func() *Reject) *Reject {
	known, ok := made.Load(key)
	if !ok {
		known, _ = made.LoadOrStore(key, first())
	}
	r, ok := known.(*Reject)
	if !ok {
		return Internal
	}
	return r
}

// ForError is the answer for bytes that are not an acceptable request.
func ForError(err error) *Reject {
	refusal, ok := err.(*wire.Refusal) //nolint:errorlint // the parser returns its sentinels unwrapped
	if !ok {
		return Internal
	}
	return once(refusal, func() *Reject {
		e, ok := end.Of(refusal.Cause)
		if !ok {
			return Internal
		}
		return New(refusal.Status, e, "")
	})
}

type unavailable struct {
	cause   end.End
	seconds int64
}

// Unavailable is the answer where nobody can be picked: the pool's cause, and when it
// makes sense to come back.
func Unavailable(cause end.End, after time.Duration) *Reject {
	if cause == end.OK {
		cause = end.NoBackend // somebody became eligible just now
	}
	seconds := int64(min(max(after.Round(time.Second), time.Second), time.Hour) / time.Second)
	return once(unavailable{cause, seconds}, func() *Reject {
		return New(http.StatusServiceUnavailable, cause, strconv.FormatInt(seconds, 10))
	})
}

// GivenUp stands for an answer of this status that was dropped for a retry which then
// could not be made.
func GivenUp(status int) *Reject {
	return once(status, func() *Reject {
		return New(status, end.RetryImpossible, retryAfter(status))
	})
}

// Parts reports whether the client's connection must end behind r: nobody knows where
// the next request begins, or so much is on its way that the end is the cheaper way out.
func (r *Reject) Parts() bool { return r.Status == http.StatusBadRequest || r == BodyTooLarge }
