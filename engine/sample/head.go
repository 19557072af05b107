package sample

import (
	"bytes"
	"net/netip"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Bounds of what is kept of a head. One that is longer is not kept at all.
const (
	textRoom = 1 << 10
	// valueBytesMax is the longest value that is kept.
	valueBytesMax = 256
	// flagBytesMax is the longest parameter without a value: a longer one may be a value itself.
	flagBytesMax = 24
	nameRoom     = 64
)

// Hidden stands for a value that is not kept.
const Hidden = "***"

// Version is the version of HTTP that a request came in.
type Version uint8

// The versions.
const (
	HTTP1 Version = iota
	HTTP2
	HTTP3
)

// Head is the head of one request, redacted. Whoever writes calls Begin, then Field for
// each line, then End.
type Head struct {
	// AtNanos is when its exchange ended, on the clock of the process.
	AtNanos int64
	// Listener is what the listener is known by over reloads, ServerName the name of the
	// TLS handshake.
	Listener, ServerName string
	// Peer is the other end of the connection; not valid is that of a unix socket.
	Peer    netip.Addr
	Version Version
	Secure  bool // over TLS

	n    int // bytes of text; below 0: they do not fit
	text [textRoom]byte
}

// Text is the head as a client of HTTP/1.1 would send it. It is valid as long as h is not
// written.
func (h *Head) Text() []byte { return h.text[:max(h.n, 0)] }

// Begin writes the first line. The names of the query's parameters are kept, their values
// are not. host may be empty.
func (h *Head) Begin(method, path, query, host []byte, minor byte) {
	h.n = 0
	h.add(method)
	h.addText(" ")
	h.add(path)
	if query != nil {
		h.addQuery(query)
	}
	if minor == 0 {
		h.addText(" HTTP/1.0\r\n")
	} else {
		h.addText(" HTTP/1.1\r\n")
	}
	if len(host) > 0 {
		h.addText("Host: ")
		h.add(host)
		h.addText("\r\n")
	}
}

// Field writes a line, whose value is kept unless it is long or sensitive.
func (h *Head) Field(name, value []byte) {
	h.add(name)
	h.addText(": ")
	if len(value) > valueBytesMax || IsSensitive(name) {
		h.addText(Hidden)
	} else {
		h.add(value)
	}
	h.addText("\r\n")
}

// End ends the head, and reports that it fits.
func (h *Head) End() bool {
	h.addText("\r\n")
	return h.n >= 0
}

func (h *Head) add(b []byte) {
	if h.n < 0 || len(b) > len(h.text)-h.n {
		h.n = -1
		return
	}
	h.n += copy(h.text[h.n:], b)
}

func (h *Head) addText(s string) {
	if h.n < 0 || len(s) > len(h.text)-h.n {
		h.n = -1
		return
	}
	h.n += copy(h.text[h.n:], s)
}

func (h *Head) addQuery(query []byte) {
	h.addText("?")
	for first := true; len(query) > 0; first = false {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		if !first {
			h.addText("&")
		}
		name, _, valued := bytes.Cut(pair, []byte{'='})
		if !valued && len(name) > flagBytesMax {
			continue
		}
		h.add(name)
		if valued {
			h.addText("=")
		}
	}
}

// sensitive are parts of the names of fields that may be credentials, or lead to somebody.
var sensitive = [...]string{
	"auth", "cookie", "token", "secret", "key", "session", "passw", "credential", "signature", "jwt", "cert", "referer",
}

// IsSensitive reports that the value of a field is not kept, by its name alone: one that is
// long, or has a word of credentials in it.
func IsSensitive(name []byte) bool {
	var room [nameRoom]byte
	if len(name) > len(room) {
		return true
	}
	lower := wire.AppendLower(room[:0], name)
	for _, part := range sensitive {
		if contains(lower, part) {
			return true
		}
	}
	return false
}

// contains is bytes.Contains for text.
func contains(b []byte, part string) bool {
	for i := 0; i+len(part) <= len(b); i++ {
		if string(b[i:i+len(part)]) == part {
			return true
		}
	}
	return false
}
