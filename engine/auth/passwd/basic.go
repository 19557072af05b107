package passwd

import (
	"bytes"
	"encoding/base64"
)

// The longest name and password that are looked at.
const (
	NameBytesMax     = 255
	PasswordBytesMax = 512
)

// Room is what credentials are decoded into.
type Room [NameBytesMax + 1 + PasswordBytesMax + 3]byte

// scheme is that of RFC 7617 with its space, in lower case.
const scheme = "basic "

// Credentials reads the value of an Authorization field. name and password are parts of
// room. ok is false for what is not of the scheme Basic, is no base64, has no colon or a
// control character (RFC 7617 section 2), or is longer than any that is accepted. It
// allocates nothing.
func Credentials(value []byte, room *Room) (name, password []byte, ok bool) {
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return nil, nil, false
	}
	text := bytes.Trim(value[len(scheme):], " ")
	if len(text) > base64.StdEncoding.EncodedLen(len(room)-3) {
		return nil, nil, false
	}
	text = bytes.TrimRight(text, "=") // some clients leave them out
	n, err := base64.RawStdEncoding.Decode(room[:], text)
	if err != nil {
		return nil, nil, false
	}
	name, password, ok = bytes.Cut(room[:n], []byte{':'})
	if !ok || len(name) > NameBytesMax || len(password) > PasswordBytesMax || hasControl(name) || hasControl(password) {
		return nil, nil, false
	}
	return name, password, true
}
