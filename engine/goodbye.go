package engine

import (
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// goodbye ends the conversation of a tunnel from our side, when the proxy drains:
// both ends of a WebSocket get a close frame (RFC 6455 section 5.5.1), at a border
// between two frames, and then have as long as the drain lasts to close. Other
// protocols are cut.
type goodbye struct {
	speaks              bool // the tunnel is a WebSocket
	toClient, toBackend bool // the close frame is on its way
	frames              [2][closeFrameMax]byte
}

const (
	closeFrameMax = 8
	closeFrameMin = 4 // without a mask
	opClose       = 8
	finBit        = 0x80
	maskBit       = 0x80
	goingAway     = 1001
)

// say does what can be done now, and reports that the tunnel is over.
func (g *goodbye) say(t *tunnel) bool {
	if !g.speaks {
		return true
	}
	g.toClient = g.toClient || t.down.tell(closeFrame(&g.frames[0], false))
	g.toBackend = g.toBackend || t.up.tell(closeFrame(&g.frames[1], true))
	return g.toClient && g.toBackend && t.up.isOver() && t.down.isOver()
}

// closeFrame is a close frame in room; those to a server are masked.
func closeFrame(room *[closeFrameMax]byte, masked bool) []byte {
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

// tell writes a frame of our own, if it may stand here, and lets nothing follow it.
// False: not yet.
func (p *passage) tell(frame []byte) bool {
	if p.ended || p.frames.closed {
		return true // the other side has said it
	}
	if p.rest || p.in.Len() > 0 || !p.frames.isHere() {
		return false
	}
	_, err := p.to.Writev(frame, nil, nil)
	if p.rest = errors.Is(err, socket.ErrWouldBlock); p.rest {
		p.to.AwaitRoom()
	}
	p.deaf = true
	return true
}

// isOver reports that the side where the passage begins has said its last word.
func (p *passage) isOver() bool { return !p.rest && (p.frames.closed || p.ended) }

// border follows the frames of a WebSocket (RFC 6455 section 5.2) as they pass. The
// zero value is before the first one. What is no WebSocket may be followed, too: it
// only means nothing.
type border struct {
	head   [14]byte
	headed int    // bytes of the head that came
	left   uint64 // bytes of the payload to come
	closed bool   // a close frame has passed
}

// isHere reports that the next byte begins a frame.
func (b *border) isHere() bool { return b.headed == 0 && b.left == 0 }

// follow goes on over data.
func (b *border) follow(data []byte) {
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
		b.closed = b.closed || b.head[0]&0xf == opClose
		b.left = b.payload()
		b.headed = 0
	}
}

// headLength is the length of the head, of which two bytes are there.
func (b *border) headLength() int {
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
func (b *border) payload() uint64 {
	switch n := b.head[1] &^ maskBit; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(b.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(b.head[2:])
	default:
		return uint64(n)
	}
}
