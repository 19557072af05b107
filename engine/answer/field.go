package answer

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Field lines that a listener adds to answers, its backends' as well as its own. They
// are rendered once, when a configuration is applied.

// HSTS is the line by which browsers come over TLS only from then on (RFC 6797).
func HSTS(maxAge time.Duration, subdomains, preload bool) string {
	line := "Strict-Transport-Security: max-age=" + strconv.FormatInt(int64(maxAge/time.Second), 10)
	if subdomains {
		line += "; includeSubDomains"
	}
	if preload {
		line += "; preload"
	}
	return line + "\r\n"
}

// DropHSTS takes out what a backend says where the listener has its own: browsers
// look at the first field only (RFC 6797 section 8.1), and who answers for the
// certificates is the one to know.
func DropHSTS(h *wire.Head) {
	for i := range h.Fields {
		if f := &h.Fields[i]; wire.EqualFold(h.Name(f), "strict-transport-security") {
			f.Drop = true
		}
	}
}

// AltSvc is the line that tells clients of TCP about a UDP port with HTTP/3 (RFC 7838).
func AltSvc(port uint16) string {
	return `Alt-Svc: h3=":` + strconv.Itoa(int(port)) + `"; ma=86400` + "\r\n"
}

// AppendAltSvc appends such a line to the answer of a backend, unless that has one of
// its own.
func AppendAltSvc(dst []byte, line string, h *wire.Head) []byte {
	if line == "" || h.Lookup("alt-svc") != nil {
		return dst
	}
	return append(dst, line...)
}
