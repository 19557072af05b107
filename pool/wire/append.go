package wire

import (
	"bytes"
	"math/bits"
	"slices"
)

const hexDigits = "0123456789abcdef"

// AppendChunkHeader appends the line before a chunk of size bytes, size > 0.
// The data and CRLF must follow.
func AppendChunkHeader(dst []byte, size int) []byte {
	n := uint64(max(size, 0))
	for shift := (bits.Len64(n|1) - 1) &^ 3; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>uint(shift)&15])
	}
	return append(dst, crlf...)
}

// AppendChunk appends data as one chunk; no data appends nothing, because an
// empty chunk would end the body.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = append(AppendChunkHeader(dst, len(data)), data...)
	return append(dst, crlf...)
}

// AppendLastChunk ends a chunked body. Field lines of trailers that are not
// marked Drop go into its trailer section; nil is no trailers.
func AppendLastChunk(dst []byte, trailers *Head) []byte {
	dst = append(dst, "0\r\n"...)
	if trailers != nil {
		dst = trailers.AppendFields(dst)
	}
	return append(dst, crlf...)
}

const hostLine = "Host: "

// ReplaceHost puts another value into Host, the first field of a request head that the proxy
// has made; content may stand behind the head. Its room is used where that suffices.
func ReplaceHost(head []byte, host string) []byte {
	from := bytes.IndexByte(head, '\n') + 1 + len(hostLine)
	to := from + bytes.IndexByte(head[from:], '\r')
	if string(head[from:to]) == host {
		return head
	}
	if more := len(host) - (to - from); more > 0 {
		head = slices.Grow(head, more)
	}
	end := from + len(host) + copy(head[from+len(host):cap(head)], head[to:])
	head = head[:end]
	copy(head[from:], host)
	return head
}
