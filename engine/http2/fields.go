package http2

import (
	"errors"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// fieldsFault is what is wrong with the fields of a header block.
type fieldsFault uint8

const (
	fieldsGood      fieldsFault = iota
	fieldsMalformed             // RFC 9113 section 8.1.1: the stream is reset
	fieldsTooLarge              // 431
)

// fields is what becomes of the fields of one block: the loop's memory.
type fields struct {
	request  stream.RequestText // or trailers, of either side
	response stream.ResponseText
	field    hpack.Field // at hand: the decoder's memory
}

// decodeFields gives add the fields of the block that d has begun, until it refuses one;
// the rest is decoded for the sake of the table. An error is one of the decoder, after
// which the tables differ. add is a method of T, named as such: bound to a value it would
// be an allocation.
func decodeFields[T any](d *hpack.Decoder, f *hpack.Field, text *T, add func(text *T, name, value []byte) bool) (fieldsFault, error) {
	fault := fieldsGood
	for {
		more, err := d.Next(f)
		switch {
		case errors.Is(err, hpack.ErrTooLarge):
			return fieldsTooLarge, d.Skip()
		case err != nil, !more:
			return fault, err
		case fault != fieldsGood:
		case !add(text, f.Name, f.Value):
			fault = fieldsMalformed
		}
	}
}

// readRequest reads the head of a request; ended: nothing follows it.
func (t *fields) readRequest(d *hpack.Decoder, ended bool) (fieldsFault, error) {
	t.request.Reset()
	fault, err := decodeFields(d, &t.field, &t.request, (*stream.RequestText).Add)
	if err == nil && fault == fieldsGood && !t.request.Complete(ended) {
		fault = fieldsMalformed
	}
	return fault, err
}

// readTrailers reads trailers, of either side.
func (t *fields) readTrailers(d *hpack.Decoder) (fieldsFault, error) {
	t.request.Reset()
	return decodeFields(d, &t.field, &t.request, (*stream.RequestText).AddTrailer)
}

// readResponse reads the head of a backend's answer to that request; ended: nothing
// follows it.
func (t *fields) readResponse(d *hpack.Decoder, to *stream.Request, ended bool) (fieldsFault, error) {
	t.response.Reset()
	fault, err := decodeFields(d, &t.field, &t.response, (*stream.ResponseText).Add)
	if err == nil && fault == fieldsGood && !t.response.Complete(to, ended) {
		fault = fieldsMalformed
	}
	return fault, err
}
