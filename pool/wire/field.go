package wire

import "encoding/binary"

// Field is one field line as spans over [Head.Raw]. Offsets are in bytes; the
// value span has no optional white space around it.
type Field struct {
	NameOff, NameEnd   uint32
	ValueOff, ValueEnd uint32
	// ID names the field when it is one Isame or its rules know.
	ID FieldID
	// Drop marks a line that must not be forwarded: hop-by-hop by RFC 9110
	// section 7.6.1, nominated by Connection, or replaced by the proxy. The
	// engine may set it on further lines; [Head.AppendFields] skips them.
	Drop bool
}

// FieldID identifies a field name regardless of case. It fits in six bits, so
// that a set of them is one word (see [FieldSet]).
type FieldID uint8

// The field names Isame knows. FieldOther is every name that is not listed.
const (
	FieldOther FieldID = iota
	// FieldUnderscoreTwin is a name that becomes one of those below when its
	// underscores are read as hyphens, as CGI and WSGI do (X_Forwarded_For).
	FieldUnderscoreTwin
	FieldHost
	FieldContentLength
	FieldTransferEncoding
	FieldConnection
	FieldKeepAlive
	FieldProxyConnection
	FieldTE
	FieldTrailer
	FieldUpgrade
	FieldProxyAuthenticate
	FieldProxyAuthorization
	FieldHTTP2Settings
	FieldXForwardedFor
	FieldXForwardedProto
	FieldXForwardedHost
	FieldXForwardedPort
	// FieldXForwardedOther is any other name that begins with X-Forwarded-.
	FieldXForwardedOther
	FieldForwarded
	FieldXRealIP
	FieldXRequestID
	// FieldClientCert is Client-Cert, Client-Cert-Chain (RFC 9440) and their
	// usual predecessors X-Client-Cert, X-SSL-Client-Cert and SSL-Client-Cert.
	FieldClientCert
	FieldVia
	FieldExpect
	FieldCookie
	FieldAuthorization
	FieldAccept
	FieldAcceptEncoding
	FieldAcceptLanguage
	FieldUserAgent
	FieldReferer
	FieldOrigin
	FieldIdempotencyKey
	FieldTraceparent
	FieldTracestate
	FieldDate
	FieldServer
	FieldRetryAfter
	FieldSetCookie
	FieldContentType
	FieldContentEncoding
	FieldContentRange
	FieldCacheControl
	FieldRange
	// FieldConditional is If-Match, If-None-Match, If-Modified-Since,
	// If-Unmodified-Since and If-Range.
	FieldConditional
	FieldLocation
	FieldVary
	FieldETag
	FieldLastModified
	FieldExpires
	FieldAge
	FieldPragma
	FieldMaxForwards
	FieldWWWAuthenticate
	FieldWarning
	// FieldIsameAttempts asks for the number of attempts in the answer.
	FieldIsameAttempts
)

// FieldSet is a set of FieldID, one bit each.
type FieldSet uint64

// Has reports whether id is in the set.
func (s FieldSet) Has(id FieldID) bool { return s>>(id&63)&1 != 0 }

// Sets that decide what is removed on the way through (RFC 9110 section 7.6.1)
// and what may stand in a trailer section (RFC 9110 section 6.5.1).
const (
	// hopSet never passes; Upgrade, TE and Trailer are written anew by the
	// engine where the exchange needs them.
	hopSet FieldSet = 1<<FieldConnection | 1<<FieldKeepAlive | 1<<FieldProxyConnection | 1<<FieldTE |
		1<<FieldTrailer | 1<<FieldTransferEncoding | 1<<FieldUpgrade | 1<<FieldProxyAuthenticate |
		1<<FieldProxyAuthorization | 1<<FieldHTTP2Settings
	// vouchSet are the fields a proxy vouches for and a backend believes.
	vouchSet FieldSet = 1<<FieldUnderscoreTwin | 1<<FieldXForwardedFor | 1<<FieldXForwardedProto |
		1<<FieldXForwardedHost | 1<<FieldXForwardedPort | 1<<FieldXForwardedOther | 1<<FieldForwarded |
		1<<FieldXRealIP | 1<<FieldXRequestID | 1<<FieldClientCert | 1<<FieldVia
	// guardSet are framing, routing, credentials, tracing, preconditions and
	// what describes the body: neither to be stripped nor to come late.
	guardSet FieldSet = 1<<FieldHost | 1<<FieldContentLength | 1<<FieldExpect | 1<<FieldCookie |
		1<<FieldAuthorization | 1<<FieldOrigin | 1<<FieldIdempotencyKey | 1<<FieldTraceparent |
		1<<FieldTracestate | 1<<FieldDate | 1<<FieldRetryAfter | 1<<FieldSetCookie | 1<<FieldContentType |
		1<<FieldContentEncoding | 1<<FieldContentRange | 1<<FieldCacheControl | 1<<FieldRange |
		1<<FieldConditional | 1<<FieldLocation | 1<<FieldVary | 1<<FieldMaxForwards | 1<<FieldWWWAuthenticate
	// keptSet cannot be stripped by naming it in Connection.
	keptSet = vouchSet | guardSet | 1<<FieldServer | 1<<FieldETag | 1<<FieldLastModified
	// notTrailerSet is dropped from trailer sections.
	notTrailerSet = hopSet | vouchSet | guardSet | 1<<FieldExpires | 1<<FieldAge | 1<<FieldPragma | 1<<FieldWarning
	// twinDropSet are the names whose underscore twins are removed always: a
	// CGI backend would take them for the framing or the host.
	twinDropSet = hopSet | 1<<FieldHost | 1<<FieldContentLength
)

