package engine

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// hash is the sum of the part of the request that on names. A request without
// it hashes the empty string: such clients share one backend.
func (x *exchange) hash(on pool.HashOn) uint64 {
	switch on.Kind {
	case pool.HashSourceIP:
		ip := x.clientAddr().As16()
		return pool.Sum(ip[:])
	case pool.HashPath:
		return pool.Sum(x.path)
	case pool.HashHeader:
		return pool.Sum(x.head.Lookup(on.Name))
	case pool.HashCookie:
		return pool.Sum(x.cookie(on.Name))
	case pool.HashQuery:
		return pool.Sum(x.parameter(on.Name))
	}
	panic("BUG: unknown hash_on " + on.String())
}

// cookie is the value of the first cookie of that name (RFC 6265 section 5.4),
// as it was sent, nil when there is none.
func (x *exchange) cookie(name string) []byte {
	for i := range x.head.Fields {
		f := &x.head.Fields[i]
		if f.ID != wire.FieldCookie {
			continue
		}
		for rest := x.head.FieldValue(f); len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			if key, value, ok := bytes.Cut(bytes.TrimSpace(pair), []byte("=")); ok && string(key) == name {
				return value
			}
		}
	}
	return nil
}

// parameter is the value of the first query parameter of that name, as it was
// sent, nil when there is none.
func (x *exchange) parameter(name string) []byte {
	for rest := x.head.Query; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if key, value, _ := bytes.Cut(pair, []byte("=")); string(key) == name {
			return value
		}
	}
	return nil
}
