package attempt

import (
	"testing"

	"github.com/isame-lb/isame-lb/pool/end"
)

func TestOutcomeTable(t *testing.T) {
	cases := []struct {
		o      Outcome
		cause  string
		side   end.Side
		retry  Retry
		status int
	}{
		{OK, "ok", end.SideNobody, RetryNo, 200},
		{ConnectRefused, "connect_refused", end.SideBackend, RetryNeverSent, 502},
		{Pending, "internal_error", end.SideProxy, RetryNo, 500},
		{ConnectTimeout, "connect_timeout", end.SideBackend, RetryNeverSent, 504},
		{ConnectLate, "connect_timeout", end.SideBackend, RetryNeverSent, 504},
		{ConnectFailed, "connect_failed", end.SideBackend, RetryNeverSent, 502},
		{TLSFailed, "tls_failed", end.SideBackend, RetryNeverSent, 502},
		{NoFreeConn, "no_free_connection", end.SideProxy, RetryNeverSent, 503},
		{ReusedDied, "reused_connection_died", end.SideProxy, RetryReusedIdle, 502},
		{ReusedBad, "bad_response", end.SideBackend, RetryReusedIdle, 502},
		{ReusedNeverReceived, "reused_connection_died", end.SideProxy, RetryNeverReceived, 502},
		{Reset, "reset", end.SideBackend, RetryMaybeProcessed, 502},
		{Timeout, "timeout", end.SideBackend, RetryMaybeProcessed, 504},
		{BadResponse, "bad_response", end.SideBackend, RetryMaybeProcessed, 502},
		{Truncated, "truncated", end.SideBackend, RetryNo, 502},
		{ClientGone, "client_gone", end.SideClient, RetryNo, 499},
		{ClientBadBody, "client_bad_body", end.SideClient, RetryNo, 400},
		{ClientSlow, "client_slow", end.SideClient, RetryNo, 408},
		{ClientTooLarge, "body_too_large", end.SideClient, RetryNo, 413},
		{Outrun, "outrun", end.SideProxy, RetryNo, 502},
	}
	if len(cases) != int(outcomes) {
		t.Fatalf("table has %d outcomes; want %d", len(cases), outcomes)
	}
	for _, c := range cases {
		t.Run(c.cause, func(t *testing.T) {
			if got := c.o.Cause(); got != c.cause {
				t.Errorf("Cause %q; want %q", got, c.cause)
			}
			if got := c.o.Side(); got != c.side {
				t.Errorf("Side %v; want %v", got, c.side)
			}
			if got := c.o.Retry(); got != c.retry {
				t.Errorf("Retry %v; want %v", got, c.retry)
			}
			if got := c.o.Status(); got != c.status {
				t.Errorf("Status %d; want %d", got, c.status)
			}
		})
	}
}

// A fault is the backend's, a neutral outcome never is, and what is retried
// after a byte may have been processed is never called unsent.
func TestOutcomeMasksAgreeWithSides(t *testing.T) {
	for o := range outcomes {
		if o == ReusedBad {
			continue // the backend's fault, but not that of the attempt which met it
		}
		if o.In(StrictFaults) != (o.Side() == end.SideBackend) {
			t.Errorf("%v: counted by the breaker %v, side %v", o, o.In(StrictFaults), o.Side())
		}
		if o.In(Neutral) != (o.Side() == end.SideClient || o.Side() == end.SideProxy) {
			t.Errorf("%v: neutral %v, side %v", o, o.In(Neutral), o.Side())
		}
		if o.In(Faults) && !o.In(StrictFaults) {
			t.Errorf("%v counts without a section and not with one", o)
		}
	}
	if BadResponse.In(Faults) {
		t.Error("garbage counts without a circuit_breaker section")
	}
}

func TestUnknownOutcomeIsBadResponse(t *testing.T) {
	if got := Outcome(200).Cause(); got != "bad_response" {
		t.Errorf("got %q; want bad_response", got)
	}
}
