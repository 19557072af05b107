package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/engine/auth/live"
)

func overwrite(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func block(kind string, der []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestAKeyFileHoldsOneKey(t *testing.T) {
	public, _ := pairs()["rsa"].Public().(*rsa.PublicKey)
	pkcs1 := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(public), nil)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pairs()["p256"].Public(), pairs()["p256"])
	certificate := block("CERTIFICATE", der, err)
	private, err := x509.MarshalPKCS8PrivateKey(pairs()["rsa"])
	privatePEM := block("PRIVATE KEY", private, err)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	shortPEM, err := x509.MarshalPKIXPublicKey(short.Public())
	p224, curveErr := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if curveErr != nil {
		t.Fatal(curveErr)
	}
	p224PEM, curveErr := x509.MarshalPKIXPublicKey(p224.Public())
	long := strings.Repeat("s", 64)
	for _, c := range []struct {
		name, algorithm string
		file            []byte
		by              any    // who signs what is good
		want            string // the error
	}{
		{"PEM", "RS256", publicPEM("rsa"), pairs()["rsa"], ""},
		{"PEM behind a line", "PS256", append([]byte("\n"), publicPEM("rsa")...), pairs()["rsa"], ""},
		{"PKCS 1", "RS256", pkcs1, pairs()["rsa"], ""},
		{"a certificate", "ES256", certificate, pairs()["p256"], ""},
		{"Ed25519", "EdDSA", publicPEM("ed"), pairs()["ed"], ""},
		{"P-521", "ES512", publicPEM("p521"), pairs()["p521"], ""},
		{"a JSON Web Key", "ES256", []byte(jsonOf(members("p256"))), pairs()["p256"], ""},
		{"a secret", "HS256", []byte(long), []byte(long), ""},
		{"a secret and a line end", "HS512", []byte(long + "\r\n"), []byte(long), ""},
		{"a secret of bytes", "HS256", []byte("\x00\xff\n" + long), []byte("\x00\xff\n" + long), ""},
		{"a short secret", "HS256", []byte("secret"), nil, "the secret has 6 bytes; HS256 wants 32 or more"},
		{"no secret", "HS256", []byte("\n"), nil, "it is empty"},
		{"PEM for a secret", "HS256", publicPEM("rsa"), nil, "the key is an RSA key, which HS256 is not used with"},
		{"a secret for RS256", "RS256", []byte(long), nil, "the key is a secret, which RS256 is not used with"},
		{"another curve", "ES256", publicPEM("p384"), nil, "the key is a P-384 key, which ES256 is not used with"},
		{"P-224", "ES256", block("PUBLIC KEY", p224PEM, curveErr), nil, "a key of another curve"},
		{"1024 bits", "RS256", block("PUBLIC KEY", shortPEM, err), nil, "an RSA key of 1024 bits; want 2048 to 8192"},
		{"a private key", "RS256", privatePEM, nil, "it holds a PRIVATE KEY; want a PUBLIC KEY"},
		{"two keys", "RS256", append(publicPEM("rsa"), publicPEM("rsa2")...), nil, "it holds several keys"},
		{"broken PEM", "RS256", []byte("-----BEGIN PUBLIC KEY-----\nx"), nil, "it is no PEM"},
		{"broken DER", "RS256", block("PUBLIC KEY", []byte("x"), nil), nil, "cannot parse it"},
		{"broken JSON", "RS256", []byte(`{"kty":1}`), nil, "cannot parse a JSON Web Key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			source, err := OpenKey(live.NewKeeper(nil), "key", fileOf(t, c.file), []string{c.algorithm})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v; want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = source.Close() })
			v, err := New(Policy{Algorithms: []string{c.algorithm}}, source)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.why(signText(c.algorithm, c.by, `{"alg":"`+c.algorithm+`","kid":"p256"}`, `{}`)); got != None {
				t.Errorf("its token is refused: %v", got)
			}
		})
	}
}

