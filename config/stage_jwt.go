package config

import (
	"slices"
	"strings"
	"time"
)

// StageJWT lets requests with a valid JSON Web Token pass (RFC 7519, RFC 8725). Others get 401, and 403 where only claims are missing.
type StageJWT struct {
	// JWKSURL is where the keys are fetched from; the last good set is kept while that fails.
	JWKSURL string `example:"https://id.example.com/.well-known/jwks.json" koanf:"jwks_url"`
	// JWKSFile holds the keys as a JSON Web Key Set. It is read again when it changes, without a reload, and the last good one
	// is kept.
	JWKSFile string `example:"jwks.json" file:"live" koanf:"jwks_file"`
	// KeyFile holds one key, and is read again as jwks_file is: a public one, in PEM or as a JSON Web Key, or the secret of HS256
	// and the like, at least as long as its hash.
	KeyFile string `example:"jwt.pem" file:"live" koanf:"key_file"`
	// Algorithms are those that are taken: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (or Ed25519), or
	// HS256, HS384, HS512 with a secret.
	Algorithms []string `example:"[ES256]" koanf:"algorithms" required:"true" single:"true"`
	// Issuer is what iss must be; empty means anything.
	Issuer string `example:"https://id.example.com" koanf:"issuer"`
	// Audience lists values of which aud must hold one; empty means anything.
	Audience []string `example:"[shop]" koanf:"audience" single:"true"`
	// Leeway is how far the clocks may be apart.
	Leeway time.Duration `default:"30s" koanf:"leeway"`
	// In is where the token is: header:NAME, query:NAME or cookie:NAME. In Authorization the word Bearer is taken off.
	In string `default:"header:Authorization" koanf:"in"`
	// Claims must all hold one of their values each; of a text with spaces, as scope is, each word counts. Dots descend, where no
	// claim is called so.
	Claims map[string][]string `example:"{scope: [read]}" koanf:"claims" single:"true"`
	// Headers tell backends of claims, by the name of the field; what a client sends in them is removed, with underscores for hyphens, too.
	Headers map[string]string `example:"{X-User: sub}" koanf:"headers"`
	// Refresh is how often the keys are fetched.
	Refresh time.Duration `default:"10m" koanf:"refresh" positive:"true"`
	// Optional lets requests without a token pass; one that is not valid is refused all the same.
	Optional bool `koanf:"optional"`
}

// jwtAlgorithms are those that a token may be signed with.
func jwtAlgorithms() []string {
	return []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "HS256", "HS384", "HS512",
	}
}

// check reports what is wrong with the keys.
func (s *StageJWT) check(c *checker, path string) {
	given := c.page(path, []string{"jwks_url", "jwks_file", "key_file"}, []string{s.JWKSURL, s.JWKSFile, s.KeyFile})
	if given == "" && !c.broken[path+".jwks_url"] && !c.broken[path+".jwks_file"] && !c.broken[path+".key_file"] {
		c.reportf(path, "has no key: it needs one of jwks_url, jwks_file and key_file")
	}
	if s.JWKSURL != "" {
		c.url(path+".jwks_url", s.JWKSURL)
		if strings.HasPrefix(s.JWKSURL, "http://") {
			c.warnf(path+".jwks_url", "keys come in clear text: whoever stands in between can put in their own")
		}
	} else if s.Refresh != jwksRefreshDefault {
		c.warnf(path+".refresh", "has no effect without jwks_url")
	}
	c.algorithms(path+".algorithms", s)
	c.place(path+".in", s.In)
	for _, claim := range sortedNames(s.Claims) {
		at := joinPath(path+".claims", claim)
		if claim == "" {
			c.reportf(at, "a claim must have a name")
		}
		if len(s.Claims[claim]) == 0 && !c.broken[at] {
			c.reportf(at, "is empty, so nobody could pass")
		}
	}
	for _, name := range sortedNames(s.Headers) {
		at := joinPath(path+".headers", name)
		c.toldField(at, name)
		if s.Headers[name] == "" {
			c.reportf(at, "names no claim")
		}
	}
	c.noDuplicates(path+".audience", s.Audience)
}

// jwksRefreshDefault is the default of refresh, which is printed and so is no wish of anybody.
const jwksRefreshDefault = 10 * time.Minute

// algorithms checks that each is known, and that one key is not taken for keys of two kinds.
func (c *checker) algorithms(path string, s *StageJWT) {
	if len(s.Algorithms) == 0 && !c.broken[path] {
		c.reportf(path, "must not be empty: a token could choose for itself how it is verified")
	}
	secrets := 0
	for i, name := range s.Algorithms {
		at := indexPath(path, i)
		switch {
		case strings.EqualFold(name, "none"):
			c.reportf(at, "none is no algorithm: anybody could write such a token")
		case !slices.Contains(jwtAlgorithms(), name):
			c.reportf(at, "%s is none of %s%s", c.quote(at, name), strings.Join(jwtAlgorithms(), ", "), DidYouMean(name, jwtAlgorithms()))
		case strings.HasPrefix(name, "HS"):
			secrets++
			if s.JWKSURL != "" {
				c.reportf(at, "%s takes a secret, and keys of jwks_url are known to all", name)
			}
		}
	}
	if secrets > 0 && secrets < len(s.Algorithms) {
		c.reportf(path, "holds algorithms with a secret (HS256 and the like) beside others: a public key could be taken for the secret")
	}
	c.noDuplicates(path, s.Algorithms)
}
