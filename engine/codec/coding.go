package codec

import "github.com/isame-lb/isame-lb/pool/wire"

// Coding is a content coding (RFC 9110 section 8.4.1). The zero value is Identity:
// content as it is.
type Coding uint8

// The codings Isame makes.
const (
	Identity Coding = iota
	Gzip
	Brotli
	Zstd
)

// codings is how many there are.
const codings = int(Zstd) + 1

// codingTokens are the registered names, lower case.
var codingTokens = [codings]string{"identity", "gzip", "br", "zstd"}

// String is the token of c as Content-Encoding names it.
func (c Coding) String() string { return codingTokens[c] }

// ParseCoding finds the coding with this token, in lower case. x-gzip is another word
// for gzip (RFC 9110 section 8.4.1.3).
func ParseCoding(token string) (Coding, bool) { return codingOf([]byte(token)) }

func codingOf(token []byte) (Coding, bool) {
	for c, name := range codingTokens {
		if wire.EqualFold(token, name) {
			return Coding(c), true
		}
	}
	return Gzip, wire.EqualFold(token, "x-gzip")
}

// Level is how much work is put into compressing. The zero value is Default.
type Level uint8

// README.md tells what they mean in each coding, in time, size and memory.
const (
	Default Level = iota
	Fastest
	Best
)

// levels is how many there are.
const levels = int(Best) + 1

var levelNames = [levels]string{"default", "fastest", "best"}

// String is the name of l in the configuration.
func (l Level) String() string { return levelNames[l] }

// ParseLevel finds the level with this name.
func ParseLevel(name string) (Level, bool) {
	for l, known := range levelNames {
		if name == known {
			return Level(l), true
		}
	}
	return Default, false
}
