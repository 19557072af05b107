package stream

import "strconv"

// Classes of bytes in names: of tokens (RFC 9110 section 5.6.2) without capitals,
// which only HTTP/1.1 has (RFC 9113 section 8.2.1).
var nameByte = func() (ok [256]bool) { //nolint:gochecknoglobals // read-only table
	for _, c := range "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~" {
		ok[c] = true
	}
	return ok
}()

// isField reports a name and a value that make one line of text, and can be read back
// from it as they are.
func isField(name, value []byte) bool { return validName(name) && validValue(value) }

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

func isPseudo(name []byte) bool { return len(name) > 0 && name[0] == ':' }

// aboutConnection reports a field that only HTTP/1.1 has (RFC 9113 section 8.2.2).
func aboutConnection(name []byte) bool {
	switch string(name) {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// isOddTE reports the one field about a connection that a request may have, where it
// says what it may not.
func isOddTE(name, value []byte) bool { return string(name) == "te" && string(value) != "trailers" }

// lines are field lines of HTTP/1.1.
type lines struct {
	text   []byte
	length int64 // of content-length; -1 without one
}

// add writes a field as it came.
func (l *lines) add(name, value []byte) bool {
	l.text = append(append(append(l.text, name...), ": "...), value...)
	l.text = append(l.text, "\r\n"...)
	return true
}

// addLength takes content-length, once; false: it is none, or there are two.
func (l *lines) addLength(value []byte) bool {
	n, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil || l.length >= 0 {
		return false
	}
	l.length = int64(n)
	return true
}
