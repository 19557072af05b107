package wire

import (
	"bytes"
	"math"
	"time"
)

// Framing says how the end of a message's body is found (RFC 9112 section 6).
type Framing uint8

// The four ways a body can be delimited.
const (
	// NoBody: the message ends with its head.
	NoBody Framing = iota
	// Length: ContentLength bytes follow, possibly 0.
	Length
	// ChunkedBody: chunks follow, to be read by [Chunked].
	ChunkedBody
	// UntilClose: the body of a response ends with the connection.
	UntilClose
)

const crlf = "\r\n"

// optionsMax bounds the elements of all Connection lines together; each costs a
// look at every field.
const optionsMax = 64

// facts is what the fields say about the connection and the body, before it is
// known what to make of it.
type facts struct {
	lenient     bool          // of a response: lengths that can be read in one way only are taken
	length      int64         // -1: none
	idle        time.Duration // -1: none
	odd         bool          // the length is not written as a length should be
	chunked     bool
	close       bool
	keepAlive   bool
	upgrade     bool
	options     int // elements of Connection that are neither of the three
	hosts       int
	upgrades    int
	host        *Field
	upgradeLine *Field
}

// factSet are the fields gather looks at.
const factSet FieldSet = 1<<FieldHost | 1<<FieldContentLength | 1<<FieldTransferEncoding | 1<<FieldConnection |
	1<<FieldUpgrade | 1<<FieldKeepAlive

// gather reads the fields that decide about framing and persistence.
func (h *Head) gather(x *facts, minor byte) *Refusal {
	x.length, x.idle = -1, -1
	lengths, codings := 0, 0
	var r *Refusal
	for i := h.nextNotable(0); i < len(h.Fields); i = h.nextNotable(i + 1) {
		f := &h.Fields[i]
		switch f.ID {
		case FieldHost:
			x.hosts++
			x.host = f
		case FieldUpgrade:
			x.upgrades++
			x.upgradeLine = f
		case FieldConnection:
			r = x.connection(h.FieldValue(f))
		case FieldKeepAlive:
			x.promise(h.FieldValue(f))
		case FieldContentLength:
			r = x.readLength(h.FieldValue(f), lengths)
			lengths++
		case FieldTransferEncoding:
			codings++
			x.chunked = true
			r = codingFault(h.FieldValue(f))
		default:
		}
		if r != nil {
			return r
		}
	}
	if lengths > 1 && !x.lenient || lengths > 0 && codings > 0 {
		return ErrConflictingLength
	}
	if codings > 1 || codings > 0 && minor == 0 {
		return ErrBadCoding
	}
	if x.options > 0 {
		h.dropNominated()
	}
	return nil
}

// readLength reads one Content-Length value, before which so many came. A sender is
// one that counts in a way of its own, not one that means two lengths, where it pads
// with zeros or says the same length again, in a list or a field of its own (RFC 9110
// section 8.6): nginx and HAProxy take that from backends. odd says that the field must
// not pass as it is.
func (x *facts) readLength(value []byte, before int) *Refusal {
	if !x.lenient {
		n, ok := parseLength(value)
		x.length = n
		return refuseIf(!ok, ErrBadLength)
	}
	for rest, more := value, true; more; before++ {
		var element []byte
		element, rest, more = bytes.Cut(rest, comma)
		element = bytes.Trim(element, " 	")
		digits := bytes.TrimLeft(element, "0")
		x.odd = x.odd || before > 0 || len(digits) < len(element) && len(element) > 1
		if len(digits) == 0 && len(element) > 0 {
			digits = element[:1]
		}
		n, ok := parseLength(digits)
		switch {
		case !ok || len(element) > lengthDigitsMax:
			return ErrBadLength
		case before > 0 && n != x.length:
			return ErrConflictingLength
		}
		x.length = n
	}
	return nil
}

// lengthDigitsMax bounds the zeros before a length.
const lengthDigitsMax = 32

// promise reads one Keep-Alive value; of several the shortest timeout counts.
func (x *facts) promise(value []byte) {
	if idle, ok := KeepAliveTimeout(value); ok && (x.idle < 0 || idle < x.idle) {
		x.idle = idle
	}
}

// connection reads one Connection value. Elements that are no token nominate
// nothing; the field itself is never forwarded.
func (x *facts) connection(value []byte) *Refusal {
	if string(value) == "keep-alive" {
		x.keepAlive = true
		return nil
	}
	for n := 0; ; n++ {
		element, rest, more := NextElement(value)
		if !more {
			return nil
		}
		value = rest
		switch {
		case EqualFold(element, "close"):
			x.close = true
		case EqualFold(element, "keep-alive"):
			x.keepAlive = true
		case EqualFold(element, "upgrade"):
			x.upgrade = true
		default:
			x.options++
		}
		if n >= optionsMax || x.options > optionsMax {
			return ErrTooManyOptions
		}
	}
}

// dropNominated marks every field that a Connection line names (RFC 9110
// section 7.6.1), except those a sender must not strip (keptSet).
func (h *Head) dropNominated() {
	for i := range h.Fields {
		if h.Fields[i].ID != FieldConnection {
			continue
		}
		value, more := h.FieldValue(&h.Fields[i]), true
		for more {
			var option []byte
			option, value, more = NextElement(value)
			h.dropNamed(option)
		}
	}
}

func (h *Head) dropNamed(name []byte) {
	for i := range h.Fields {
		f := &h.Fields[i]
		if int(f.NameEnd-f.NameOff) == len(name) && len(name) > 0 && !keptSet.Has(f.ID) &&
			bytes.EqualFold(h.Name(f), name) {
			f.Drop = true
		}
	}
}

// codingFault accepts exactly one transfer coding, chunked. Codings that could
// be undone before it are not supported (501); everything else is a disguise.
func codingFault(value []byte) *Refusal {
	if EqualFold(value, "chunked") {
		return nil
	}
	last, foreign := false, 0
	for {
		element, rest, more := NextElement(value)
		if !more {
			break
		}
		if value = rest; last || !isToken(element) {
			return ErrBadCoding
		}
		if last = EqualFold(element, "chunked"); !last {
			foreign++
		}
	}
	if last && foreign > 0 {
		return ErrUnsupportedCoding
	}
	return ErrBadCoding
}

// parseLength reads 1*DIGIT without leading zeros that fits an int64.
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 19 || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}
