package answer

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// soon is the Retry-After of what passes by itself.
const soon = "1"

// The rejects that are told by their name. Nobody changes them; they may be compared.
var (
	NoRoute          = New(http.StatusNotFound, pool.EndNoRoute, "")
	MethodNotAllowed = New(http.StatusMethodNotAllowed, pool.EndMethodNotAllowed, "")
	Misdirected      = New(http.StatusMisdirectedRequest, pool.EndMisdirected, "")
	BodyTooLarge     = New(http.StatusRequestEntityTooLarge, pool.EndBodyTooLarge, "")
	SlowHeader       = New(http.StatusRequestTimeout, pool.EndSlowHeader, "")
	ClearText        = New(http.StatusBadRequest, pool.EndClearTextOnTLSPort, "")
	Connections      = New(http.StatusServiceUnavailable, pool.EndConnectionLimit, soon)
	ConnectionsPerIP = New(http.StatusServiceUnavailable, pool.EndConnectionLimitIP, soon)
	Busy             = New(http.StatusServiceUnavailable, pool.EndBackendsBusy, soon)
	UpgradeIgnored   = New(http.StatusBadGateway, pool.EndUpgradeIgnored, "") // who does not know of upgrades is not to blame
	Internal         = New(http.StatusInternalServerError, pool.EndInternalError, "")
)

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
		o := pool.Outcome(i)
		all[i] = New(o.Status(), o.End(), retryAfter(o.Status()))
	}
	// A client that ended only its sending half inside a body still reads: it has
	// sent half a request (RFC 9112 section 8).
	all[pool.ClientGone] = New(http.StatusBadRequest, pool.ClientGone.End(), "")
	return all
}()

// ForOutcome is the answer for an attempt that has ended so.
func ForOutcome(o pool.Outcome) *Reject { return outcomes[o] }

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
		end, ok := pool.EndOf(refusal.Cause)
		if !ok {
			return Internal
		}
		return New(refusal.Status, end, "")
	})
}

type unavailable struct {
	cause   pool.End
	seconds int64
}

// Unavailable is the answer where nobody can be picked: the pool's cause, and when it
// makes sense to come back.
func Unavailable(cause pool.End, after time.Duration) *Reject {
	if cause == pool.EndOK {
		cause = pool.EndNoBackend // somebody became eligible just now
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
		return New(status, pool.EndRetryImpossible, retryAfter(status))
	})
}
