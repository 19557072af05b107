package token

// Reason is why a token is refused.
type Reason uint8

// All reasons. NotYet covers iat as well as nbf. BadSignature is also that of an
// algorithm which is not taken, or does not belong to the key that is named. With
// KeysUnavailable nothing is said of the token: there is no key to check it with.
const (
	None Reason = iota
	Missing
	Malformed
	Expired
	NotYet
	BadSignature
	UnknownKey
	WrongIssuer
	WrongAudience
	WrongClaim
	KeysUnavailable

	Reasons // how many there are
)

var reasons = [Reasons]string{
	"none", "missing", "malformed", "expired", "not_yet", "bad_signature", "unknown_key",
	"wrong_issuer", "wrong_audience", "wrong_claim", "keys_unavailable",
}

// String is the reason in logs and metrics.
func (r Reason) String() string { return reasons[r] }

// IsForbidden reports that the token is a good one, and does not allow this (403). All
// others are no credentials at all (401), but KeysUnavailable, which is the proxy's own
// trouble (503).
func (r Reason) IsForbidden() bool { return r == WrongClaim }
