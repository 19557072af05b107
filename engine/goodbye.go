package engine

import (
	"errors"

	"github.com/isame-lb/isame-lb/engine/websocket"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// goodbye ends the conversation of a tunnel from our side, when the proxy drains:
// both ends of a WebSocket get a close frame (RFC 6455 section 5.5.1), at a border
// between two frames, and then have as long as the drain lasts to close. Other
// protocols are cut.
type goodbye struct {
	speaks              bool // the tunnel is a WebSocket
	toClient, toBackend bool // the close frame is on its way
	frames              [2][websocket.CloseFrameMax]byte
}

// say does what can be done now, and reports that the tunnel is over.
func (g *goodbye) say(t *tunnel) bool {
	if !g.speaks {
		return true
	}
	g.toClient = g.toClient || t.down.tell(websocket.CloseFrame(&g.frames[0], false))
	g.toBackend = g.toBackend || t.up.tell(websocket.CloseFrame(&g.frames[1], true))
	return g.toClient && g.toBackend && t.up.isOver() && t.down.isOver()
}

// tell writes a frame of our own, if it may stand here, and lets nothing follow it.
// False: not yet.
func (p *passage) tell(frame []byte) bool {
	if p.ended || p.frames.Closed {
		return true // the other side has said it
	}
	if p.rest || p.in.Len() > 0 || !p.frames.IsHere() {
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
func (p *passage) isOver() bool { return !p.rest && (p.frames.Closed || p.ended) }
