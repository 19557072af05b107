package wire

import (
	"bytes"
	"encoding/binary"
)

// methodBytesMax bounds a method name; the longest registered one has 17.
const methodBytesMax = 32

// RequestHead is the head of one request, as spans over the caller's bytes. The
// zero value is ready for Parse and is meant to be used again and again. It is
// not safe for concurrent use. Byte slices are valid as long as the buffer.
type RequestHead struct {
	Head

	Method []byte
	// Target is the request target as it was sent.
	Target []byte
	// Path begins with / (or is *), Query is what follows the first ?, nil when
	// there is none. Both are undecoded; see [NormalizePath].
	Path, Query []byte
	// Host is the effective authority: that of the target when it has one,
	// else the Host field. It is nil only for HTTP/1.0 without either.
	Host []byte
	// UpgradeTo is the value of Upgrade when UpgradeWanted, else nil.
	UpgradeTo []byte

	// ContentLength is the number of body bytes, -1 when the body is chunked.
	ContentLength int64
	Framing       Framing
	Form          Form
	// Minor is the minor version: 0 or 1.
	Minor byte
	// KeepAlive is whether the client wants to use the connection again.
	KeepAlive bool
	// ExpectContinue is whether the client waits for 100 before it sends a body.
	ExpectContinue bool
	// UpgradeWanted is whether the client asked, with Connection: upgrade, to
	// switch to UpgradeTo. It is never set for h2c nor for HTTP/1.0.
	UpgradeWanted bool
	// AcceptsTrailers is whether TE names trailers.
	AcceptsTrailers bool

	methodEnd int // after the method in Raw; the target begins one byte later
	targetEnd int // after the target
}

// Reset forgets everything about the request, a half-read head included. Parse
// does so itself after it returned a complete head or a refusal.
func (h *RequestHead) Reset() {
	fields := h.Fields[:0]
	*h = RequestHead{}
	h.Fields = fields
}

// DropText forgets the bytes of a complete head, whose buffer may move from now
// on, and keeps what was concluded from them: numbers and flags.
func (h *RequestHead) DropText() {
	h.Raw, h.Method, h.Target, h.Path, h.Query, h.Host, h.UpgradeTo = nil, nil, nil, nil, nil, nil, nil
	h.Fields, h.present, h.notable = h.Fields[:0], 0, 0
}

// Parse reads one request head from the start of buf. When the head is complete
// it returns the number of bytes it takes, at least 1; the body, or the next
// request, begins there. It returns 0 and nil when more bytes are needed: call
// it again with the same bytes and more after them, in the same or in another
// buffer. Bytes are not searched twice for a line end, so feeding it byte by
// byte costs no more than linear time. An error is always a *[Refusal]; then
// nothing in h but Method and Target, if set, has a meaning. It allocates only
// to enlarge Fields.
func (h *RequestHead) Parse(buf []byte, lim *Limits) (int, error) {
	n, r := h.parse(buf, lim)
	if r != nil {
		h.line, h.scanned = 0, 0
		return 0, r
	}
	return n, nil
}

func (h *RequestHead) parse(buf []byte, lim *Limits) (int, *Refusal) {
	bytesMax, fieldsMax := lim.bounds()
	full := len(buf) >= bytesMax
	if full {
		buf = buf[:bytesMax]
	}
	if h.line == 0 && h.scanned == 0 {
		h.Reset()
		lead, r := leadingLine(buf)
		if r != nil || lead < 0 {
			return 0, r
		}
		h.lead = lead
	}
	raw := buf[h.lead:]
	if h.line == 0 {
		end, r := h.requestLine(raw)
		if r != nil {
			return 0, r
		}
		if end == 0 {
			return 0, refuseIf(full, ErrTargetTooLong)
		}
		h.line = end
	}
	end, r := h.parseFields(raw, fieldsMax)
	if r != nil {
		return 0, r
	}
	if end == 0 {
		return 0, refuseIf(full, ErrHeaderTooLarge)
	}
	h.Raw = raw[:end]
	h.line, h.scanned = 0, 0
	return h.lead + end, h.finish()
}

func refuseIf(full bool, r *Refusal) *Refusal {
	if full {
		return r
	}
	return nil
}

// leadingLine is the length of one empty line before the request (RFC 9112
// section 2.2), or -1 when that cannot be said yet. A second one is refused by
// the request line's own rules.
func leadingLine(buf []byte) (int, *Refusal) {
	switch {
	case len(buf) == 0:
		return -1, nil
	case buf[0] != '\r':
		return 0, nil
	case len(buf) == 1:
		return -1, nil
	case buf[1] != '\n':
		return 0, ErrBadLineEnd
	}
	return len(crlf), nil
}

// version11 is HTTP/1.1 as the word it makes in memory.
const version11 = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '1'<<56

// versionBytes is the length of " HTTP/1.1".
const versionBytes = 9

