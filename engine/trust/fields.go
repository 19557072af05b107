package trust

import "github.com/isame-lb/isame-lb/pool/wire"

// Fields are the names of fields that listeners write about their clients'
// certificates, or are told their clients' addresses in, in lower case and with hyphens.
// A backend believes them whichever way a request came, so a generation has them removed
// on every listener: Own, what a listener writes itself, always, and all others like all
// that a trusted peer may say.
type Fields struct{ Own, Others []string }

// Drop marks the field lines that a client must not send. Heads and trailers.
func (v *Fields) Drop(h *wire.Head, trusted bool) {
	if len(v.Own)+len(v.Others) == 0 {
		return
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		if name := h.Name(f); nameAmong(name, v.Own) || !trusted && nameAmong(name, v.Others) {
			f.Drop = true
		}
	}
}

func nameAmong(name []byte, names []string) bool {
	for _, n := range names {
		if len(n) == len(name) && readsAs(name, n) {
			return true
		}
	}
	return false
}

// readsAs compares as CGI backends read names: without case, _ for -.
func readsAs(name []byte, want string) bool {
	for i, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}
