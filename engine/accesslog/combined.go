package accesslog

import (
	"strconv"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// appendCombined appends a line of the combined format: %h - - [%t] "%r" %>s %O "%{Referer}i"
// "%{User-Agent}i". Text is escaped as nginx does, \xXX for quotes, backslashes and what is
// no printable ASCII, so that a quote always ends a part.
func (p *Program) appendCombined(dst []byte, e *Entry) []byte {
	if e.Head == nil {
		return dst // a tunnel had its line when it began
	}
	dst = append(p.appendClient(dst, e), " - - ["...)
	dst = append(append(dst, p.clock.at(e.NowNanos).common...), "] \""...)
	dst = p.appendRequestLine(dst, e)
	dst = strconv.AppendInt(append(dst, "\" "...), int64(e.Status), 10)
	dst = strconv.AppendInt(append(dst, ' '), e.BytesOut, 10)
	dst = p.appendCombinedField(append(dst, " \""...), e, wire.FieldReferer, p.hidesReferer)
	dst = p.appendCombinedField(append(dst, "\" \""...), e, wire.FieldUserAgent, p.hidesAgent)
	return append(dst, "\"\n"...)
}

// appendClient appends the address of the client; a zone of it may be any text.
func (p *Program) appendClient(dst []byte, e *Entry) []byte {
	switch {
	case e.IsPeer:
		return appendPrintable(dst, []byte(e.Peer), true)
	case !e.Client.IsValid():
		return append(dst, '-')
	}
	return e.Client.WithZone("").AppendTo(dst)
}

func (p *Program) appendRequestLine(dst []byte, e *Entry) []byte {
	h := e.Head
	if len(h.Method) == 0 || len(h.Target) == 0 {
		return append(dst, '-') // it was refused before it was understood
	}
	dst = append(appendPrintable(dst, h.Method, true), ' ')
	if p.redaction.touches(h.Target) {
		at := len(dst)
		dst = p.redaction.AppendTarget(dst, h.Target)
		dst = escapedFrom(dst, at, true)
	} else {
		dst = appendPrintable(dst, h.Target, true)
	}
	return append(append(dst, ' '), e.Protocol...)
}

func (p *Program) appendCombinedField(dst []byte, e *Entry, id wire.FieldID, hidden bool) []byte {
	value := e.Head.Value(id)
	switch {
	case len(value) == 0:
		return append(dst, '-')
	case hidden:
		return append(dst, Hidden...)
	case id == wire.FieldReferer && p.redaction.touches(value):
		at := len(dst)
		return escapedFrom(p.redaction.AppendTarget(dst, value), at, false)
	}
	return appendPrintable(dst, value, false)
}

// escapedFrom escapes what stands in dst from a place on.
func escapedFrom(dst []byte, at int, isToken bool) []byte {
	n := len(dst)
	if isPrintable(dst[at:], isToken) {
		return dst
	}
	return moved(appendPrintable(dst, dst[at:n], isToken), at, n)
}

// moved puts what stands in dst from one place on to an earlier one, in place of what stood
// there.
func moved(dst []byte, to, from int) []byte { return dst[:to+copy(dst[to:], dst[from:])] }

func isPrintable(text []byte, isToken bool) bool {
	for _, b := range text {
		if b < ' ' || b == '"' || b == '\\' || b >= 0x7f || isToken && b == ' ' {
			return false
		}
	}
	return true
}

// appendPrintable appends text; in a token spaces are escaped too.
func appendPrintable(dst, text []byte, isToken bool) []byte {
	const upper = "0123456789ABCDEF"
	if isPrintable(text, isToken) {
		return append(dst, text...)
	}
	for _, b := range text {
		if b < ' ' || b == '"' || b == '\\' || b >= 0x7f || isToken && b == ' ' {
			dst = append(dst, '\\', 'x', upper[b>>4], upper[b&15])
			continue
		}
		dst = append(dst, b)
	}
	return dst
}
