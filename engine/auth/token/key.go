package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// rsaBitsMin is the smallest modulus of RFC 7518 section 3.3, rsaBitsMax one whose
// check takes half a millisecond.
const (
	rsaBitsMin = 2048
	rsaBitsMax = 8192
)

// key is one that signatures are checked with.
type key struct {
	id        string // kid; empty where the key names none
	kind      kind
	algorithm string // the only one it is for, empty for all of its kind
	public    any    // of the type that the methods of golang-jwt expect
	bytes     int    // of a secret
}

// fits reports that a may be used with the key.
func (k *key) fits(a *algorithm) bool {
	return k.kind == a.kind && (k.algorithm == "" || k.algorithm == a.name) && k.bytes >= a.secretBytes
}

// newKey makes a key of what a parser has found.
func newKey(found any) (*key, error) {
	switch public := found.(type) {
	case *rsa.PublicKey:
		if n := public.N.BitLen(); n < rsaBitsMin || n > rsaBitsMax {
			return nil, fmt.Errorf("an RSA key of %d bits; want %d to %d", n, rsaBitsMin, rsaBitsMax)
		}
		return &key{kind: kindRSA, public: public}, nil
	case *ecdsa.PublicKey:
		for i, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			if public.Curve == curve {
				return &key{kind: kindP256 + kind(i), public: public}, nil
			}
		}
		return nil, errors.New("a key of another curve than P-256, P-384 and P-521")
	case ed25519.PublicKey:
		return &key{kind: kindEd25519, public: public}, nil
	}
	return nil, fmt.Errorf("a key of a type that signs no tokens (%T)", found)
}

// fromPEM reads one public key, or that of a certificate.
func fromPEM(data []byte) (*key, error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	if other, _ := pem.Decode(rest); other != nil {
		return nil, errors.New("it holds several keys; several are a JSON Web Key Set")
	}
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = c.PublicKey
		}
	default:
		return nil, fmt.Errorf("it holds a %s; want a PUBLIC KEY", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot parse it: %w", err)
	}
	return newKey(public)
}

// fromSecret takes bytes as they are, but for one line end.
func fromSecret(data []byte) (*key, error) {
	if n := len(data); n > 0 && data[n-1] == '\n' {
		data = data[:n-1]
	}
	if n := len(data); n > 0 && data[n-1] == '\r' {
		data = data[:n-1]
	}
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	return &key{kind: kindSecret, public: slices.Clone(data), bytes: len(data)}, nil
}

// jwk is a JSON Web Key (RFC 7517), without the members nobody needs who checks.
type jwk struct {
	Type       string   `json:"kty"`
	ID         string   `json:"kid"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	Modulus    string   `json:"n"`
	Exponent   string   `json:"e"`
	Secret     string   `json:"k"`
}

// errNotForUs is the reason of a key of a set that checks no signatures, or in a way
// that is not known: it is left out (RFC 7517 section 5).
var errNotForUs = errors.New("a key that checks no signatures")

// fromJWK reads a JSON Web Key. The private part of one is not looked at.
func fromJWK(data []byte) (*key, error) {
	var j jwk
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("cannot parse a JSON Web Key: %w", err)
	}
	if j.Use != "" && j.Use != "sig" || len(j.Operations) > 0 && !slices.Contains(j.Operations, "verify") {
		return nil, errNotForUs
	}
	k, err := j.key()
	if err != nil {
		return nil, err
	}
	k.id = j.ID
	if j.Algorithm != "" {
		a := named(j.Algorithm)
		if a == nil || a.kind != k.kind {
			return nil, fmt.Errorf("%s for the algorithm %q", k.kind, j.Algorithm)
		}
		k.algorithm = a.name
	}
	return k, nil
}

func (j *jwk) key() (*key, error) {
	switch j.Type {
	case "RSA":
		return j.rsa()
	case "EC":
		return j.ec()
	case "OKP":
		x, err := decode(j.X)
		if err != nil || j.Curve != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an OKP key of the curve %q that cannot be used", j.Curve)
		}
		return newKey(ed25519.PublicKey(x))
	case "oct":
		k, err := decode(j.Secret)
		if err != nil || len(k) == 0 {
			return nil, errors.New("an oct key without a secret")
		}
		return &key{kind: kindSecret, public: k, bytes: len(k)}, nil
	}
	return nil, fmt.Errorf("a key of the type %q", j.Type)
}

func (j *jwk) rsa() (*key, error) {
	n, nErr := decode(j.Modulus)
	e, eErr := decode(j.Exponent)
	const exponentBytes = 4
	if nErr != nil || eErr != nil || len(e) == 0 || len(e) > exponentBytes || len(n) > rsaBitsMax/8+1 {
		return nil, errors.New("an RSA key whose numbers cannot be used")
	}
	exponent := int(new(big.Int).SetBytes(e).Int64())
	if exponent < 3 || exponent&1 == 0 {
		return nil, fmt.Errorf("an RSA key with the exponent %d", exponent)
	}
	return newKey(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent})
}

func (j *jwk) ec() (*key, error) {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	curve := curves[j.Curve]
	if curve == nil {
		return nil, fmt.Errorf("an EC key of the curve %q", j.Curve)
	}
	x, xErr := decode(j.X)
	y, yErr := decode(j.Y)
	bytes := (curve.Params().BitSize + 7) / 8
	if xErr != nil || yErr != nil || len(x) != bytes || len(y) != bytes {
		return nil, errors.New("an EC key whose numbers cannot be used")
	}
	const uncompressed = 4
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{uncompressed}, x, y)) // looks whether it is on the curve
	if err != nil {
		return nil, fmt.Errorf("an EC key that cannot be used: %w", err)
	}
	return newKey(public)
}

func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(text) //nolint:wrapcheck // callers say what it is
}
