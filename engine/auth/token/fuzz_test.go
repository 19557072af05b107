package token

import (
	"bytes"
	"testing"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// guard calls f as everything that serves is called, and fails where it met a bug.
func guard(t *testing.T, f func()) {
	t.Helper()
	defer safely.OnPanic(func(p safely.Panic) { t.Errorf("a bug was met: %v\n%s", p.Value, p.Stack) })()
	safely.Do("fuzz", f, nil)
}

// FuzzToken: a token that is not the one that was signed is refused, whatever it is.
func FuzzToken(f *testing.F) {
	v := verifierOf(f, usualPolicy, setOf(members("rsa"), members("p256")))
	good, other := usual("ES256", "p256"), usual("RS256", "rsa")
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(other)
	f.Add([]byte("eyJhbGciOiJub25lIn0.e30."))
	f.Add([]byte("...."))
	f.Fuzz(func(t *testing.T, token []byte) {
		guard(t, func() {
			_, why, more := v.Verify(token, nowNanos)
			if why == None && !bytes.Equal(token, good) && !bytes.Equal(token, other) || more {
				t.Errorf("%q: %v, more to try: %v", token, why, more)
			}
			if v.Cached(token, nowNanos) != nil && why != None {
				t.Errorf("%q is known and refused: %v", token, why)
			}
		})
	})
}

// FuzzClaims signs whatever is in it, which a broken issuer may: it never meets a bug,
// and what is taken is known afterwards and has claims without control characters.
func FuzzClaims(f *testing.F) {
	v := verifierOf(f, Policy{
		Algorithms: []string{"HS256"}, Audience: []string{"shop"}, Claims: map[string][]string{"scope": {"read"}, "a.b": nil},
	}, setOf(members("secret")))
	f.Add(`{"alg":"HS256"}`, `{"aud":"shop","scope":"read","a":{"b":1}}`)
	f.Add(`{"alg":"HS256","kid":"secret"}`, `{"aud":["x","shop"],"scope":["read"],"a.b":[1,null],"exp":1e99,"nbf":-1}`)
	f.Add(`{"alg":"HS256","crit":[]}`, `{"aud":null,"exp":"","a":{"b":{"c":{"d":{"e":{}}}}}}`)
	f.Fuzz(func(t *testing.T, head, claims string) {
		guard(t, func() {
			token := []byte(signText("HS256", secret, head, claims))
			got, why, _ := v.Verify(token, nowNanos)
			if (why == None) != (got != nil) || (v.Cached(token, nowNanos) != nil) != (why == None) {
				t.Errorf("%s %s: %v with %v", head, claims, why, got)
			}
			if got == nil {
				return
			}
			for _, claim := range got.texts {
				if bytes.ContainsAny(claim.value, "\r\n\x00\x7f") {
					t.Errorf("%s: %q would end a header field", claims, claim)
				}
			}
		})
	})
}
