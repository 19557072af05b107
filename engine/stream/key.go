package stream

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it, and it is no secret
	"encoding/base64"
)

// Key is a Sec-WebSocket-Key: 16 bytes in base64. The zero value is none.
type Key [24]byte

// newKey makes what a WebSocket handshake in HTTP/1.1 has to name (RFC 6455
// section 4.1); above it there is none (RFC 8441 section 5, RFC 9220).
func newKey() (key Key) {
	var random [16]byte
	_, _ = rand.Read(random[:])
	base64.StdEncoding.Encode(key[:], random[:])
	return key
}

// Accepts reports that a backend of HTTP/1.1 has answered with what belongs to the key
// (RFC 6455 section 4.1). Where there is none, anything does.
func (k *Key) Accepts(answer []byte) bool {
	return *k == Key{} || bytes.Equal(answer, k.appendAccept(nil))
}

// appendAccept appends what a server of HTTP/1.1 says to a key (RFC 6455 section
// 4.2.2).
func (k *Key) appendAccept(b []byte) []byte {
	sum := sha1.Sum(append(bytes.Clone(k[:]), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...)) //nolint:gosec // it is no secret
	return base64.StdEncoding.AppendEncode(b, sum[:])
}
