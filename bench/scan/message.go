package scan

import (
	"encoding/binary"
	"errors"
)

// Why bytes are not the frames of WebSocket (RFC 6455 section 5.2).
var (
	ErrOpcode      = errors.New("bad opcode of a WebSocket frame")
	ErrFrameLength = errors.New("bad length of a WebSocket frame")
)

const (
	frameFinal  = 0x80
	frameCode   = 0x0f
	frameMasked = 0x80
	frameLength = 0x7f
	codeBinary  = 0x2
	codeControl = 0x8 // and above: close, ping, pong
	codeMost    = 0xa
	longLength  = 126 // two bytes follow
	hugeLength  = 127 // eight bytes follow
	maskBytes   = 4
)

// Messages reads one message of WebSocket at a time from the bytes given to Feed, in however many
// frames it comes, and skips control frames. It belongs to one connection and one goroutine. The
// zero value is ready.
type Messages struct {
	head  [2 + 8 + maskBytes]byte
	have  int    // bytes of the head
	left  uint64 // bytes of the payload still to come
	begun bool   // a byte of a message is there
	done  bool
}

// Reset prepares for the next message.
func (m *Messages) Reset() { *m = Messages{} }

// Started reports whether a byte of the message has come.
func (m *Messages) Started() bool { return m.begun || m.have > 0 }

// Feed reads the next bytes of the connection, all of b. It reports whether the message is complete;
// the error is ErrOpcode, ErrFrameLength, or ErrExtraBytes for bytes behind it.
func (m *Messages) Feed(b []byte) (done bool, err error) {
	for len(b) > 0 {
		if m.done {
			return false, ErrExtraBytes
		}
		if m.left == 0 {
			if b, err = m.feedHead(b); err != nil {
				return false, err
			}
		}
		n := min(uint64(len(b)), m.left)
		b, m.left = b[n:], m.left-n
		if m.left == 0 && m.have == m.headLength() {
			m.done = m.head[0]&frameFinal != 0 && !m.isControl()
			m.have = 0
		}
	}
	return m.done, nil
}

// feedHead takes as much of b as belongs to the head of a frame.
func (m *Messages) feedHead(b []byte) ([]byte, error) {
	for len(b) > 0 && m.have < m.headLength() {
		m.head[m.have] = b[0]
		m.have++
		b = b[1:]
	}
	if m.have < m.headLength() {
		return b, nil
	}
	if code := m.head[0] & frameCode; code > codeMost || code > codeBinary && code < codeControl {
		return b, ErrOpcode
	}
	m.begun = m.begun || !m.isControl()
	switch length := m.head[1] & frameLength; length {
	case longLength:
		m.left = uint64(binary.BigEndian.Uint16(m.head[2:]))
	case hugeLength:
		m.left = binary.BigEndian.Uint64(m.head[2:])
		if m.left>>63 != 0 {
			return b, ErrFrameLength
		}
	default:
		m.left = uint64(length)
	}
	return b, nil
}

// headLength is how long the head of the frame is, as far as that is known.
func (m *Messages) headLength() int {
	n := 2
	if m.have < n {
		return n
	}
	switch m.head[1] & frameLength {
	case longLength:
		n += 2
	case hugeLength:
		n += 8
	}
	if m.head[1]&frameMasked != 0 {
		n += maskBytes
	}
	return n
}

func (m *Messages) isControl() bool { return m.head[0]&codeControl != 0 }

// AppendMessage appends a binary message in one frame, masked as clients must, to b. mask is what a
// client draws anew for each frame.
func AppendMessage(b, payload []byte, mask [maskBytes]byte) []byte {
	b = append(b, frameFinal|codeBinary)
	switch n := len(payload); {
	case n < longLength:
		b = append(b, frameMasked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, frameMasked|longLength), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, frameMasked|hugeLength), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, octet := range payload {
		b = append(b, octet^mask[i%maskBytes])
	}
	return b
}