// nameBytesMax is the longest name the table can hold: three words.
const nameBytesMax = 24

// fieldName is one known name, lower case, as the words [lookup] compares.
type fieldName struct {
	first, mid, last uint64
	bytes            uint8
	id               FieldID
	drop             bool
}

// nameSlots is a power of two; nameHashA and nameHashB were searched for so
// that no two known names share a slot (buildNames panics when a new name
// breaks that: search new odd constants then).
const (
	nameSlotBits = 9
	nameSlots    = 1 << nameSlotBits
	nameHashA    = 0x977f735dc7fde017
	nameHashB    = 0x2160eb2f6988713d
)

// knownNames holds every known name in its slot; written once, at start.
var knownNames = buildNames()

// nameWords loads a name of n bytes, n > 0, at buf[at:] as lower-case words. The
// three overlap for lengths that are no multiple of eight. At least eight bytes
// must follow at. The name may still hold any byte: see foldCase.
func nameWords(buf []byte, at, n int) (first, mid, last uint64) {
	first = foldCase(binary.LittleEndian.Uint64(buf[at:]))
	if n < 8 {
		first &= 1<<(uint(n)*8) - 1
		return first, 0, first
	}
	last = foldCase(binary.LittleEndian.Uint64(buf[at+n-8:]))
	if n > 16 {
		mid = foldCase(binary.LittleEndian.Uint64(buf[at+8:]))
	}
	return first, mid, last
}

// foldCase sets bit 5 of each byte that has bit 6. Only the two cases of a
// letter become that letter, and a hyphen or digit only comes from itself (a
// plain "or 0x20" would make a hyphen of CR).
func foldCase(w uint64) uint64 { return w | w>>1&0x2020202020202020 }

func nameSlot(first, last uint64) uint64 {
	return (first*nameHashA ^ last*nameHashB) >> (64 - nameSlotBits)
}

// lookup finds the known name of n bytes at buf[at:], nil when it is none.
// A name that is found needs no further check of its bytes.
func lookup(buf []byte, at, n int) *fieldName {
	if n-1 >= nameBytesMax || n < 1 || at+8 > len(buf) {
		return nil
	}
	first, mid, last := nameWords(buf, at, n)
	e := &knownNames[nameSlot(first, last)]
	if e.first != first || e.last != last || e.mid != mid || int(e.bytes) != n {
		return nil
	}
	return e
}

// IDOf is the identity of a name, FieldOther for what is none. It is meant for names that
// are compiled.
func IDOf(name string) FieldID {
	var f Field
	if n, r := scanFieldSlow([]byte(name+": x\r\n"), 0, &f); n == 0 || r != nil {
		return FieldOther
	}
	return f.ID
}

// IDOfBytes is IDOf for a name in any case that is met on the way, without allocating.
func IDOfBytes(name []byte) FieldID {
	var room [nameBytesMax + 8]byte
	if copy(room[:nameBytesMax], name) != len(name) {
		return FieldOther
	}
	if e := lookup(room[:], 0, len(name)); e != nil {
		return e.id
	}
	return FieldOther
}

// buildNames fills the table of known names.
func buildNames() (table [nameSlots]fieldName) {
	for _, k := range &nameList {
		var room [nameBytesMax + 8]byte
		n := copy(room[:], k.name)
		first, mid, last := nameWords(room[:], 0, n)
		e := &table[nameSlot(first, last)]
		if e.bytes != 0 || n != len(k.name) || n > nameBytesMax {
			panic("BUG: field name " + k.name + " does not fit the table")
		}
		*e = fieldName{first: first, mid: mid, last: last, bytes: uint8(n), id: k.id, drop: hopSet.Has(k.id)}
	}
	return table
}
