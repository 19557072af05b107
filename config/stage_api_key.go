package config

import (
	"crypto/sha256"
	"encoding/hex"
)

// StageAPIKey lets requests with a known key pass. Others get 401, with WWW-Authenticate where the key is in Authorization.
type StageAPIKey struct {
	// In is where the key is: header:NAME, query:NAME or cookie:NAME. In Authorization the word Bearer is taken off.
	In string `default:"header:X-API-Key" koanf:"in"`
	// Keys are the keys that are known, by their hash; several may have one name, so that one can follow another.
	Keys []APIKey `example:"[{name: billing, sha256: \"${ENV:BILLING_KEY_SHA256}\"}]" koanf:"keys"`
	// KeysFile holds further ones, NAME:SHA256 a line; what begins with # is a comment. It is read again
	// when it changes, without a reload, and the last good one is kept.
	KeysFile string `example:"keys.txt" file:"live" koanf:"keys_file"`
	// NameHeader is the field that tells backends the name of the key; what a client sends in it is removed,
	// with underscores for hyphens, too.
	NameHeader string `example:"X-Consumer" koanf:"name_header"`
}

// APIKey is one key that is known.
type APIKey struct {
	// Name is whose it is: in name_header, in logs and in limits by api_key.
	Name string `example:"billing" koanf:"name" required:"true"`
	// SHA256 is the hash of the key, hexadecimal: printf %s KEY | sha256sum.
	SHA256 Secret `example:"\"${ENV:BILLING_KEY_SHA256}\"" koanf:"sha256" required:"true"`
}

// check reports what is wrong with the keys.
func (s *StageAPIKey) check(c *checker, path string) {
	c.place(path+".in", s.In)
	if len(s.Keys) == 0 && s.KeysFile == "" {
		c.reportf(path, "lets nobody pass: it needs keys or keys_file")
	}
	first := map[string]int{}
	for i, key := range s.Keys {
		at := indexPath(path+".keys", i)
		hash, err := hex.DecodeString(string(key.SHA256))
		was, twice := first[string(hash)]
		switch {
		case key.SHA256 == "":
		case err != nil || len(hash) != sha256.Size:
			c.reportf(at+".sha256", "is no SHA-256, which has %d hexadecimal digits: printf %%s KEY | sha256sum", hex.EncodedLen(sha256.Size))
		case [sha256.Size]byte(hash) == sha256.Sum256(nil):
			c.reportf(at+".sha256", "is the SHA-256 of an empty key: printf %%s KEY | sha256sum")
		case twice:
			c.reportf(at+".sha256", "is that of keys[%d]", was)
		}
		first[string(hash)] = i
	}
	c.toldField(path+".name_header", s.NameHeader)
}
