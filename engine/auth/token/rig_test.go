package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// nowSeconds is when the tests take place.
const (
	nowSeconds = 1_800_000_000
	nowNanos   = nowSeconds * 1e9
)

// pairs are private keys of every kind, made once.
var pairs = sync.OnceValue(func() map[string]crypto.Signer {
	made := map[string]crypto.Signer{}
	made["rsa"], _ = rsa.GenerateKey(rand.Reader, 2048)
	made["rsa2"], _ = rsa.GenerateKey(rand.Reader, 2048)
	made["p256"], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	made["p256b"], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	made["p384"], _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	made["p521"], _ = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, made["ed"], _ = ed25519.GenerateKey(rand.Reader)
	return made
})

var secret = []byte(strings.Repeat("secret-", 10))

// private is what golang-jwt signs with.
func private(name string) any {
	if name == "secret" {
		return secret
	}
	return pairs()[name]
}

// publicPEM is the public half of a pair.
func publicPEM(name string) []byte {
	der, err := x509.MarshalPKIXPublicKey(pairs()[name].Public())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// members are those of a JSON Web Key; extra ones are name, value and so on.
func members(name string, extra ...any) map[string]any {
	m := map[string]any{"kid": name}
	if name == "secret" {
		m["kty"], m["k"] = "oct", encode(secret)
	} else {
		switch public := pairs()[name].Public().(type) {
		case *rsa.PublicKey:
			m["kty"], m["n"], m["e"] = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
		case *ecdsa.PublicKey:
			point, err := public.Bytes()
			if err != nil {
				panic(err)
			}
			n := (len(point) - 1) / 2
			m["kty"], m["crv"], m["x"], m["y"] = "EC", public.Params().Name, encode(point[1:1+n]), encode(point[1+n:])
		case ed25519.PublicKey:
			m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(public)
		}
	}
	for i := 0; i < len(extra); i += 2 {
		name, _ := extra[i].(string)
		if m[name] = extra[i+1]; extra[i+1] == nil {
			delete(m, name)
		}
	}
	return m
}

// setOf is a JSON Web Key Set.
func setOf(keys ...map[string]any) []byte {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return text
}

// sign makes a token as issuers do. Without "kid" in head it has none.
func sign(algorithm, by string, head, claims map[string]any) string {
	t := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), jwt.MapClaims(claims))
	maps.Copy(t.Header, head)
	text, err := t.SignedString(private(by))
	if err != nil {
		panic(err)
	}
	return text
}

// signText makes a token of any head and claims.
func signText(algorithm string, key any, head, claims string) string {
	signed := encode([]byte(head)) + "." + encode([]byte(claims))
	signature, err := jwt.GetSigningMethod(algorithm).Sign(signed, key)
	if err != nil {
		panic(err)
	}
	return signed + "." + encode(signature)
}

// fileOf writes one.
func fileOf(tb testing.TB, text []byte) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "keys")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// verifierOf makes one of a set of keys.
func verifierOf(tb testing.TB, p Policy, set []byte) *Verifier {
	tb.Helper()
	source, err := OpenSet(live.NewKeeper(nil), "keys", fileOf(tb, set), p.Algorithms)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = source.Close() })
	v, err := New(p, source)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// why verifies.
func (v *Verifier) why(token string) Reason {
	_, why, _ := v.Verify([]byte(token), nowNanos)
	return why
}
