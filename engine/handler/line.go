package handler

import (
	"bytes"
	"iter"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// nameMax is the length of names that are made canonical without memory of their own.
const nameMax = 64

// canonical appends a name as fasthttp has it: letters in upper case at the beginning and
// behind hyphens, else in lower case.
func canonical(dst, name []byte) []byte {
	upper := true
	for _, c := range name {
		switch {
		case upper && 'a' <= c && c <= 'z', !upper && 'A' <= c && c <= 'Z':
			c ^= 0x20
		}
		upper = c == '-'
		dst = append(dst, c)
	}
	return dst
}

// canonicalNames are those of the identities that one name alone has.
var canonicalNames = func() (names [64][]byte) {
	for id := range names {
		names[id] = canonical(nil, []byte(wire.FieldID(id).Name()))
	}
	return names
}()

// canonicalName is the canonical name of a field; room is for one that is not known.
func canonicalName(room []byte, id wire.FieldID, name []byte) []byte {
	if known := canonicalNames[id&63]; len(known) > 0 {
		return known
	}
	return canonical(room, name)
}

func appendLine(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// cutLine cuts the first line off whole lines.
func cutLine(lines []byte) (name, value, rest []byte) {
	line, rest, _ := bytes.Cut(lines, []byte("\r\n"))
	name, value, _ = bytes.Cut(line, []byte(":"))
	return name, wire.TrimOWS(value), rest
}

// eachLine calls see with the field lines of a head that are not marked Drop, and with
// those that were added, which are whole lines.
func eachLine(head *wire.Head, added []byte, see func(id wire.FieldID, name, value []byte)) {
	if head != nil {
		for i := range head.Fields {
			if f := &head.Fields[i]; !f.Drop {
				see(f.ID, head.Name(f), head.FieldValue(f))
			}
		}
	}
	for rest := added; len(rest) > 0; {
		var name, value []byte
		name, value, rest = cutLine(rest)
		see(wire.IDOfBytes(name), name, value)
	}
}

// cutEqual cuts the first line off whole lines if it is the one of name and value.
func cutEqual(lines, name, value []byte) (rest []byte, same bool) {
	n := len(name) + len(": ")
	end := n + len(value) + len("\r\n")
	if len(lines) < end || !bytes.Equal(lines[:len(name)], name) || !bytes.Equal(lines[n:end-len("\r\n")], value) || lines[end-1] != '\n' {
		return lines, false
	}
	return lines[end:], true
}

// isOurs reports fields about framing and the connection, which the proxy writes, and Date.
// The name is canonical.
func isOurs(name []byte) bool {
	switch string(name) {
	case fasthttp.HeaderContentLength, fasthttp.HeaderTransferEncoding, fasthttp.HeaderConnection, fasthttp.HeaderTrailer,
		fasthttp.HeaderUpgrade, fasthttp.HeaderTE, fasthttp.HeaderDate, "Keep-Alive", "Proxy-Connection", "Http2-Settings":
		return true
	}
	return false
}

// validFields reports that all names are tokens, and that no value has a byte in it that
// no field may have (RFC 9110 section 5.5). fasthttp cares for CR and LF alone.
func validFields(fields iter.Seq2[[]byte, []byte]) bool {
	for name, value := range fields {
		if len(name) == 0 {
			return false
		}
		for _, c := range name {
			if !isToken[c] {
				return false
			}
		}
		for _, c := range value {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
		}
	}
	return true
}

// isToken are the bytes of names (RFC 9110 section 5.6.2).
var isToken = tokenBytes()

func tokenBytes() (set [256]bool) {
	for c := range set {
		set[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return set
}
