package affinity

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Part is the part of a request that on names, as it was sent, nil where the request
// has none; path is the normalised one. The address of the client stands in no one
// place, so the caller knows better: for HashSourceIP Part must not be asked.
func Part(on pool.HashOn, head *wire.RequestHead, path []byte) []byte {
	switch on.Kind { //nolint:exhaustive // HashSourceIP: see above
	case pool.HashPath:
		return path
	case pool.HashHeader:
		return head.Lookup(on.Name)
	case pool.HashCookie:
		return Cookie(&head.Head, on.Name)
	case pool.HashQuery:
		return Parameter(head.Query, on.Name)
	}
	panic("BUG: hash_on " + on.String() + " is no part of a request")
}

// Cookie is the value of the first cookie of that name (RFC 6265 section 5.4),
// as it was sent, nil when there is none.
func Cookie(head *wire.Head, name string) []byte {
	for i := range head.Fields {
		f := &head.Fields[i]
		if f.ID != wire.FieldCookie {
			continue
		}
		for rest := head.FieldValue(f); len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			if key, value, ok := bytes.Cut(bytes.TrimSpace(pair), []byte("=")); ok && string(key) == name {
				return value
			}
		}
	}
	return nil
}

// Parameter is the value of the first query parameter of that name, as it was
// sent, nil when there is none.
func Parameter(query []byte, name string) []byte {
	for rest := query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if key, value, valued := bytes.Cut(pair, []byte("=")); string(key) == name {
			if !valued {
				return pair[len(pair):] // it is there, and empty
			}
			return value
		}
	}
	return nil
}
