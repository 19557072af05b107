package rate

import (
	"strconv"
	"time"
)

// The fields of draft-ietf-httpapi-ratelimit-headers-11.
const (
	// FieldPolicy is the field whose value is Table.Policy.
	FieldPolicy = "RateLimit-Policy"
	// FieldState is the field whose value is AppendState.
	FieldState = "RateLimit"
)

// The fields that were usual before, each with a number: Legacy has them in this order.
const (
	FieldLegacyLimit     = "X-RateLimit-Limit"
	FieldLegacyRemaining = "X-RateLimit-Remaining"
	FieldLegacyReset     = "X-RateLimit-Reset" // in so many seconds
)

// Seconds is a time in whole seconds for Retry-After and the fields of limits: rounded
// up, so that the time has passed after them, and at least 1.
func Seconds(d time.Duration) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return max(1, seconds)
}

// Policy is the value of RateLimit-Policy: each limit's burst, and how long it takes
// until a key that has used it up has it again. That is the quota that a client can
// count with, and over any longer time the rate. The caller does not change it.
func (t *Table) Policy() []byte { return t.policy }

func policy(limits []Limit, laws []law) (value []byte) {
	for i := range limits {
		if i > 0 {
			value = append(value, ", "...)
		}
		value = appendString(value, limits[i].Name)
		value = AppendInteger(append(value, ";q="...), int64(limits[i].Burst))
		value = AppendInteger(append(value, ";w="...), Seconds(laws[i].nanos(laws[i].tolerance)))
	}
	return value
}

// AppendState appends the value of RateLimit after Take or Peek: for each limit what
// remains, and the seconds within which the client should use no more than that. Where
// something remains it is spread over the time until the whole burst is there again;
// where nothing does, the next request passes after that time, which is never more
// than Retry-After.
func (t *Table) AppendState(dst []byte, asks []Ask) []byte {
	for i := range asks {
		a := &asks[i]
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, t.limits[a.Limit].Name)
		dst = AppendInteger(append(dst, ";r="...), a.Remaining())
		dst = AppendInteger(append(dst, ";t="...), Seconds(a.window()))
	}
	return dst
}

// window is the time within which the client can use no more than what remains.
func (a *Ask) window() time.Duration {
	switch {
	case a.refused:
		return a.law.nanos(a.early)
	case a.Remaining() == 0:
		return a.law.nanos(a.ahead + a.law.interval - a.law.tolerance)
	}
	return a.law.nanos(a.ahead)
}

// Legacy are the numbers of the older fields, of the ask that decided: the burst, what
// remains of it, and the seconds until it is there again.
func (t *Table) Legacy(a *Ask) (limit, remaining, resetSeconds int64) {
	return int64(t.limits[a.Limit].Burst), a.Remaining(), Seconds(a.Reset())
}

// AppendInteger appends an Integer of a structured field, which has up to 15 digits (RFC
// 9651 section 3.3.1): a burst and a Duration in seconds have ten at most.
func AppendInteger(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendString appends a String of a structured field (RFC 9651 section 4.1.6), which
// has no room for anything but ASCII: what is no such character becomes a question
// mark.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r < ' ' || r > '~':
			dst = append(dst, '?')
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		default:
			dst = append(dst, byte(r))
		}
	}
	return append(dst, '"')
}
