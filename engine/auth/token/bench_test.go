package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"
)

// usual is a token as issuers make them.
func usual(algorithm, key string) []byte {
	return []byte(sign(algorithm, key, map[string]any{"kid": key}, map[string]any{
		"iss": "https://id.example.com", "aud": []string{"shop", "pay"}, "sub": "0123456789abcdef", "scope": "read write list",
		"exp": nowSeconds + 3600, "nbf": nowSeconds, "iat": nowSeconds, "name": "Ann Example", "email": "ann@example.com",
		"realm_access": map[string]any{"roles": []string{"user", "admin"}},
	}))
}

var usualPolicy = Policy{
	Algorithms: []string{"ES256", "RS256"}, Issuer: "https://id.example.com", Audience: []string{"shop"},
	Claims: map[string][]string{"scope": {"read"}},
}

// BenchmarkES256 compares a token that is not known with the bare check of its signature.
func BenchmarkES256(b *testing.B) {
	v := verifierOf(b, usualPolicy, setOf(members("rsa"), members("p256"), members("p256b")))
	token := usual("ES256", "p256")
	signed := token[:bytes.LastIndexByte(token, '.')]
	sum := sha256.Sum256(signed)
	key, _ := pairs()["p256"].(*ecdsa.PrivateKey)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	// In turns, so that what else the machine does hits both alike.
	var bare, whole time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		sum := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
			b.Fatal("bad")
		}
		between := time.Now()
		if _, why, _ := v.Verify(token, nowNanos); why != None {
			b.Fatal(why)
		}
		bare, whole = bare+between.Sub(began), whole+time.Since(between)
	}
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(b.N), "verify-ns/op")
	b.ReportMetric(float64(whole)/float64(bare), "verify/bare")
}

func BenchmarkCached(b *testing.B) {
	v := verifierOf(b, usualPolicy, setOf(members("rsa"), members("p256")))
	for _, c := range []struct{ algorithm, key string }{{"ES256", "p256"}, {"RS256", "rsa"}} {
		token := usual(c.algorithm, c.key)
		if why := v.why(string(token)); why != None {
			b.Fatal(why)
		}
		b.Run("algorithm="+c.algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v.Cached(token, nowNanos) == nil {
					b.Fatal("not known")
				}
			}
		})
	}
}
