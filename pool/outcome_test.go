package pool

import "testing"

func TestOutcomeTable(t *testing.T) {
	cases := []struct {
		o      Outcome
		cause  string
		blame  Blame
		retry  Retry
		status int
	}{
		{OK, "ok", BlameNobody, RetryNo, 200},
		{ConnectRefused, "connect_refused", BlameBackend, RetryNeverSent, 502},
		{Pending, "pending", BlameNobody, RetryNo, 500},
		{ConnectTimeout, "connect_timeout", BlameBackend, RetryNeverSent, 504},
		{ConnectLate, "connect_timeout", BlameBackend, RetryNeverSent, 504},
		{ConnectFailed, "connect_failed", BlameBackend, RetryNeverSent, 502},
		{TLSFailed, "tls_failed", BlameBackend, RetryNeverSent, 502},
		{NoFreeConn, "no_free_connection", BlameProxy, RetryNeverSent, 503},
		{ReusedDied, "reused_connection_died", BlameProxy, RetryReusedIdle, 502},
		{ReusedNeverReceived, "reused_connection_died", BlameProxy, RetryNeverReceived, 502},
		{Reset, "reset", BlameBackend, RetryMaybeProcessed, 502},
		{Timeout, "timeout", BlameBackend, RetryMaybeProcessed, 504},
		{BadResponse, "bad_response", BlameBackend, RetryMaybeProcessed, 502},
		{Truncated, "truncated", BlameBackend, RetryNo, 502},
		{ClientGone, "client_gone", BlameClient, RetryNo, 499},
		{ClientBadBody, "client_bad_body", BlameClient, RetryNo, 400},
		{ClientSlow, "client_slow", BlameClient, RetryNo, 408},
		{ClientTooLarge, "client_too_large", BlameClient, RetryNo, 413},
		{Outrun, "outrun", BlameProxy, RetryNo, 502},
	}
	if len(cases) != int(outcomes) {
		t.Fatalf("table has %d outcomes; want %d", len(cases), outcomes)
	}
	for _, c := range cases {
		t.Run(c.cause, func(t *testing.T) {
			if got := c.o.Cause(); got != c.cause {
				t.Errorf("Cause %q; want %q", got, c.cause)
			}
			if got := c.o.Blame(); got != c.blame {
				t.Errorf("Blame %v; want %v", got, c.blame)
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
func TestOutcomeMasksAgreeWithBlame(t *testing.T) {
	for o := range outcomes {
		if o.in(strictFaults) != (o.Blame() == BlameBackend) {
			t.Errorf("%v: counted by the breaker %v, blame %v", o, o.in(strictFaults), o.Blame())
		}
		if o.in(neutral) != (o.Blame() == BlameClient || o.Blame() == BlameProxy) {
			t.Errorf("%v: neutral %v, blame %v", o, o.in(neutral), o.Blame())
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
