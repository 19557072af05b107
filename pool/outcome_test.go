package pool

import "testing"

func TestOutcomeTable(t *testing.T) {
	cases := []struct {
		o      Outcome
		cause  string
		side   Side
		retry  Retry
		status int
	}{
		{OK, "ok", SideNobody, RetryNo, 200},
		{ConnectRefused, "connect_refused", SideBackend, RetryNeverSent, 502},
		{Pending, "internal_error", SideProxy, RetryNo, 500},
		{ConnectTimeout, "connect_timeout", SideBackend, RetryNeverSent, 504},
		{ConnectLate, "connect_timeout", SideBackend, RetryNeverSent, 504},
		{ConnectFailed, "connect_failed", SideBackend, RetryNeverSent, 502},
		{TLSFailed, "tls_failed", SideBackend, RetryNeverSent, 502},
		{NoFreeConn, "no_free_connection", SideProxy, RetryNeverSent, 503},
		{ReusedDied, "reused_connection_died", SideProxy, RetryReusedIdle, 502},
		{ReusedBad, "bad_response", SideBackend, RetryReusedIdle, 502},
		{ReusedNeverReceived, "reused_connection_died", SideProxy, RetryNeverReceived, 502},
		{Reset, "reset", SideBackend, RetryMaybeProcessed, 502},
		{Timeout, "timeout", SideBackend, RetryMaybeProcessed, 504},
		{BadResponse, "bad_response", SideBackend, RetryMaybeProcessed, 502},
		{Truncated, "truncated", SideBackend, RetryNo, 502},
		{ClientGone, "client_gone", SideClient, RetryNo, 499},
		{ClientBadBody, "client_bad_body", SideClient, RetryNo, 400},
		{ClientSlow, "client_slow", SideClient, RetryNo, 408},
		{ClientTooLarge, "body_too_large", SideClient, RetryNo, 413},
		{Outrun, "outrun", SideProxy, RetryNo, 502},
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
		if o.in(strictFaults) != (o.Side() == SideBackend) {
			t.Errorf("%v: counted by the breaker %v, side %v", o, o.in(strictFaults), o.Side())
		}
		if o.in(neutral) != (o.Side() == SideClient || o.Side() == SideProxy) {
			t.Errorf("%v: neutral %v, side %v", o, o.in(neutral), o.Side())
		}
		if o.in(faults) && !o.in(strictFaults) {
			t.Errorf("%v counts without a section and not with one", o)
		}
	}
	if BadResponse.in(faults) {
		t.Error("garbage counts without a circuit_breaker section")
	}
}

func TestUnknownOutcomeIsBadResponse(t *testing.T) {
	if got := Outcome(200).Cause(); got != "bad_response" {
		t.Errorf("got %q; want bad_response", got)
	}
}
