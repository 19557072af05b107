package middleware

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/codec"
	"github.com/isame-lb/isame-lb/engine/stage"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// compress compresses answers; package codec decides and does it. What it has learnt of a
// request stands in the slot: the offer, and whether askedToo.
type compress struct {
	policy *codec.Policy
	level  codec.Level
}

// askedToo marks a request whose If-None-Match we have added to.
const askedToo = 1 << 8

// The fields it reads and writes.
var (
	ifNoneMatch         = stage.NewName("If-None-Match")
	etagName            = stage.NewName("ETag")
	contentTypeName     = stage.NewName("Content-Type")
	contentEncodingName = stage.NewName("Content-Encoding")
	contentRangeName    = stage.NewName("Content-Range")
	incrementalName     = stage.NewName("Incremental")
	acceptEncoding      = []byte("Accept-Encoding")
	staleNames          = newNames(codec.StaleNames)
	// A 304 has the fields its 200 would have had and a cache would keep anew (RFC 9110
	// section 15.4.5), and the cookies.
	revalidatedNames = newNames([]string{"Cache-Control", "Content-Location", "ETag", "Expires", "Last-Modified", "Vary", "Set-Cookie"})
)

func newCompress(k *config.StageCompress, _ *Place) (*compress, error) {
	s := codec.Settings{Types: k.Types, MinBytes: int64(k.MinBytes)}
	for _, token := range k.Encodings {
		c, known := codec.ParseCoding(token)
		if !known {
			return nil, fmt.Errorf("encodings: %q is not known", token) //nolint:err113 // for people
		}
		s.Encodings = append(s.Encodings, c)
	}
	level, known := codec.ParseLevel(k.Level)
	if !known {
		return nil, fmt.Errorf("level: %q is not known", k.Level) //nolint:err113 // for people
	}
	p, err := codec.NewPolicy(s)
	return &compress{policy: p, level: level}, err
}

// Request notes what the client takes, and asks with the strong form of the tags that we
// have weakened.
func (s *compress) Request(c *stage.Call) stage.Verdict {
	slot := uint64(s.policy.Offer(c.Head))
	c.Scratch = c.Scratch[:0]
	c.Request.Each(&ifNoneMatch, func(value []byte) bool {
		c.Scratch = appendTags(c.Scratch, value)
		return true
	})
	if n := len(c.Scratch); n > 0 {
		b, changed := codec.AppendIfNoneMatch(c.Scratch, c.Scratch)
		if c.Scratch = b; changed {
			c.Request.Set(&ifNoneMatch, b[n:])
			slot |= askedToo
		}
	}
	*c.Slot() = slot
	return stage.Next
}

// appendTags appends a line of tags to those of the lines before.
func appendTags(dst, value []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, ", "...)
	}
	return append(dst, value...)
}

// Response compresses the answer, or does not.
func (s *compress) Response(c *stage.Call) stage.Verdict {
	slot := *c.Slot()
	switch {
	case c.Status == http.StatusNotModified:
		s.confirm(c)
		return stage.Next
	case slot&askedToo != 0 && c.Status == http.StatusOK && !c.Own && codec.NotModified(clientTags(c), c.Answer.Get(&etagName)):
		return s.revalidate(c)
	case c.Empty:
		return stage.Next
	}
	a := codec.Answer{
		Status: c.Status, Length: c.Length, Type: c.Answer.Get(&contentTypeName),
		Ranged: c.Answer.Get(&contentRangeName) != nil, Incremental: c.Answer.Get(&incrementalName),
	}
	c.Answer.Each(&contentEncodingName, func(value []byte) bool { a.SeeEncoding(value); return true })
	c.Answer.Each(&cacheControl, func(value []byte) bool { a.SeeCacheControl(value); return true })
	v := s.policy.Decide(codec.Offer(slot), &a)
	if v.Vary {
		c.Answer.Merge(&vary, acceptEncoding)
	}
	if v.Coding != codec.Identity {
		s.encode(c, v)
	}
	return stage.Next
}

// encode has the content compressed, and corrects what the head says of it.
func (s *compress) encode(c *stage.Call, v codec.Verdict) {
	for i := range staleNames {
		c.Answer.Remove(&staleNames[i])
	}
	weaken(c)
	c.Scratch = append(c.Scratch[:0], v.Coding.String()...)
	c.Answer.Set(&contentEncodingName, c.Scratch)
	c.Length = -1
	c.Coder = codec.Open(v.Coding, s.level, v.FlushEach)
}

// weaken makes a strong ETag weak, and takes away what is none.
func weaken(c *stage.Call) {
	tag := c.Answer.Get(&etagName)
	if tag == nil {
		return
	}
	b, changed := codec.AppendWeak(c.Scratch[:0], tag)
	c.Scratch = b
	switch {
	case changed && len(b) > 0:
		c.Answer.Set(&etagName, b)
	case changed:
		c.Answer.Remove(&etagName)
	}
}

// confirm makes a 304 one of the answer that the client has, if that is as we compressed
// it.
func (s *compress) confirm(c *stage.Call) {
	if tag := c.Answer.Get(&etagName); tag != nil && codec.HoldsWeakened(clientTags(c), tag) {
		weaken(c)
		c.Answer.Merge(&vary, acceptEncoding)
	}
}

// revalidate answers 304 for a backend that has not found its tag in what we made of the
// client's If-None-Match, since it compares the whole field: the client has this answer.
func (s *compress) revalidate(c *stage.Call) stage.Verdict {
	weaken(c)
	c.Answer.Merge(&vary, acceptEncoding)
	for i := range revalidatedNames {
		keepLines(c, &revalidatedNames[i])
	}
	return c.Respond(stage.Reply{Status: http.StatusNotModified})
}

// keepLines makes lines of ours of those of a backend's head, which goes.
func keepLines(c *stage.Call, n *stage.Name) {
	c.Scratch = c.Scratch[:0]
	c.Answer.Each(n, func(value []byte) bool {
		c.Scratch = append(append(c.Scratch, value...), '\n')
		return true
	})
	if len(c.Scratch) == 0 {
		return
	}
	c.Answer.Remove(n)
	for rest := c.Scratch; len(rest) > 0; {
		var value []byte
		value, rest, _ = bytes.Cut(rest, lineEnd)
		c.Answer.Add(n, value)
	}
}

var lineEnd = []byte("\n")

// clientTags is the If-None-Match of the client itself, whatever became of it. It stays
// as it is until Scratch is written.
func clientTags(c *stage.Call) []byte {
	h := &c.Head.Head
	if !h.Has(wire.FieldConditional) {
		return nil
	}
	c.Scratch = c.Scratch[:0]
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.FieldConditional && wire.EqualFold(h.Name(f), "if-none-match") {
			c.Scratch = appendTags(c.Scratch, h.FieldValue(f))
		}
	}
	return c.Scratch
}
