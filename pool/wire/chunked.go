package wire

import (
	"bytes"
	"math"
)

// Bounds of a chunked body.
const (
	chunkDigitsMax = 16
	// extensionBytesMax bounds the extensions of one chunk, which are dropped.
	extensionBytesMax = 256
	// extensionCreditMax bounds the extension bytes that body bytes have not
	// paid for yet, so that no body is made of extensions.
	extensionCreditMax = 4096
	// trailerBytesMax and trailerFieldsMax bound the trailer section.
	trailerBytesMax  = 8 << 10
	trailerFieldsMax = 64
)

// chunkState is what the decoder expects next.
type chunkState uint8

const (
	chunkSize      chunkState = iota // a digit of the size, or what ends it
	chunkSpace                       // white space behind the size, or what ends that
	chunkExtension                   // bytes of the extension up to CR
	chunkSizeLF                      // LF after size and extension
	chunkData                        // left bytes of data
	chunkDataCR                      // CR after the data
	chunkDataLF                      // LF after the data
	trailerStart                     // a trailer line or CR
	trailerEndLF                     // LF of the empty line
	trailerLine                      // the rest of a trailer line
	chunkDone
)

// Chunked decodes a body in chunked coding (RFC 9112 section 7.1) in place. It
// keeps no data, only its position, and the trailers. The zero value is ready.
// It is not safe for concurrent use.
type Chunked struct {
	state     chunkState
	digits    uint8
	left      int64 // the size read so far, then the data still to come
	extension int   // bytes of this chunk's extension
	credit    int   // extension bytes that no data has paid for

	lines    []byte // the trailer section, collected
	trailers Head
	err      *Refusal
}

// Reset prepares d for the next body. Memory for trailers is kept, up to the
// bound of a trailer section.
func (d *Chunked) Reset() {
	lines, fields := d.lines[:0], d.trailers.Fields[:0]
	*d = Chunked{lines: lines}
	d.trailers.Fields = fields
}

// Done reports whether the body, trailers included, was read to its end. An end
// of stream before that is a truncated body.
func (d *Chunked) Done() bool { return d.state == chunkDone }

// Next reads from src up to the end of the next piece of data. data is a part
// of src, n the number of bytes used up. With n == len(src) and no data it
// needs more bytes; call it again with what follows src[n:]. Once Done it uses
// up nothing: what remains belongs to the next message. An error is always a
// *[Refusal] with a client's status (see [Refusal.ForResponse]) and is returned
// by every further call.
func (d *Chunked) Next(src []byte) (data []byte, n int, err error) {
	for n < len(src) && d.err == nil && d.state != chunkDone {
		if d.state == chunkData {
			size := int(min(d.left, int64(len(src)-n)))
			d.left -= int64(size)
			d.credit = max(0, d.credit-size)
			if d.left == 0 {
				d.state = chunkDataCR
			}
			return src[n : n+size : n+size], n + size, nil
		}
		if d.state == trailerLine {
			n += d.trailer(src[n:])
			continue
		}
		if d.state, d.err = d.step(src[n]); d.state != trailerLine {
			n++
		}
	}
	if d.err != nil {
		return nil, n, d.err
	}
	return nil, n, nil
}

// step takes one byte of the framing.
func (d *Chunked) step(c byte) (chunkState, *Refusal) {
	switch d.state {
	case chunkSize:
		return d.size(c)
	case chunkSpace, chunkExtension:
		return d.extend(c)
	case chunkSizeLF:
		if c != '\n' {
			return chunkSizeLF, ErrBadChunkSize
		}
		d.digits, d.extension = 0, 0
		if d.left == 0 {
			return trailerStart, nil
		}
		return chunkData, nil
	case chunkDataCR:
		return chunkDataLF, refuseIf(c != '\r', ErrBadChunkEnd)
	case chunkDataLF:
		return chunkSize, refuseIf(c != '\n', ErrBadChunkEnd)
	case trailerStart:
		if c == '\r' {
			return trailerEndLF, nil
		}
		return trailerLine, refuseIf(c == '\n', ErrBadLineEnd)
	case trailerEndLF:
		if c != '\n' {
			return trailerEndLF, ErrBadLineEnd
		}
		return chunkDone, d.finishTrailers()
	default:
		panic("BUG: chunk state takes no single byte")
	}
}

// size takes a byte of the chunk size: no sign, no 0x, no white space before it.
func (d *Chunked) size(c byte) (chunkState, *Refusal) {
	switch {
	case byteClass[c]&classHex != 0:
		if d.digits == chunkDigitsMax || d.left > math.MaxInt64>>4 {
			return chunkSize, ErrBadChunkSize
		}
		d.digits++
		d.left = d.left<<4 | int64(hexValue(c))
		return chunkSize, nil
	case d.digits == 0:
		return chunkSize, ErrBadChunkSize
	case c == '\r':
		return chunkSizeLF, nil
	case c == ';':
		return chunkExtension, nil
	case c == ' ', c == '\t':
		return d.extendBy(chunkSpace)
	}
	return chunkSize, ErrBadChunkSize
}

// extend takes a byte behind the size: white space, which recipients must bear
// before a semicolon (RFC 9112 section 7.1.1, "bad white space"; some senders pad
// sizes with it), or a chunk extension. Nothing else may follow white space: "5 5" is
// not a size.
func (d *Chunked) extend(c byte) (chunkState, *Refusal) {
	switch {
	case c == '\r':
		return chunkSizeLF, nil
	case d.state == chunkExtension:
		if c < ' ' && c != '\t' || c == 0x7f {
			return chunkExtension, ErrBadChunkExtension
		}
		return d.extendBy(chunkExtension)
	case c == ';':
		return chunkExtension, nil
	case c == ' ', c == '\t':
		return d.extendBy(chunkSpace)
	}
	return chunkSpace, ErrBadChunkSize
}

// extendBy counts a byte that is dropped.
func (d *Chunked) extendBy(next chunkState) (chunkState, *Refusal) {
	d.extension++
	d.credit++
	return next, refuseIf(d.extension > extensionBytesMax || d.credit > extensionCreditMax, ErrBadChunkExtension)
}

// trailer collects bytes of a trailer line up to its LF and returns their
// number.
func (d *Chunked) trailer(src []byte) int {
	n := bytes.IndexByte(src, '\n') + 1
	if n > 0 {
		d.state = trailerStart
	} else {
		n = len(src)
	}
	if len(d.lines)+n > trailerBytesMax {
		d.err = ErrTrailersTooLarge
		return n
	}
	d.lines = append(d.lines, src[:n]...)
	return n
}

// finishTrailers reads the collected section and takes out what may not stand
// in one (RFC 9110 section 6.5.1).
func (d *Chunked) finishTrailers() *Refusal {
	if len(d.lines) == 0 {
		return nil
	}
	d.lines = append(d.lines, crlf...)
	d.trailers.begin()
	end, r := d.trailers.parseFields(d.lines, trailerFieldsMax)
	if r != nil {
		return r
	}
	if end != len(d.lines) {
		return ErrBadLineEnd
	}
	d.trailers.Raw = d.lines
	for i := range d.trailers.Fields {
		if f := &d.trailers.Fields[i]; notTrailerSet.Has(f.ID) {
			f.Drop = true
		}
	}
	return nil
}

// Trailers are the fields after the last chunk; Fields is empty when there were
// none. Those that must not stand in a trailer section are marked Drop. Valid
// once Done, until Reset.
func (d *Chunked) Trailers() *Head { return &d.trailers }
