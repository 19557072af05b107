package scan

import (
	"bytes"
	"strings"
)

// framing is what the fields of one head say about the body and the connection.
type framing struct {
	length    int64 // -1: no content-length
	status    int
	minor     byte // of HTTP/1.x
	close     bool
	keepAlive bool
	chunked   bool
}

// token marks the bytes a field name may contain (RFC 9110 section 5.6.2).
//
//nolint:gochecknoglobals // a constant table
var token = func() (t [256]bool) {
	for c := range 128 {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		t[c] = alnum || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return t
}()

// readStatusLine reads "HTTP/1.x NNN[ reason]CRLF" off the front of head.
func readStatusLine(head *[]byte) (f framing, err error) {
	b := *head
	end := bytes.IndexByte(b, '\n')
	if end < len("HTTP/1.1 200\r") || b[end-1] != '\r' || string(b[:7]) != "HTTP/1." || b[8] != ' ' {
		return f, ErrStatusLine
	}
	line := b[:end-1]
	if line[7] != '0' && line[7] != '1' || len(line) > 12 && line[12] != ' ' {
		return f, ErrStatusLine
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return f, ErrStatusLine
		}
		f.status = f.status*10 + int(c-'0')
	}
	if f.status < 100 || f.status > 599 || bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		return f, ErrStatusLine
	}
	f.minor, f.length = line[7]-'0', -1
	*head = b[end+1:]
	return f, nil
}

// readField reads one "name: value CRLF" off the front of head and keeps what
// it says about framing. Obsolete line folding is refused.
func (f *framing) readField(head *[]byte) error {
	b := *head
	end := bytes.IndexByte(b, '\n')
	if end < 2 || b[end-1] != '\r' {
		return ErrField
	}
	line := b[:end-1]
	*head = b[end+1:]
	colon := 0
	for colon < len(line) && token[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return ErrField
	}
	value := line[colon+1:]
	if bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, 0) >= 0 {
		return ErrField
	}
	switch colon {
	case len("connection"):
		if equalFold(line[:colon], "connection") {
			f.readConnection(value)
		}
	case len("content-length"):
		if equalFold(line[:colon], "content-length") {
			return f.readLength(trim(value))
		}
	case len("transfer-encoding"):
		if equalFold(line[:colon], "transfer-encoding") {
			return f.readCoding(trim(value))
		}
	}
	return nil
}

func (f *framing) readConnection(value []byte) {
	for len(value) > 0 {
		option := value
		if comma := bytes.IndexByte(value, ','); comma >= 0 {
			option, value = value[:comma], value[comma+1:]
		} else {
			value = nil
		}
		switch option = trim(option); {
		case equalFold(option, "close"):
			f.close = true
		case equalFold(option, "keep-alive"):
			f.keepAlive = true
		}
	}
}

// readLength accepts one decimal number. A repeated field must not differ;
// a list in one field is refused.
func (f *framing) readLength(value []byte) error {
	if len(value) == 0 || len(value) > 18 {
		return ErrLength
	}
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return ErrLength
		}
		n = n*10 + int64(c-'0')
	}
	if f.length >= 0 && f.length != n {
		return ErrLength
	}
	f.length = n
	return nil
}

// readCoding accepts "chunked" alone, once, in an HTTP/1.1 response: we ask for
// no other coding.
func (f *framing) readCoding(value []byte) error {
	if f.chunked || f.minor == 0 || !equalFold(value, "chunked") {
		return ErrCoding
	}
	f.chunked = true
	return nil
}

// trim removes spaces and tabs around a value.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares b with the lower-case ASCII string s, ignoring case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
