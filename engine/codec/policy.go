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

// Offer is what a request allows for its answer: a coding, or that the answer stays as it
// is. It is a number, so that it can be kept anywhere when the head is gone. The zero value
// is a client that accepts no coding.
type Offer uint8

// closed is the offer of a request whose answer stays as it is, whatever it is.
const closed Offer = 1 << 7

// Offer reads the head of a request, lines that are marked Drop too: what a backend is
// not to know, the client has said all the same.
func (p *Policy) Offer(h *wire.RequestHead) Offer {
	if string(h.Method) == http.MethodHead || forbidsTransform(&h.Head) {
		return closed
	}
	if !h.Has(wire.FieldAcceptEncoding) {
		return 0
	}
	said := nothingSaid
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldAcceptEncoding {
			said.add(h.FieldValue(f))
		}
	}
	return Offer(said.choose(p.prefer))
}

// Answer is what the decision asks of an answer. Values that may stand in several lines
// are given to it one by one.
type Answer struct {
	Status int
	// Length is that of the content, -1 when it is not known.
	Length int64
	// Type is the value of Content-Type, nil without.
	Type []byte
	// Ranged is whether there is a Content-Range.
	Ranged bool
	// Incremental is the value of that field, nil without.
	Incremental []byte

	encoded, fixed bool
}

// SeeEncoding takes one value of Content-Encoding: any coding but identity, known to us
// or not, is one.
func (a *Answer) SeeEncoding(value []byte) {
	for {
		element, rest, more := wire.NextElement(value)
		if !more {
			return
		}
		if value = rest; len(element) > 0 && !wire.EqualFold(element, codingTokens[Identity]) {
			a.encoded = true
		}
	}
}

// SeeCacheControl takes one value of Cache-Control.
func (a *Answer) SeeCacheControl(value []byte) {
	a.fixed = a.fixed || wire.HasToken(value, noTransform)
}

// Verdict is what happens to an answer. The zero value leaves it untouched.
type Verdict struct {
	// Coding is how the content is to be compressed; Identity leaves it as it is.
	Coding Coding
	// Vary is whether Vary has to name Accept-Encoding: another client would get, or
	// has got, the same answer in another coding.
	Vary bool
	// FlushEach is whether every piece of content is to be flushed at once, since the
	// answer says Incremental: ?1 (RFC 10036).
	FlushEach bool
}

// Decide looks at the final answer to the request that made o.
func (p *Policy) Decide(o Offer, a *Answer) Verdict {
	if o&closed != 0 || !p.suits(a) {
		return Verdict{}
	}
	c := Coding(o)
	return Verdict{Coding: c, Vary: true, FlushEach: c != Identity && isTrue(a.Incremental)}
}

// suits reports whether an answer would be compressed for a client that accepts it.
func (p *Policy) suits(a *Answer) bool {
	switch {
	case a.encoded, a.fixed, wire.WithoutContent(a.Status, false), a.Status == http.StatusResetContent:
		return false
	case a.Status == http.StatusPartialContent, a.Status == http.StatusIMUsed, a.Ranged:
		return false // the bytes are part of a representation, whose coding they share
	case a.Length >= 0 && a.Length < p.minBytes:
		return false
	}
	return p.types.has(a.Type)
}

const noTransform = "no-transform"

// forbidsTransform reports Cache-Control: no-transform of a request.
func forbidsTransform(h *wire.Head) bool {
	if !h.Has(wire.FieldCacheControl) {
		return false
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldCacheControl && wire.HasToken(h.FieldValue(f), noTransform) {
			return true
		}
	}
	return false
}

// isTrue reports the item ?1 (RFC 9651 section 3.3.6), whose parameters mean nothing to us.
func isTrue(v []byte) bool {
	return len(v) >= 2 && v[0] == '?' && v[1] == '1' && (len(v) == 2 || v[2] == ';')
}
