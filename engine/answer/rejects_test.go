package answer

import (
	"errors"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestUnavailableSaysWhenToComeBack(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cause pool.End
		after time.Duration
		end   pool.End
		want  string
	}{
		{"nothing known", pool.EndNoHealthyBackend, 0, pool.EndNoHealthyBackend, "1"},
		{"less than a second", pool.EndCircuitOpen, time.Millisecond, pool.EndCircuitOpen, "1"},
		{"rounded", pool.EndCircuitOpen, 2600 * time.Millisecond, pool.EndCircuitOpen, "3"},
		{"at most an hour", pool.EndNoBackends, 1 << 62, pool.EndNoBackends, "3600"},
		{"in the past", pool.EndNoBackends, -time.Minute, pool.EndNoBackends, "1"},
		{"eligible just now", pool.EndOK, time.Second, pool.EndNoBackend, "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Unavailable(tc.cause, tc.after)
			if r.Status != 503 || r.End != tc.end || r.RetryAfter != tc.want {
				t.Errorf("got %d %v after %q; want 503 %v after %q", r.Status, r.End, r.RetryAfter, tc.end, tc.want)
			}
			if again := Unavailable(tc.cause, tc.after); again != r {
				t.Error("got another one the second time; want the same")
			}
		})
	}
}

func TestForError(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		status int
		end    string
		allow  string
	}{
		{"refused head", wire.ErrMissingHost, 400, "missing_host", ""},
		{"CONNECT", wire.ErrConnect, 405, "connect_not_allowed", Methods},
		{"too large", wire.ErrHeaderTooLarge, 431, "header_too_large", ""},
		{"seen from the backend's side", wire.ErrBadLength.ForResponse(), 502, "bad_content_length", ""},
		{"no refusal", errors.New("anything"), 500, pool.EndInternalError.Word(), ""},
		{"of no known cause", &wire.Refusal{Status: 400, Cause: "unheard_of"}, 500, pool.EndInternalError.Word(), ""},
		{"nothing", nil, 500, pool.EndInternalError.Word(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := ForError(tc.err)
			if r.Status != tc.status || r.End.Word() != tc.end || r.Allow != tc.allow || r.RetryAfter != "" {
				t.Errorf("got %d %v, allow %q, after %q; want %d %s, allow %q", r.Status, r.End, r.Allow, r.RetryAfter, tc.status, tc.end, tc.allow)
			}
			if again := ForError(tc.err); again != r {
				t.Error("got another one the second time; want the same")
			}
		})
	}
}

// What passes by itself is answered with a time to come back; the rest is not.
func TestRetryAfterOf503(t *testing.T) {
	rejects := append(all(), GivenUp(500), GivenUp(502), GivenUp(503), GivenUp(504))
	for _, r := range rejects {
		if got, want := r.RetryAfter != "", r.Status == 503; got != want {
			t.Errorf("%d %v: got a Retry-After %v; want %v", r.Status, r.End, got, want)
		}
	}
	if r := GivenUp(503); r.End != pool.EndRetryImpossible || r != GivenUp(503) {
		t.Errorf("got %v; want the same retry_impossible each time", r.End)
	}
}

// A client that ended its sending half inside a body still reads.
func TestClientGoneIsAnsweredAsHalfARequest(t *testing.T) {
	if r := ForOutcome(pool.ClientGone); r.Status != 400 || r.End != pool.EndClientGone {
		t.Errorf("got %d %v; want 400 %v", r.Status, r.End, pool.EndClientGone)
	}
}
