package rate

import "hash/maphash"

// Key stands for whoever has a limit of its own: an address, the value of a field, or
// several of them. It is a hash of 64 bits under a seed that this process has drawn, so
// that nobody can choose keys that meet in one place of a table. It means nothing to
// another process, and what it was made of cannot be had back.
//
// Two keys that are equal by chance share a limit. A table compares 58 bits: with a
// million keys that happens in one of half a million tables.
type Key uint64

var seed = maphash.MakeSeed()

// KeyBytes is the key of a text, in a form in which no two different keys are the same.
// The bytes are not kept.
func KeyBytes(text []byte) Key { return Key(maphash.Bytes(seed, text)) }

// KeyString is KeyBytes of a string.
func KeyString(text string) Key { return Key(maphash.String(seed, text)) }