// requestLine reads the first line and returns the index after it, 0 when it is
// not complete.
func (h *RequestHead) requestLine(raw []byte) (int, *Refusal) {
	end := h.lineEnd(raw)
	method := methodEnd(raw)
	if end == 0 {
		return 0, startFault(raw, method)
	}
	stop := end - len(crlf)
	target := method + 1
	split := stop - versionBytes
	if split <= target || method == 0 || method > methodBytesMax || raw[method] != ' ' || raw[stop] != '\r' || raw[split] != ' ' {
		return 0, lineFault(raw[:end], method)
	}
	switch binary.LittleEndian.Uint64(raw[split+1:]) {
	case version11:
		h.Minor = 1
	case version11 ^ 1<<56:
		h.Minor = 0
	default:
		return 0, lineFault(raw[:end], method)
	}
	if !cleanTarget(raw[:split], target) {
		return 0, lineFault(raw[:end], method)
	}
	h.methodEnd, h.targetEnd = method, split
	h.Method, h.Target = raw[:method], raw[target:split]
	if method == len("connect") && EqualFold(h.Method, "connect") {
		return 0, ErrConnect
	}
	return end, nil
}

// methodEnd is the number of token bytes raw begins with, at most one more than
// a method may have.
func methodEnd(raw []byte) int {
	n := 0
	for n < len(raw) && n <= methodBytesMax && byteClass[raw[n]]&classToken != 0 {
		n++
	}
	return n
}

// tlsHandshake is the first byte of a TLS ClientHello record.
const tlsHandshake = 0x16

// startFault judges a request line that is not complete: what cannot become a
// request is refused at once, without waiting for a line end that never comes.
func startFault(raw []byte, method int) *Refusal {
	switch {
	case len(raw) == 0:
		return nil
	case raw[0] == tlsHandshake:
		return ErrTLSOnPlainPort
	case method > methodBytesMax:
		return ErrBadMethod
	case method < len(raw) && (method == 0 || raw[method] != ' '):
		return methodFault(raw[method])
	}
	return nil
}

// methodFault names what is wrong when c stands where a method should go on.
func methodFault(c byte) *Refusal {
	if c == '\r' || c == '\n' {
		return ErrBadRequestLine
	}
	return ErrBadMethod
}

// lineFault says what is wrong with a complete request line that was refused.
func lineFault(raw []byte, method int) *Refusal {
	if r := startFault(raw, method); r != nil {
		return r
	}
	line, r := cutLine(raw)
	if r != nil {
		return r
	}
	if string(line) == "PRI * HTTP/2.0" {
		return ErrHTTP2Preface
	}
	rest := line[method+1:]
	i := bytes.LastIndexByte(rest, ' ')
	if i < 0 || !versionLike(rest[i+1:]) {
		return ErrBadRequestLine
	}
	if version := string(rest[i+1:]); version != "HTTP/1.1" && version != "HTTP/1.0" {
		return ErrBadVersion
	}
	if i == 0 || bytes.IndexByte(rest[:i], ' ') >= 0 {
		return ErrBadRequestLine
	}
	return ErrBadTarget
}

// versionLike reports whether b is HTTP/DIGIT.DIGIT.
func versionLike(b []byte) bool {
	const name = "HTTP/"
	return len(b) == 8 && string(b[:len(name)]) == name && b[6] == '.' && isDigit(b[5]) && isDigit(b[7])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// finish draws the conclusions from a complete head.
func (h *RequestHead) finish() *Refusal {
	h.Method, h.Target = h.Raw[:h.methodEnd], h.Raw[h.methodEnd+1:h.targetEnd]
	var x facts
	if r := h.gather(&x, h.Minor); r != nil {
		return r
	}
	if r := h.authority(&x); r != nil {
		return r
	}
	if r := h.splitTarget(&x); r != nil {
		return r
	}
	switch {
	case x.chunked:
		h.Framing, h.ContentLength = ChunkedBody, -1
	case x.length >= 0:
		h.Framing, h.ContentLength = Length, x.length
	}
	h.KeepAlive = !x.close && (h.Minor == 1 || x.keepAlive)
	if h.present&rareSet == 0 {
		return nil
	}
	return h.finishRare(&x)
}

// rareSet are the fields finishRare looks at.
const rareSet FieldSet = 1<<FieldExpect | 1<<FieldUpgrade | 1<<FieldTE

// finishRare reads what most requests do not carry.
func (h *RequestHead) finishRare(x *facts) *Refusal {
	for i := h.nextNotable(0); i < len(h.Fields); i = h.nextNotable(i + 1) {
		f := &h.Fields[i]
		switch f.ID {
		case FieldTE:
			h.AcceptsTrailers = h.AcceptsTrailers || HasToken(h.FieldValue(f), "trailers")
		case FieldExpect:
			if !EqualFold(h.FieldValue(f), "100-continue") {
				return ErrUnknownExpect
			}
			// RFC 9110 section 10.1.1: nothing to wait for without a body, and
			// HTTP/1.0 knows no 100.
			h.ExpectContinue = h.Minor == 1 && h.ContentLength != 0
			f.Drop = !h.ExpectContinue
		default:
		}
	}
	if x.upgrade && x.upgrades == 1 && h.Minor == 1 {
		to := h.FieldValue(x.upgradeLine)
		if h.UpgradeWanted = len(to) > 0 && !HasToken(to, "h2c"); h.UpgradeWanted {
			h.UpgradeTo = to
		}
	}
	return nil
}

// authority checks the Host field (RFC 9112 section 3.2).
func (h *RequestHead) authority(x *facts) *Refusal {
	switch {
	case x.hosts > 1:
		return ErrDuplicateHost
	case x.hosts == 1:
		h.Host = h.FieldValue(x.host)
		return hostFault(h.Host)
	case h.Minor == 1:
		return ErrMissingHost
	}
	return nil
}
