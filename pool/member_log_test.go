package pool

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/attempt"
)

// A breaker that opens because of answers says which they were, not that all was ok.
func TestBreakerSaysWhatWasWrongLast(t *testing.T) {
	for _, tc := range []struct {
		last verdictOn
		want string
	}{
		{verdictOn{attempt.OK, 503}, "503"},
		{verdictOn{attempt.Reset, 0}, "reset"},
		{verdictOn{attempt.ConnectRefused, 0}, "connect_refused"},
	} {
		if got := tc.last.word(); got != tc.want {
			t.Errorf("%+v: got %q; want %q", tc.last, got, tc.want)
		}
	}
}
