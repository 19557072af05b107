package codec

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// Settings say what is compressed and how. They are copied by NewPolicy.
type Settings struct {
	// Encodings are the codings that may be used; at equal weight the client gets the
	// one that stands first. Identity has no place here.
	Encodings []Coding
	// Types are patterns of media types: text/html, text/*, application/*+json. Only
	// its full name means text/event-stream, whose open streams keep their memory.
	Types []string
	// MinBytes is the length below which an answer stays as it is. One whose length is
	// not known is compressed.
	MinBytes int64
	Level    Level
}

// Policy decides about answers. It is immutable and safe for concurrent use.
type Policy struct {
	prefer   []Coding
	types    mediaTypes
	minBytes int64
	level    Level
}

// NewPolicy makes a policy. It fails on a pattern of a type that cannot be read and on
// encodings that are empty, doubled or Identity.
func NewPolicy(s Settings) (*Policy, error) {
	types, err := parseTypes(s.Types)
	if err != nil {
		return nil, err
	}
	if len(s.Encodings) == 0 {
		return nil, fmt.Errorf("cannot compress without encodings: want at least one of %v", codingTokens[1:])
	}
	for i, c := range s.Encodings {
		if c == Identity || slices.Contains(s.Encodings[:i], c) {
			return nil, fmt.Errorf("cannot use encoding %q: want each of %v at most once", c, codingTokens[1:])
		}
	}
	return &Policy{
		prefer: slices.Clone(s.Encodings), types: types,
		// An answer without content is never worth a coding.
		minBytes: max(s.MinBytes, 1), level: s.Level,
	}, nil
}

// Level is the level at which streams of this policy are opened.
func (p *Policy) Level() Level { return p.level }

// Offer is what a request allows for its answer. It is a plain value, so that it can be
// kept when the head is gone. The zero value is a client that accepts no coding.
type Offer struct {
	coding Coding
	closed bool // whatever the answer is, it stays as it is
}

// Offer reads the head of a request.
func (p *Policy) Offer(h *wire.RequestHead) Offer {
	if string(h.Method) == http.MethodHead || forbidsTransform(&h.Head) {
		return Offer{closed: true}
	}
	if !h.Has(wire.FieldAcceptEncoding) {
		return Offer{}
	}
	said := nothingSaid
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldAcceptEncoding {
			said.add(h.FieldValue(f))
		}
	}
	return Offer{coding: said.choose(p.prefer)}
}

// Verdict is what happens to an answer. The zero value leaves it untouched.
type Verdict struct {
	// Coding is how the content is to be compressed; Identity leaves it as it is.
	Coding Coding
	// Vary is whether Vary has to name Accept-Encoding: another client would get, or
	// has got, the same answer in another coding. See AppendVary.
	Vary bool
	// FlushEach is whether every piece of content is to be flushed at once, since the
	// answer says Incremental: ?1 (RFC 10036).
	FlushEach bool
}

// Decide looks at the head of the final answer to the request that made o.
func (p *Policy) Decide(o Offer, h *wire.ResponseHead) Verdict {
	if o.closed || !p.suits(h) {
		return Verdict{}
	}
	return Verdict{Coding: o.coding, Vary: true, FlushEach: o.coding != Identity && incremental(&h.Head)}
}

// suits reports whether an answer would be compressed for a client that accepts it.
func (p *Policy) suits(h *wire.ResponseHead) bool {
	switch {
	case wire.WithoutContent(h.Status, false), h.Status == http.StatusResetContent:
		return false
	case h.Status == http.StatusPartialContent, h.Status == http.StatusIMUsed, h.Has(wire.FieldContentRange):
		return false // the bytes are part of a representation, whose coding they share
	case h.ContentLength >= 0 && h.ContentLength < p.minBytes:
		return false
	}
	return p.types.has(h.Value(wire.FieldContentType)) && !encoded(&h.Head) && !forbidsTransform(&h.Head)
}

// encoded reports any content coding but identity, known to us or not.
func encoded(h *wire.Head) bool {
	if !h.Has(wire.FieldContentEncoding) {
		return false
	}
	for i := range h.Fields {
		if h.Fields[i].ID != wire.FieldContentEncoding {
			continue
		}
		value := h.FieldValue(&h.Fields[i])
		for {
			element, rest, more := wire.NextElement(value)
			if !more {
				break
			}
			if value = rest; len(element) > 0 && !wire.EqualFold(element, codingTokens[Identity]) {
				return true
			}
		}
	}
	return false
}

// forbidsTransform reports Cache-Control: no-transform, of a request or an answer.
func forbidsTransform(h *wire.Head) bool {
	if !h.Has(wire.FieldCacheControl) {
		return false
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldCacheControl && wire.HasToken(h.FieldValue(f), "no-transform") {
			return true
		}
	}
	return false
}

// incremental reports Incremental: ?1, a boolean item (RFC 9651) whose parameters mean
// nothing to us.
func incremental(h *wire.Head) bool {
	v := h.Lookup("incremental")
	return len(v) >= 2 && v[0] == '?' && v[1] == '1' && (len(v) == 2 || v[2] == ';')
}
