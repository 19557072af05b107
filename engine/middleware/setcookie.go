package middleware

import (
	"bytes"

	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// cookie is the value of a Set-Cookie field, read as browsers do (RFC 6265 section 5.2).
type cookie struct {
	line []byte
	name []byte
	rest int // where its attributes begin in line, with their first semicolon
}

func readCookie(line []byte) (k cookie) {
	k.line, k.rest = line, len(line)
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		k.rest = i
	}
	name, _, _ := bytes.Cut(line[:k.rest], []byte("="))
	k.name = wire.TrimOWS(name)
	return k
}

// isOfHost reports a cookie that browsers take with Path=/ and without Domain only.
func (k *cookie) isOfHost() bool {
	const prefix = "__host-"
	return len(k.name) > len(prefix) && wire.EqualFold(k.name[:len(prefix)], prefix)
}

// attribute is the value of the last attribute of that name, which is lower case.
func (k *cookie) attribute(name string) (value []byte, there bool) {
	for rest := k.line[k.rest:]; len(rest) > 0; {
		var a attribute
		if a, rest = cutAttribute(rest); wire.EqualFold(a.name, name) {
			value, there = a.value, true
		}
	}
	return value, there
}

// without appends the cookie without the attributes of these names, which are lower case.
func (k *cookie) without(dst []byte, names ...string) []byte {
	dst = append(dst, bytes.TrimRight(k.line[:k.rest], " ")...)
	for rest := k.line[k.rest:]; len(rest) > 0; {
		var a attribute
		if a, rest = cutAttribute(rest); len(a.text) > 0 && !a.isOf(names) {
			dst = append(append(dst, "; "...), a.text...)
		}
	}
	return dst
}

type attribute struct{ text, name, value []byte }

func (a *attribute) isOf(names []string) bool {
	for _, name := range names {
		if wire.EqualFold(a.name, name) {
			return true
		}
	}
	return false
}

// cutAttribute cuts the first attribute off text, which begins with its semicolon.
func cutAttribute(text []byte) (a attribute, rest []byte) {
	text = text[1:]
	end := bytes.IndexByte(text, ';')
	if end < 0 {
		end = len(text)
	}
	a.text = wire.TrimOWS(text[:end])
	name, value, _ := bytes.Cut(a.text, []byte("="))
	a.name, a.value = wire.TrimOWS(name), wire.TrimOWS(value)
	return a, text[end:]
}

// eachCookie makes other Set-Cookie fields of those of the answer: change appends what
// becomes of one, nothing to take it away. The bytes behind those of c.Scratch are used.
func eachCookie(c *stage.Call, change func(dst []byte, k cookie) []byte) {
	start := len(c.Scratch)
	c.Answer.Each(&setCookie, func(line []byte) bool {
		k := readCookie(line)
		c.Scratch = append(change(c.Scratch, k), '\n') // which no value holds
		return true
	})
	c.Answer.Remove(&setCookie)
	for rest := c.Scratch[start:]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end > 0 {
			c.Answer.Add(&setCookie, rest[:end])
		}
		rest = rest[end+1:]
	}
}
