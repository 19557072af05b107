// Package websocket knows of the WebSocket protocol (RFC 6455) what a proxy needs that
// ends a conversation of others: where one of their frames ends, and how to say goodbye.
//
// It is pure. Imported by engine; imports the standard library only.
package websocket

import (
	"crypto/rand"
	"encoding/binary"
)

// CloseFrameMax is the length of the longest close frame we send, which is masked.
const CloseFrameMax = 8

const (
	closeFrameMin = 4 // without a mask
	opClose       = 8
	finBit        = 0x80
	maskBit       = 0x80
	goingAway     = 1001
)

// CloseFrame is a close frame in room; those to a server are masked.
func CloseFrame(room *[CloseFrameMax]byte, masked bool) []byte {
	room[0], room[1] = finBit|opClose, 2
	if !masked {
		binary.BigEndian.PutUint16(room[2:], goingAway)
		return room[:closeFrameMin]
	}
	room[1] |= maskBit
	_, _ = rand.Read(room[2:6])
	binary.BigEndian.PutUint16(room[6:], goingAway)
	room[6] ^= room[2]
	room[7] ^= room[3]
	return room[:]
}

// Border follows the frames of a WebSocket (RFC 6455 section 5.2) as they pass. The
// zero value is before the first one. What is no WebSocket may be followed, too: it
// only means nothing.
type Border struct {
	Closed bool // a close frame has passed

	head   [14]byte
	headed int    // bytes of the head that came
	left   uint64 // bytes of the payload to come
}

// IsHere reports that the next byte begins a frame.
func (b *Border) IsHere() bool { return b.headed == 0 && b.left == 0 }

// Follow goes on over data.
func (b *Border) Follow(data []byte) {
	for len(data) > 0 {
		if b.left > 0 {
			n := min(b.left, uint64(len(data)))
			b.left -= n
			data = data[n:]
			continue
		}
		b.head[b.headed] = data[0]
		b.headed++
		data = data[1:]
		if b.headed < 2 || b.headed < b.headLength() {
			continue
		}
		b.Closed = b.Closed || b.head[0]&0xf == opClose
		b.left = b.payload()
		b.headed = 0
	}
}

// headLength is the length of the head, of which two bytes are there.
func (b *Border) headLength() int {
	n := 2
	switch b.head[1] &^ maskBit {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b.head[1]&maskBit != 0 {
		n += 4
	}
	return n
}

// payload is the length of the frame whose head is there.
func (b *Border) payload() uint64 {
	switch n := b.head[1] &^ maskBit; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(b.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(b.head[2:])
	default:
		return uint64(n)
	}
}
