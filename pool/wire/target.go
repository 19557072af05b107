package wire

import (
	"bytes"
	"encoding/binary"
)

// Form is the form of a request target (RFC 9112 section 3.2). The fourth,
// authority-form, belongs to CONNECT, which is refused.
type Form uint8

// The accepted forms.
const (
	// FormOrigin is /path?query.
	FormOrigin Form = iota
	// FormAbsolute is http://authority/path?query. Its authority replaces the
	// Host field, whose line is marked Drop: write Host anew from
	// [RequestHead.Host].
	FormAbsolute
	// FormAsterisk is OPTIONS *, also spelled OPTIONS http://authority.
	FormAsterisk
)

// cleanTarget reports whether raw[at:] has no space, control byte or #.
func cleanTarget(raw []byte, at int) bool {
	for at >= 0 && at <= len(raw)-8 {
		w := binary.LittleEndian.Uint64(raw[at:])
		// As controls, with the space counted among them.
		low := ((w - (' '+1)*lanes) | ((w & laneLows) + lanes)) &^ w & laneHighs
		if low|zeroes(w^'#'*lanes) != 0 {
			return false
		}
		at += 8
	}
	for ; at < len(raw); at++ {
		if c := raw[at]; c <= ' ' || c == '#' || c == 0x7f {
			return false
		}
	}
	return true
}

// splitTarget finds form, path and query, and the authority of absolute-form.
func (h *RequestHead) splitTarget(x *facts) *Refusal {
	rest := h.Target
	if rest[0] != '/' {
		if string(rest) == "*" && string(h.Method) == "OPTIONS" {
			h.Form, h.Path = FormAsterisk, rest
			return nil
		}
		var r *Refusal
		if rest, r = h.splitAbsolute(x); r != nil {
			return r
		}
	}
	h.Path = rest
	if i := bytes.IndexByte(rest, '?'); i >= 0 {
		h.Path, h.Query = rest[:i], rest[i+1:]
	}
	if len(h.Path) > 0 {
		return nil
	}
	h.Path = rootPath
	if len(rest) == 0 && string(h.Method) == "OPTIONS" {
		// RFC 9112 section 3.2.4: the last proxy sends this as OPTIONS *.
		h.Form, h.Path = FormAsterisk, asteriskPath
	}
	return nil
}

// Paths for targets that have none; nobody writes to them.
var (
	rootPath     = []byte("/")
	asteriskPath = []byte("*")
)

// splitAbsolute cuts scheme and authority off an absolute-form target.
func (h *RequestHead) splitAbsolute(x *facts) ([]byte, *Refusal) {
	var rest []byte
	switch t := h.Target; {
	case len(t) > 7 && EqualFold(t[:7], "http://"):
		rest = t[7:]
	case len(t) > 8 && EqualFold(t[:8], "https://"):
		rest = t[8:]
	default:
		return nil, ErrBadTarget
	}
	stop := bytes.IndexAny(rest, "/?")
	if stop < 0 {
		stop = len(rest)
	}
	if r := hostFault(rest[:stop]); r != nil {
		return nil, r
	}
	h.Form, h.Host = FormAbsolute, rest[:stop]
	if x.host != nil {
		x.host.Drop = true
	}
	return rest[stop:], nil
}
