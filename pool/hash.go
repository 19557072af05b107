package pool

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// HashKind says which part of a request is the key of a hashing algorithm.
type HashKind uint8

const (
	// HashSourceIP is the client's address; the zero value.
	HashSourceIP HashKind = iota
	// HashPath is the path without the query.
	HashPath
	// HashHeader is the value of the header field Name.
	HashHeader
	// HashCookie is the value of the cookie Name.
	HashCookie
	// HashQuery is the value of the query parameter Name.
	HashQuery
)

// HashOn is a compiled hash_on: the engine looks the key up in the request and
// hands its bytes to Sum. It is immutable and may be shared.
type HashOn struct {
	Kind HashKind
	// Name is empty for HashSourceIP and HashPath. That of a header is lower case,
	// as who looks for it compares it without regard to the case of the request.
	Name string
}

// ParseHashOn compiles source_ip, path, header:NAME, cookie:NAME or query:NAME.
// The empty string is source_ip.
func ParseHashOn(s string) (HashOn, error) {
	kind, name, named := strings.Cut(s, ":")
	h := HashOn{Name: name}
	switch kind {
	case "", "source_ip":
		h.Kind = HashSourceIP
	case "path":
		h.Kind = HashPath
	case "header":
		h.Kind, h.Name = HashHeader, strings.ToLower(name)
	case "cookie":
		h.Kind = HashCookie
	case "query":
		h.Kind = HashQuery
	default:
		return HashOn{}, fmt.Errorf("cannot hash on %q: want source_ip, path, header:NAME, cookie:NAME or query:NAME", s)
	}
	if wantsName := h.Kind >= HashHeader; named != wantsName || wantsName && name == "" {
		return HashOn{}, fmt.Errorf("cannot hash on %q: header, cookie and query take a name, the others none", s)
	}
	return h, nil
}

// String is the configuration's spelling, with a header's name in lower case.
func (h HashOn) String() string {
	switch h.Kind {
	case HashPath:
		return "path"
	case HashHeader:
		return "header:" + h.Name
	case HashCookie:
		return "cookie:" + h.Name
	case HashQuery:
		return "query:" + h.Name
	case HashSourceIP:
	}
	return "source_ip"
}

// Sum hashes a key. It is xxHash64, so equal bytes give equal sums in every
// process and on every machine: a fleet of proxies agrees on a client's backend.
// The bytes are not kept.
func Sum(key []byte) uint64 { return xxhash.Sum64(key) }
