package token

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fastjson"
)

// Policy is what a token has to say beside being signed.
type Policy struct {
	Algorithms []string            // names; at least one
	Issuer     string              // empty: anybody
	Audience   []string            // the token has to be for one of them; none: anybody
	Leeway     time.Duration       // how far the clocks may be apart
	Claims     map[string][]string // each has to hold one of its values; without values it has to be there
}

// want is a claim that is demanded.
type want struct {
	name   string
	path   []string // the name without its dots
	values []string
}

// wants are the claims of a policy in the order of their names. A name with dots is first
// looked for as it stands: many are addresses.
func wants(claims map[string][]string) []want {
	all := make([]want, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		all = append(all, want{name, strings.Split(name, "."), claims[name]})
	}
	return all
}

// secondsMax bounds moments: later ones are never.
const secondsMax = 1 << 40

// moment reads a NumericDate, which may have a fraction, as seconds. ok is false where
// there is none; wrong is a value that is no number.
func moment(claims *fastjson.Object, name string) (seconds float64, ok, wrong bool) {
	v := claims.Get(name)
	if v == nil {
		return 0, false, false
	}
	seconds, err := v.Float64()
	if err != nil {
		return 0, false, true
	}
	return min(max(seconds, -secondsMax), secondsMax), true, false
}

// times checks exp, nbf and iat, and returns the Unix time in nanoseconds at which the
// token expires, leeway included, or the largest one.
func times(claims *fastjson.Object, leeway time.Duration, unixNanos int64) (untilNanos int64, why Reason) {
	now, slack := float64(unixNanos)/1e9, leeway.Seconds()
	expires, has, wrong := moment(claims, "exp")
	if wrong {
		return 0, Malformed
	}
	untilNanos = 1<<63 - 1
	if has {
		if now >= expires+slack {
			return 0, Expired
		}
		if at := (expires + slack) * 1e9; at < 1<<63 {
			untilNanos = int64(at)
		}
	}
	for _, name := range [...]string{"nbf", "iat"} {
		at, has, wrong := moment(claims, name)
		switch {
		case wrong:
			return 0, Malformed
		case has && now < at-slack:
			return 0, NotYet
		}
	}
	return untilNanos, None
}

// parties checks iss and aud.
func (v *Verifier) parties(claims *fastjson.Object) Reason {
	if v.issuer != "" && !isText(claims.Get("iss"), v.issuer) {
		return WrongIssuer
	}
	if len(v.audience) == 0 {
		return None
	}
	aud := claims.Get("aud")
	if aud == nil {
		return WrongAudience
	}
	list, err := aud.Array()
	if err != nil {
		list = []*fastjson.Value{aud}
	}
	for _, one := range list {
		for _, ours := range v.audience {
			if isText(one, ours) {
				return None
			}
		}
	}
	return WrongAudience
}

// isText reports a string that is text.
func isText(v *fastjson.Value, text string) bool {
	if v == nil {
		return false
	}
	s, err := v.StringBytes()
	return err == nil && string(s) == text
}

// demanded checks the claims that have to be there.
func (v *Verifier) demanded(claims *fastjson.Object) Reason {
	for i := range v.wants {
		w := &v.wants[i]
		found := claims.Get(w.name)
		if found == nil && len(w.path) > 1 {
			found = inside(claims, w.path)
		}
		if found == nil || found.Type() == fastjson.TypeNull || !w.isIn(found) {
			return WrongClaim
		}
	}
	return None
}

// inside is the value at the end of a path, nil where that leads nowhere.
func inside(o *fastjson.Object, path []string) *fastjson.Value {
	for i, name := range path {
		v := o.Get(name)
		if v == nil || i == len(path)-1 {
			return v
		}
		next, err := v.Object()
		if err != nil || hasTwice(next) {
			return nil
		}
		o = next
	}
	return nil
}

// isIn reports that a value holds one that is wanted: as a whole, as a word of a text
// with spaces, or as an element of a list.
func (w *want) isIn(v *fastjson.Value) bool {
	if len(w.values) == 0 {
		return true
	}
	if list, err := v.Array(); err == nil {
		return slices.ContainsFunc(list, func(e *fastjson.Value) bool { return w.is(textOf(e)) })
	}
	text := textOf(v)
	if w.is(text) {
		return true
	}
	for word := range bytes.SplitSeq(text, []byte{' '}) {
		if len(word) > 0 && w.is(word) {
			return true
		}
	}
	return false
}

func (w *want) is(text []byte) bool {
	for _, value := range w.values {
		if text != nil && value == string(text) {
			return true
		}
	}
	return false
}

// textOf is a string, a number as it is written, true or false; nil for all else.
func textOf(v *fastjson.Value) []byte {
	if v.Type() == fastjson.TypeString {
		s, _ := v.StringBytes()
		return append([]byte{}, s...)
	}
	text, ok := appendScalar(nil, v)
	if !ok {
		return nil
	}
	return text
}
