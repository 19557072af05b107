package http3

import (
	"errors"
	"io"

	"github.com/quic-go/qpack"
)

// fieldOverhead is what a field counts beside its bytes (RFC 9114 section 4.2.2).
const fieldOverhead = 32

// fieldsFault is what is wrong with a field section.
type fieldsFault uint8

const (
	fieldsGood fieldsFault = iota
	fieldsMalformed
	fieldsTooLarge
	fieldsBroken // it cannot be decoded: the session ends
)

// decodeFields calls each with the fields of a section, until it says that one is
// malformed, or there are more bytes than limit. The slices are each's alone. What
// follows a fault is not looked at: without a dynamic table nothing is lost by that.
func decodeFields(block []byte, limit int, each func(name, value []byte) bool) fieldsFault {
	next := qpack.NewDecoder().Decode(block)
	for size := 0; ; {
		f, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return fieldsGood
		case err != nil:
			return fieldsBroken
		}
		if size += len(f.Name) + len(f.Value) + fieldOverhead; size > limit {
			return fieldsTooLarge
		}
		if !each([]byte(f.Name), []byte(f.Value)) {
			return fieldsMalformed
		}
	}
}
