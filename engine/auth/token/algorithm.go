package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// kind is what a key can be used for. A key has one, an algorithm belongs to one: a key
// is never used with an algorithm of another (RFC 8725 section 3.1).
type kind uint8

const (
	kindRSA kind = iota + 1
	kindP256
	kindP384
	kindP521
	kindEd25519
	kindSecret
)

var kinds = [...]string{"", "an RSA key", "a P-256 key", "a P-384 key", "a P-521 key", "an Ed25519 key", "a secret"}

func (k kind) String() string { return kinds[k] }

// algorithm is a way to sign.
type algorithm struct {
	name        string
	method      jwt.SigningMethod
	kind        kind
	secretBytes int // the shortest secret (RFC 7518 section 3.2)
}

// algorithms are all that are known; "none" is none of them.
var algorithms = []*algorithm{
	{"RS256", jwt.SigningMethodRS256, kindRSA, 0},
	{"RS384", jwt.SigningMethodRS384, kindRSA, 0},
	{"RS512", jwt.SigningMethodRS512, kindRSA, 0},
	{"PS256", jwt.SigningMethodPS256, kindRSA, 0},
	{"PS384", jwt.SigningMethodPS384, kindRSA, 0},
	{"PS512", jwt.SigningMethodPS512, kindRSA, 0},
	{"ES256", jwt.SigningMethodES256, kindP256, 0},
	{"ES384", jwt.SigningMethodES384, kindP384, 0},
	{"ES512", jwt.SigningMethodES512, kindP521, 0},
	{"EdDSA", jwt.SigningMethodEdDSA, kindEd25519, 0},
	{"HS256", jwt.SigningMethodHS256, kindSecret, 32},
	{"HS384", jwt.SigningMethodHS384, kindSecret, 48},
	{"HS512", jwt.SigningMethodHS512, kindSecret, 64},
}

// named is the algorithm of a name, nil for one that is not known. EdDSA is called
// Ed25519, too (RFC 9864 section 2.2).
func named(name string) *algorithm {
	if name == "Ed25519" {
		name = "EdDSA"
	}
	for _, a := range algorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

// choose reads the names that a configuration takes.
func choose(names []string) ([]*algorithm, error) {
	if len(names) == 0 {
		return nil, errors.New("there is no algorithm: name those that tokens are signed with")
	}
	var chosen []*algorithm
	for _, name := range names {
		a := named(name)
		if a == nil {
			var all []string
			for _, known := range algorithms {
				all = append(all, known.name)
			}
			return nil, fmt.Errorf("there is no algorithm %q; want some of %s", name, strings.Join(all, ", "))
		}
		if (a.kind == kindSecret) != (len(chosen) > 0 && chosen[0].kind == kindSecret) && len(chosen) > 0 {
			return nil, fmt.Errorf("algorithms %s and %s have no key in common: one has a secret, the other a public key", chosen[0].name, a.name)
		}
		chosen = append(chosen, a)
	}
	return chosen, nil
}

// slow are the kinds whose signatures take milliseconds, for want of assembly.
var slow = []kind{kindP384, kindP521}

func anySlow(chosen []*algorithm) bool {
	return slices.ContainsFunc(chosen, func(a *algorithm) bool { return slices.Contains(slow, a.kind) })
}
