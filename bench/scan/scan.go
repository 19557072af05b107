// Package scan reads HTTP/1.1 responses for the load generator: only as much as
// is needed to count them, but strictly, so that an answer with broken framing
// is an error and not a success. It allocates nothing per response.
package scan

import (
	"bytes"
	"errors"
)

// Why an answer is not a well-framed HTTP/1.1 response (RFC 9112).
var (
	ErrStatusLine    = errors.New("bad status line")
	ErrField         = errors.New("bad header field")
	ErrHeadTooLarge  = errors.New("response head too large")
	ErrLength        = errors.New("bad content-length")
	ErrCoding        = errors.New("bad transfer-encoding")
	ErrChunk         = errors.New("bad chunk")
	ErrExtraBytes    = errors.New("bytes after the response")
	ErrSwitch        = errors.New("unexpected 101 switching protocols")
	ErrTooManyInform = errors.New("too many interim responses")
)

const (
	headBytesMax  = 64 << 10 // a response head, or the trailers of a chunked one
	lineBytesMax  = 4 << 10  // a chunk-size line with its extensions
	interimMax    = 16       // 1xx responses before the final one
	chunkDigitMax = 15       // hex digits of a chunk size: stays below 1<<60
)

type state uint8

const (
	stateHead        state = iota // waiting for the end of the head
	stateFixed                    // content-length body, left bytes to go
	stateUntilClose               // body ends with the connection
	stateChunkSize                // in the hex digits
	stateChunkExt                 // between the digits and CR
	stateChunkSizeLF              // CR seen, LF must follow
	stateChunkData                // left bytes to go
	stateChunkCR                  // CR after the data
	stateChunkLF                  // LF after the data
	stateTrailer                  // at the start of a trailer line
	stateTrailerLine              // inside one
	stateTrailerLF                // CR of a trailer line seen
	stateLastLF                   // CR of the empty last line seen
	stateDone
)

// Scanner reads one response at a time from the bytes given to Feed. It belongs
// to one connection and one goroutine. The zero value is ready after Reset.
type Scanner struct {
	spill     []byte // head bytes of earlier reads, when a head came in pieces
	left      int64  // body or chunk bytes still to come
	bodyBytes int64
	state     state
	digits    uint8 // hex digits of the current chunk size
	interim   uint8
	head      bool // the request was HEAD
	keepAlive bool
	status    int
	line      int // bytes of the current chunk-size line, or of all trailers
}

// Reset prepares for the response to the next request; head says that the
// request was HEAD, whose response has no body.
func (s *Scanner) Reset(head bool) {
	s.spill = s.spill[:0]
	s.left, s.bodyBytes = 0, 0
	s.state, s.digits, s.interim = stateHead, 0, 0
	s.head, s.keepAlive = head, false
	s.status, s.line = 0, 0
}

// Status is the status code of the response, 0 before its head is complete.
func (s *Scanner) Status() int { return s.status }

// KeepAlive reports whether the connection may carry another request.
func (s *Scanner) KeepAlive() bool { return s.keepAlive }

// BodyBytes is the number of body bytes read, without chunk framing.
func (s *Scanner) BodyBytes() int64 { return s.bodyBytes }

// Started reports whether any byte of the response has arrived.
func (s *Scanner) Started() bool {
	return s.state != stateHead || len(s.spill) > 0 || s.interim > 0
}

// Skippable is the number of body bytes that may be thrown away unread, told
// to Skip afterwards; 0 when the next bytes matter.
func (s *Scanner) Skippable() int64 {
	if s.state == stateFixed {
		return s.left
	}
	return 0
}

// Skip tells that n of the Skippable bytes were thrown away. It reports whether
// the response is complete.
func (s *Scanner) Skip(n int64) (done bool) {
	s.left -= n
	s.bodyBytes += n
	if s.left == 0 {
		s.state = stateDone
	}
	return s.state == stateDone
}

// Close tells that the peer has ended the connection. It reports whether that
// completes the response, which is so for a body without a length only.
func (s *Scanner) Close() (done bool) {
	if s.state != stateUntilClose {
		return false
	}
	s.state, s.keepAlive = stateDone, false
	return true
}

// Feed reads the next bytes from the connection, all of b. It reports whether
// the response is complete. The error is one of those above; after it the
// connection must not be used again. b may be reused after Feed returns.
func (s *Scanner) Feed(b []byte) (done bool, err error) {
	for len(b) > 0 {
		switch s.state {
		case stateHead:
			b, err = s.feedHead(b)
		case stateFixed:
			n := min(s.left, int64(len(b)))
			b = b[n:]
			s.Skip(n)
		case stateUntilClose:
			s.bodyBytes += int64(len(b))
			return false, nil
		case stateChunkData:
			n := min(s.left, int64(len(b)))
			b = b[n:]
			s.bodyBytes += n
			if s.left -= n; s.left == 0 {
				s.state = stateChunkCR
			}
		case stateDone:
			return false, ErrExtraBytes
		default:
			err = s.step(b[0])
			b = b[1:]
		}
		if err != nil {
			return false, err
		}
	}
	return s.state == stateDone, nil
}

