package codec

import (
	"bytes"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// StaleNames are the fields, of a head or of trailers, that describe the bytes of the
// content as they were and must go when it is compressed: its length, digests of content
// and of representation, which includes its coding (RFC 9530 sections 2 and 3), their
// predecessors, and the offer of ranges. ETag is none: see AppendWeak.
var StaleNames = []string{"Content-Length", "Accept-Ranges", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest"}

// DropStale marks the lines of h that have such a name; nil has none.
func DropStale(h *wire.Head) {
	if h == nil {
		return
	}
	for i := range h.Fields {
		f := &h.Fields[i]
		for _, stale := range StaleNames {
			f.Drop = f.Drop || bytes.EqualFold(h.Name(f), []byte(stale))
		}
	}
}
