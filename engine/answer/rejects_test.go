package answer

import (
	"errors"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestUnavailableSaysWhenToComeBack(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cause end.End
		after time.Duration
		end   end.End
		want  string
	}{
		{"nothing known", end.NoHealthyBackend, 0, end.NoHealthyBackend, "1"},
		{"less than a second", end.CircuitOpen, time.Millisecond, end.CircuitOpen, "1"},
		{"rounded", end.CircuitOpen, 2600 * time.Millisecond, end.CircuitOpen, "3"},
		{"at most an hour", end.NoBackends, 1 << 62, end.NoBackends, "3600"},
		{"in the past", end.NoBackends, -time.Minute, end.NoBackends, "1"},
		{"eligible just now", end.OK, time.Second, end.NoBackend, "1"},
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
		{"no refusal", errors.New("anything"), 500, end.InternalError.Word(), ""},
		{"of no known cause", &wire.Refusal{Status: 400, Cause: "unheard_of"}, 500, end.InternalError.Word(), ""},
		{"nothing", nil, 500, end.InternalError.Word(), ""},
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
	if r := GivenUp(503); r.End != end.RetryImpossible || r != GivenUp(503) {
		t.Errorf("got %v; want the same retry_impossible each time", r.End)
	}
}

// A client that ended its sending half inside a body still reads.
func TestClientGoneIsAnsweredAsHalfARequest(t *testing.T) {
	if r := ForOutcome(attempt.ClientGone); r.Status != 400 || r.End != end.ClientGone {
		t.Errorf("got %d %v; want 400 %v", r.Status, r.End, end.ClientGone)
	}
}