func TestKeysOfASetThatCannotBeUsedAreLeftOut(t *testing.T) {
	offCurve := members("p256", "y", encode(make([]byte, 32)))
	for _, c := range []struct {
		name string
		key  map[string]any
		want string
	}{
		{"another type", map[string]any{"kty": "X"}, `a key of the type "X"`},
		{"no type", map[string]any{}, `a key of the type ""`},
		{"for encryption", members("rsa", "use", "enc"), "a key that checks no signatures"},
		{"that only signs", members("rsa", "key_ops", []string{"sign"}), "a key that checks no signatures"},
		{"for OAEP", members("rsa", "alg", "RSA-OAEP"), `an RSA key for the algorithm "RSA-OAEP"`},
		{"of another kind", members("rsa", "alg", "ES256"), `an RSA key for the algorithm "ES256"`},
		{"no modulus", members("rsa", "n", nil), "an RSA key of 0 bits"},
		{"a huge modulus", members("rsa", "n", strings.Repeat("A", 1<<16)), "an RSA key whose numbers cannot be used"},
		{"exponent 1", members("rsa", "e", "AQ"), "an RSA key with the exponent 1"},
		{"exponent 4", members("rsa", "e", "BA"), "an RSA key with the exponent 4"},
		{"a large exponent", members("rsa", "e", "AQAAAAE"), "an RSA key whose numbers cannot be used"},
		{"off the curve", offCurve, "an EC key that cannot be used"},
		{"P-256K", members("p256", "crv", "secp256k1"), `an EC key of the curve "secp256k1"`},
		{"short", members("p256", "x", "AQ"), "an EC key whose numbers cannot be used"},
		{"X25519", members("ed", "crv", "X25519"), `an OKP key of the curve "X25519"`},
		{"no secret", members("secret", "k", ""), "an oct key without a secret"},
	} {
		set, err := parseSet(setOf(c.key, members("p256b")), false)
		if err != nil || set.Len() != 1 || len(set.left) != 1 || !strings.Contains(set.left[0].Error(), "keys[0] is "+c.want) {
			t.Errorf("%s: got %v, %v; want it left out: %s", c.name, set, err, c.want)
		}
		if _, err := parseSet(setOf(c.key), false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s alone: got %v; want %s", c.name, err, c.want)
		}
	}
	if set, err := parseSet(setOf(members("secret"), members("p256")), true); err != nil || set.Len() != 1 {
		t.Errorf("got %v, %v; want a secret that everybody can read left out", set, err)
	}
	for _, text := range []string{"", "x", "[]", "{}", `{"keys":{}}`, `{"keys":[]}`, `{"keys":null}`, `{"keys":[1]}`, `{"keys":[` + strings.Repeat("{},", keysMax) + `{}]}`} {
		if set, err := parseSet([]byte(text), false); err == nil {
			t.Errorf("%.30s: got %v; want an error", text, set)
		}
	}
}

func TestAlgorithmsAreNamed(t *testing.T) {
	for _, c := range []struct{ algorithms, want string }{
		{"", "there is no algorithm"},
		{"none", `there is no algorithm "none"; want some of RS256`},
		{"es256", `there is no algorithm "es256"`},
		{"RS256 HS256", "algorithms RS256 and HS256 have no key in common"},
		{"HS256 ES256", "algorithms HS256 and ES256 have no key in common"},
	} {
		if _, err := New(Policy{Algorithms: strings.Fields(c.algorithms)}, nil); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v; want %s", c.algorithms, err, c.want)
		}
	}
}

// FuzzSet: whatever a URL answers, it is refused or makes keys that can be used.
func FuzzSet(f *testing.F) {
	f.Add(setOf(members("rsa"), members("p256"), members("ed"), members("secret")))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := parseSet(text, true)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			for _, a := range algorithms {
				if k.fits(a) && a.method.Verify("x", make([]byte, 64), k.public) == nil {
					t.Errorf("a signature of zeros is good")
				}
			}
		}
	})
}
