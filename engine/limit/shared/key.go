package shared

import (
	"crypto/sha256"
	"encoding/base64"
)

// Key is what the server knows whoever has a limit of its own by: 128 bits of a hash
// that all instances compute alike. What it was made of does not leave the process; who
// can read the server can test guesses of it.
type Key [16]byte

// KeyBytes is the key of a text, in a form in which no two different keys are the same.
// The bytes are not kept.
func KeyBytes(text []byte) (k Key) {
	sum := sha256.Sum256(text)
	copy(k[:], sum[:])
	return k
}

// String is the key as the server stores it.
func (k Key) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }
