package config

import (
	"time"
)

// StageJWT lets requests with a valid JSON Web Token pass (RFC 7519, RFC 8725). Others get 401, and 403 where only claims are missing.
type StageJWT struct {
	// JWKSURL is where the keys are fetched from; the last good set is kept while that fails.
	JWKSURL string `example:"https://id.example.com/.well-known/jwks.json" koanf:"jwks_url"`
	// JWKSFile holds the keys as a JSON Web Key Set. It is read again when it changes.
	JWKSFile string `example:"jwks.json" file:"true" koanf:"jwks_file"`
	// KeyFile holds one key: a public one in PEM, or the secret of HS256 and the like.
	KeyFile string `example:"jwt.pem" file:"true" koanf:"key_file"`
	// Algorithms are those that are taken: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, or HS256, HS384,
	// HS512 with a secret.
	Algorithms []string `example:"[ES256]" koanf:"algorithms" required:"true" single:"true"`
	// Issuer is what iss must be; empty means anything.
	Issuer string `example:"https://id.example.com" koanf:"issuer"`
	// Audience lists values of which aud must hold one; empty means anything.
	Audience []string `example:"[shop]" koanf:"audience" single:"true"`
	// Leeway is how far the clocks may be apart.
	Leeway time.Duration `default:"30s" koanf:"leeway"`
	// In is where the token is: header:NAME, query:NAME or cookie:NAME. In Authorization the word Bearer is taken off.
	In string `default:"header:Authorization" koanf:"in"`
	// Claims must all hold one of their values each; of a text with spaces, as scope is, each word counts.
	Claims map[string][]string `example:"{scope: [read]}" koanf:"claims" single:"true"`
	// Headers tell backends of claims, by the name of the field; what a client sends in them is removed.
	Headers map[string]string `example:"{X-User: sub}" koanf:"headers"`
	// Refresh is how often the keys are fetched.
	Refresh time.Duration `default:"10m" koanf:"refresh" positive:"true"`
	// Optional lets requests without a token pass; one that is not valid is refused all the same.
	Optional bool `koanf:"optional"`
}
