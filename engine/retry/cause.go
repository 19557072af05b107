package retry

// Cause says why an attempt is repeated; its text is the reason label of
// isame_retries_total. The zero value is none.
type Cause uint8

// The causes. CauseHedge is not a retry: it runs beside the attempt that is late.
const (
	CauseNone Cause = iota
	CauseConnect
	CauseReused
	CauseReset
	CauseTimeout
	CauseStatus
	CauseHedge
	Causes // how many there are
)

// String is the label.
func (c Cause) String() string {
	return [Causes]string{"", "connect_failure", "reused_connection", "reset", "timeout", "status", "hedge"}[c]
}

// Refusal says what stood against a retry that the policy wanted; its text is
// the reason label of isame_retries_refused_total and in the access log. The zero
// value is none.
type Refusal uint8

// The refusals.
const (
	RefusalNone     Refusal = iota
	RefusalBody             // the request's body is too long to be kept
	RefusalBudget           // the route's budget is used up
	RefusalDeadline         // the route's deadline comes before the next attempt
	Refusals                // how many there are
)

// String is the label.
func (f Refusal) String() string { return [Refusals]string{"", "body", "budget", "deadline"}[f] }