// protocol is what every status line starts with.
const protocol = "HTTP/1."

var headEnd = []byte("\r\n\r\n") //nolint:gochecknoglobals // a constant slice

// feedHead looks for the end of the head in b and returns what follows it. A
// head that is complete in b is read in place; only a partial one is copied.
func (s *Scanner) feedHead(b []byte) (rest []byte, err error) {
	if len(s.spill) == 0 {
		if end := bytes.Index(b, headEnd); end >= 0 {
			return b[end+4:], s.readHead(b[:end+2])
		}
	}
	// The end may lie across the border of the two pieces.
	from := max(len(s.spill)-3, 0)
	room := headBytesMax - len(s.spill)
	s.spill = append(s.spill, b[:min(len(b), room)]...)
	if start := s.spill[:min(len(s.spill), len(protocol))]; string(start) != protocol[:len(start)] {
		return nil, ErrStatusLine // do not wait for the end of what is no HTTP at all
	}
	end := bytes.Index(s.spill[from:], headEnd)
	if end < 0 {
		if len(b) >= room {
			return nil, ErrHeadTooLarge
		}
		return nil, nil
	}
	end += from
	used := end + 4 - (len(s.spill) - min(len(b), room))
	head := s.spill[:end+2]
	s.spill = s.spill[:0]
	return b[used:], s.readHead(head)
}

// readHead reads a whole head, which ends with the CRLF of its last line, and
// sets the state in which its body is read (RFC 9112 section 6.3).
func (s *Scanner) readHead(head []byte) error {
	f, err := readStatusLine(&head)
	if err != nil {
		return err
	}
	for len(head) > 0 {
		if err := f.readField(&head); err != nil {
			return err
		}
	}
	if f.status < 200 {
		if f.status == 101 {
			return ErrSwitch
		}
		s.interim++
		if s.interim > interimMax {
			return ErrTooManyInform
		}
		return nil
	}
	s.status = f.status
	s.keepAlive = !f.close && (f.minor == 1 || f.keepAlive)
	if f.chunked && f.length >= 0 {
		return ErrCoding
	}
	switch {
	case s.head || f.status == 204 || f.status == 304 || f.length == 0:
		s.state = stateDone
	case f.chunked:
		s.state = stateChunkSize
	case f.length > 0:
		s.state, s.left = stateFixed, f.length
	default:
		s.state, s.keepAlive = stateUntilClose, false
	}
	return nil
}

// step reads one byte of chunk framing or trailers (RFC 9112 section 7.1).
func (s *Scanner) step(c byte) error {
	s.line++
	switch s.state {
	case stateChunkSize:
		return s.chunkSize(c)
	case stateChunkExt:
		switch {
		case c == '\r':
			s.state = stateChunkSizeLF
		case c < ' ' && c != '\t' || s.line > lineBytesMax:
			return ErrChunk
		}
		return nil
	case stateTrailer, stateTrailerLine:
		return s.trailer(c)
	case stateChunkCR:
		s.state = stateChunkLF
		return expect(c, '\r')
	case stateChunkSizeLF:
		s.chunkStart()
	case stateChunkLF:
		s.state, s.line = stateChunkSize, 0
	case stateTrailerLF:
		s.state = stateTrailer
	case stateLastLF:
		s.state = stateDone
	default:
		panic("BUG: scanner state that reads no single byte")
	}
	return expect(c, '\n')
}

func expect(c, want byte) error {
	if c != want {
		return ErrChunk
	}
	return nil
}

// chunkStart enters the data of a chunk whose size line is complete.
func (s *Scanner) chunkStart() {
	s.digits, s.line = 0, 0
	s.state = stateChunkData
	if s.left == 0 {
		s.state = stateTrailer
	}
}

func (s *Scanner) chunkSize(c byte) error {
	if d, ok := hexDigit(c); ok {
		s.digits++
		if s.digits > chunkDigitMax {
			return ErrChunk
		}
		s.left = s.left<<4 | int64(d)
		return nil
	}
	if s.digits == 0 {
		return ErrChunk
	}
	switch c {
	case '\r':
		s.state = stateChunkSizeLF
	case ';', ' ', '\t':
		s.state = stateChunkExt
	default:
		return ErrChunk
	}
	return nil
}

func (s *Scanner) trailer(c byte) error {
	if s.line > headBytesMax {
		return ErrHeadTooLarge
	}
	atStart := s.state == stateTrailer
	switch {
	case c == '\r' && atStart:
		s.state = stateLastLF
	case c == '\r':
		s.state = stateTrailerLF
	case c == '\n' || c == 0 || atStart && !token[c]:
		return ErrField
	default:
		s.state = stateTrailerLine
	}
	return nil
}

func hexDigit(c byte) (d byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
