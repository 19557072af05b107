package trace

import (
	"encoding/binary"
	"encoding/hex"
)

// Lengths of a traceparent of version 00: version, trace, parent and flags, with hyphens
// (W3C Trace Context, section 3.2).
const (
	traceDigits  = 32
	spanDigits   = 16
	parentLength = 55
	idsAt        = 3 // behind the version
	flagsAt      = idsAt + traceDigits + 1 + spanDigits + 1
	idsLength    = traceDigits + 1 + spanDigits
)

// Flags of a traceparent. Others are not passed on, as section 3.2.2.3 wants it.
const (
	flagSampled = 1 << 0
	flagRandom  = 1 << 1 // of level 2: the trace id is random
)

// Span is the trace context of one exchange. Begin sets it; who has the exchange owns it.
// Moments and names of what is exported are not here: see Exchange.
type Span struct {
	ids    [idsLength]byte // trace and caller's span as text; without a caller a span of ours
	parent bool            // there is a caller
	flags  byte
	seed   uint64 // of the ids of our spans
}

// Begin takes over what the caller says by traceparent; nil is nothing, and what is invalid
// counts as nothing: then a new trace begins. The random numbers are for its ids, and for
// those of our spans. Who is sampled the caller decides, and for new traces s.
func (p *Span) Begin(s Sampler, traceparent []byte, random [3]uint64) {
	p.seed = random[2]
	if flags, ok := parse(traceparent); ok {
		copy(p.ids[:], traceparent[idsAt:])
		p.parent, p.flags = true, flags&(flagSampled|flagRandom)
		return
	}
	var id [traceDigits / 2]byte
	binary.BigEndian.PutUint64(id[:], random[0]|1) // no id is all zeros
	binary.BigEndian.PutUint64(id[8:], random[1])
	hex.Encode(p.ids[:], id[:])
	p.ids[traceDigits] = '-'
	p.parent, p.flags = false, flagRandom
	p.putID(p.ids[traceDigits+1:], 0)
	if s.wants(random[1]) {
		p.flags |= flagSampled
	}
}

// ID is the id of the trace that a traceparent names, its own bytes; nil where it is not valid.
func ID(traceparent []byte) []byte {
	if _, ok := parse(traceparent); !ok {
		return nil
	}
	return traceparent[idsAt : idsAt+traceDigits]
}

// parse checks a traceparent of any version.
func parse(b []byte) (flags byte, ok bool) {
	if len(b) < parentLength || b[2] != '-' || b[idsAt+traceDigits] != '-' || b[flagsAt-1] != '-' {
		return 0, false
	}
	switch version, known := digits(b[:2]); {
	case !known || version == 0xff,
		version == 0 && len(b) != parentLength,
		len(b) > parentLength && b[parentLength] != '-':
		return 0, false
	}
	if !isID(b[idsAt:idsAt+traceDigits]) || !isID(b[flagsAt-1-spanDigits:flagsAt-1]) {
		return 0, false
	}
	return digits(b[flagsAt : flagsAt+2])
}

// hexValue is the value of a lower-case hexadecimal digit, and notHex for what is none.
var hexValue = func() (values [256]byte) {
	for i := range values {
		values[i] = notHex
	}
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i)
	}
	return values
}()

const notHex = 0xf0

// isID reports lower-case hexadecimal digits of which one is not 0.
func isID(b []byte) bool {
	all, some := byte(0), byte(0)
	for _, c := range b {
		all |= hexValue[c]
		some |= c ^ '0'
	}
	return all < notHex && some != 0
}

// digits is the value of two hexadecimal digits.
func digits(b []byte) (value byte, ok bool) {
	hi, lo := hexValue[b[0]], hexValue[b[1]]
	return hi<<4 | lo, hi|lo < notHex
}

// Sampled reports that the exchange is exported.
func (p *Span) Sampled() bool { return p.flags&flagSampled != 0 }

// HasParent reports that a caller has said a valid traceparent.
func (p *Span) HasParent() bool { return p.parent }

// Trace is the id of the trace, 32 hexadecimal digits; they are the Span's.
func (p *Span) Trace() []byte { return p.ids[:traceDigits] }

// fieldTail is how many bytes of the field line stand behind the id of its span.
const fieldTail = len("-00\r\n")

// Append appends the field line for a backend. Of an exchange that is sampled the id of the
// span is that of its first attempt, and at is where it ends: see Put. Of others it is the
// caller's, as nobody hears of a span of ours, and at is 0.
func (p *Span) Append(b []byte) (line []byte, at int) {
	b = append(b, "traceparent: 00-"...)
	b = append(b, p.ids[:]...)
	b = append(b, '-', '0', '0'+p.flags, '\r', '\n')
	if !p.Sampled() {
		return b, 0
	}
	at = len(b) - fieldTail
	p.Put(b, at, 0)
	return b, at
}

// Put writes the id of the span of an attempt where Append has left one.
func (p *Span) Put(line []byte, at int, place uint8) {
	p.putID(line[at-spanDigits:at], 1+uint64(place))
}

// id is that of one of our spans: 0 is the exchange's, others are of its attempts by their
// places. The last step of splitmix64 (Steele, Lea and Flood, 2014) makes them: it is a
// bijection, so that they differ.
func (p *Span) id(number uint64) (id [spanDigits / 2]byte) {
	z := p.seed + number*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	if z == 0 {
		z = 1
	}
	binary.BigEndian.PutUint64(id[:], z)
	return id
}

func (p *Span) putID(to []byte, number uint64) {
	id := p.id(number)
	hex.Encode(to, id[:])
}
