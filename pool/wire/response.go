package wire

import (
	"encoding/binary"
	"net/http"
	"time"
)

// ResponseHead is the head of one response, as spans over the caller's bytes.
// The zero value is ready for Parse and is meant to be used again and again. It
// is not safe for concurrent use. Byte slices are valid as long as the buffer.
type ResponseHead struct {
	Head

	// Reason is the reason phrase, possibly empty.
	Reason []byte
	// UpgradeTo is the value of Upgrade in a 101, nil when it is missing.
	UpgradeTo []byte
	// ContentLength is the length the head declares, -1 when it declares none.
	// It is kept for HEAD and 304, whose Framing is NoBody all the same.
	ContentLength int64
	// OddLength says that Content-Length is not written as it should be, though there
	// is no doubt what it means: its fields are marked Drop, and whoever passes the head
	// on writes one of ContentLength.
	OddLength bool
	// IdleTimeout is how long the backend promises to keep the connection idle
	// (Keep-Alive: timeout=), -1 when it promises nothing.
	IdleTimeout time.Duration
	// Status is 100 to 999. What is above 599 means what 500 does (RFC 9110
	// section 15), and is passed on as it came.
	Status  int
	Framing Framing
	// Minor is the minor version: 0 or 1.
	Minor byte
	// KeepAlive is whether the connection may carry another exchange once the
	// body is read to its end.
	KeepAlive bool

	reasonOff, reasonEnd int
}

// Reset forgets everything about the response, a half-read head included. Parse
// does so itself after it returned a complete head or a refusal.
func (h *ResponseHead) Reset() {
	fields := h.Fields[:0]
	*h = ResponseHead{}
	h.Fields = fields
}

// Interim reports whether a further response to the same request follows: any
// 1xx but 101, after which the connection is no longer HTTP.
func (h *ResponseHead) Interim() bool {
	return h.Status < http.StatusOK && h.Status != http.StatusSwitchingProtocols
}

// Parse reads one response head from the start of buf, as [RequestHead.Parse]
// does. forHEAD is whether it answers a HEAD request. Every *[Refusal] it
// returns has status 502. It allocates only to enlarge Fields.
func (h *ResponseHead) Parse(buf []byte, lim *Limits, forHEAD bool) (int, error) {
	n, r := h.parse(buf, lim, forHEAD)
	if r != nil {
		h.line, h.scanned = 0, 0
		return 0, r.ForResponse()
	}
	return n, nil
}

func (h *ResponseHead) parse(buf []byte, lim *Limits, forHEAD bool) (int, *Refusal) {
	bytesMax, fieldsMax := lim.bounds()
	full := len(buf) >= bytesMax
	if full {
		buf = buf[:bytesMax]
	}
	if h.line == 0 {
		if h.scanned == 0 {
			h.Reset()
		}
		end, r := h.statusLine(buf)
		if r != nil {
			return 0, r
		}
		if end == 0 {
			return 0, refuseIf(full, ErrHeaderTooLarge)
		}
		h.line = end
	}
	end, r := h.parseFields(buf, fieldsMax)
	if r != nil {
		return 0, r
	}
	if end == 0 {
		return 0, refuseIf(full, ErrHeaderTooLarge)
	}
	h.Raw = buf[:end]
	h.line, h.scanned = 0, 0
	return end, h.finish(forHEAD)
}

// statusBytes is the length of "HTTP/1.1 200".
const statusBytes = 12

// statusLine reads the first line and returns the index after it, 0 when it is
// not complete. The space after the status may be missing together with the
// reason, as RFC 9112 section 4 asks recipients to bear.
func (h *ResponseHead) statusLine(buf []byte) (int, *Refusal) {
	end := h.lineEnd(buf)
	if end == 0 {
		return 0, versionFault(buf)
	}
	if r := versionFault(buf[:end]); r != nil {
		return 0, r
	}
	line, r := cutLine(buf[:end])
	if r != nil {
		return 0, r
	}
	if len(line) < statusBytes {
		return 0, ErrBadStatusLine
	}
	h.Minor = byte(binary.LittleEndian.Uint64(line)>>56) - '0'
	status, ok := parseLength(line[9:statusBytes])
	if !ok || status < 100 {
		return 0, ErrBadStatus
	}
	h.Status = int(status)
	if len(line) > statusBytes && line[statusBytes] != ' ' {
		return 0, ErrBadStatus
	}
	h.reasonOff, h.reasonEnd = min(statusBytes+1, len(line)), len(line)
	for _, c := range line[h.reasonOff:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, ErrBadReason
		}
	}
	return end, nil
}

// versionFault judges as much of a status line as there is, so that a backend
// that speaks something else is found out by its first byte.
func versionFault(line []byte) *Refusal {
	const start = "HTTP/1.x "
	for i := range min(len(line), len(start)) {
		if c := line[i]; i == 7 && c != '0' && c != '1' || i != 7 && c != start[i] {
			return ErrBadStatusLine
		}
	}
	return nil
}

// finish draws the conclusions from a complete head (RFC 9112 section 6.3).
func (h *ResponseHead) finish(forHEAD bool) *Refusal {
	h.Reason = h.Raw[h.reasonOff:h.reasonEnd]
	x := facts{lenient: true}
	if r := h.gather(&x, h.Minor); r != nil {
		return r
	}
	h.ContentLength = x.length
	if h.OddLength = x.odd; x.odd {
		h.dropLengths()
	}
	h.IdleTimeout = x.idle
	h.KeepAlive = !x.close && (h.Minor == 1 || x.keepAlive)
	switch {
	case WithoutLength(h.Status):
		h.finishBare(&x)
	case WithoutContent(h.Status, forHEAD):
		h.Framing = NoBody
	case x.chunked:
		h.Framing = ChunkedBody
	case x.length >= 0:
		h.Framing = Length
	default:
		h.Framing, h.KeepAlive = UntilClose, false
	}
	return nil
}

// finishBare is for 1xx and 204, which have no body whatever the fields say and
// must not carry lengths (RFC 9110 section 8.6). A backend that announces a
// body there probably sends one: its connection is not used again.
func (h *ResponseHead) finishBare(x *facts) {
	h.Framing, h.ContentLength = NoBody, -1
	if x.chunked || x.length > 0 {
		h.KeepAlive = false
	}
	h.dropLengths()
	h.OddLength = false
	if h.Status == http.StatusSwitchingProtocols {
		h.UpgradeTo, h.KeepAlive = h.Value(FieldUpgrade), false
	}
}

func (h *ResponseHead) dropLengths() {
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == FieldContentLength {
			f.Drop = true
		}
	}
}
