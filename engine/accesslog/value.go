package accesslog

import (
	"bytes"
	"crypto/tls"
	"slices"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// cipherNames are those of the suites that there are: the library's own look-up allocates.
var cipherNames = func() map[uint16]string {
	names := map[uint16]string{}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		names[s.ID] = s.Name
	}
	return names
}()

// cookie is the value of the first cookie with this name; nil for none.
func cookie(h *wire.RequestHead, name string) []byte {
	for i := range h.Fields {
		if h.Fields[i].ID != wire.FieldCookie {
			continue
		}
		for rest := h.FieldValue(&h.Fields[i]); len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte{';'})
			key, value, _ := bytes.Cut(bytes.TrimLeft(pair, " \t"), []byte{'='})
			if string(key) == name {
				return value
			}
		}
	}
	return nil
}

// parameter is the value of the first parameter of a query with this name; nil for none.
func parameter(query []byte, name string) []byte {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		if key, value, _ := bytes.Cut(pair, []byte{'='}); string(key) == name {
			return value
		}
	}
	return nil
}
