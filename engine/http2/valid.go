package http2

import (
	"crypto/rand"
	"encoding/base64"
)

// Classes of bytes in names: of tokens (RFC 9110 section 5.6.2) without capitals,
// which HTTP/2 does not have (RFC 9113 section 8.2.1).
var nameByte = func() (ok [256]bool) { //nolint:gochecknoglobals // read-only table
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~" {
		ok[c] = true
	}
	return ok
}()

func validName(name []byte) bool {
	for _, c := range name {
		if !nameByte[c] {
			return false
		}
	}
	return len(name) > 0
}

// validValue refuses what would end a line, or be trimmed off it.
func validValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	n := len(value)
	return n == 0 || !isSpace(value[0]) && !isSpace(value[n-1])
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// validPseudo refuses what would end a part of the request line.
func validPseudo(value []byte) bool {
	for _, c := range value {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// newKey makes what a WebSocket handshake in HTTP/1.1 has to name (RFC 6455
// section 4.1); in HTTP/2 there is none (RFC 8441 section 5).
func newKey() (key Key) {
	var random [16]byte
	_, _ = rand.Read(random[:])
	base64.StdEncoding.Encode(key[:], random[:])
	return key
}
