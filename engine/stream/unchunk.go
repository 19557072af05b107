package stream

import "bytes"

// unchunker reads the framing of a chunked body that our own engine has written: sizes
// without extensions, and trailers that were checked. It stops in front of content,
// so that as much of it is taken as the peer's window allows; wire.Chunked, which
// reads what strangers write, hands it out.
type unchunker struct {
	at       unchunkPlace
	left     int64 // content to come of this chunk
	trailers []byte
	done     bool
}

type unchunkPlace uint8

const (
	unchunkSize    unchunkPlace = iota // a digit of the size, or CR
	unchunkSizeLF                      // LF behind the size
	unchunkContent                     // left bytes, then CRLF
	unchunkLF                          // LF behind content
	unchunkTrailer                     // a line of trailers, or the empty one
)

// next reads text up to content or to its end: n bytes of framing were used up, or, if
// n is 0, content bytes begin here.
func (u *unchunker) next(text []byte) (n, content int, err error) {
	for n < len(text) && !u.done {
		c := text[n]
		switch u.at {
		case unchunkSize:
			switch digit := hexDigit(c); {
			case digit >= 0:
				u.left = u.left<<4 | int64(digit)
			case c == '\r':
				u.at = unchunkSizeLF
			default:
				return n, 0, ErrText
			}
		case unchunkSizeLF:
			if u.at = unchunkContent; u.left == 0 {
				u.at = unchunkTrailer
			}
		case unchunkContent:
			if u.left > 0 {
				if n > 0 {
					return n, 0, nil
				}
				return 0, int(min(u.left, int64(len(text)))), nil
			}
			u.at = unchunkLF // c is CR
		case unchunkLF:
			u.at = unchunkSize
		case unchunkTrailer:
			n += u.trailer(text[n:])
			continue
		}
		n++
	}
	return n, 0, nil
}

// trailer collects lines; the empty one is the end.
func (u *unchunker) trailer(text []byte) int {
	n := bytes.IndexByte(text, '\n') + 1
	if n == 0 {
		u.trailers = append(u.trailers, text...)
		return len(text)
	}
	u.trailers = append(u.trailers, text[:n]...)
	if t := u.trailers; len(t) >= 2 && string(t[len(t)-2:]) == "\r\n" && (len(t) == 2 || t[len(t)-3] == '\n') {
		u.trailers, u.done = t[:len(t)-2], true
	}
	return n
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
