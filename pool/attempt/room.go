package attempt

import (
	"sync/atomic"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// A client that reads slowly holds a buffer of content, and there may be many of them:
// what they hold together is bounded. Larger buffers save system calls and are given as
// long as all relays of long content together have room for them; those that come when
// it is used up get the smallest. With 20,000 slow readers that is some 440 MiB, where it was
// 5 GB. (Pipes are bounded by their number: pipesMax.)

// rooms are the sizes of buffers for long content, and how much of it all such content
// may have for the size to be given.
var rooms = [...]struct{ size, upTo int64 }{
	{relayRoom, 256 << 20},
	{ResponseHeadMax, 384 << 20},
}

// roomsTaken is what all relays together were given. It is written twice for each long
// content, not for each read.
var roomsTaken atomic.Int64

// takeRoom returns the size of a buffer for long content; giveRoom takes it back.
func takeRoom() int {
	for _, r := range rooms {
		if roomsTaken.Add(r.size) <= r.upTo {
			return int(r.size)
		}
		roomsTaken.Add(-r.size)
	}
	roomsTaken.Add(socket.BufferSizeMin)
	return socket.BufferSizeMin
}

func giveRoom(size int) { roomsTaken.Add(-int64(size)) }

// widen chooses the buffer of a long body, once it has emptied the first one.
func (a *Attempt) widen() {
	if a.room == 0 && a.in.Len() == 0 && a.body.Limit() > ResponseHeadMax {
		a.room = takeRoom()
		a.in.Release()
		a.in.Sized(a.room)
	}
}

// narrow is the end of widen.
func (a *Attempt) narrow() {
	if a.room != 0 {
		giveRoom(a.room)
		a.room = 0
	}
}
