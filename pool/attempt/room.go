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

// ResponseHeadMax is what one read of a backend's response may bring: a 16 KiB body
// comes with its head in one system call. A longer head gets a larger buffer, up to
// the pool's limit.
const (
	ResponseHeadMax   = 32 << 10
	responseFieldsMax = 512
)

// relayRoom is the buffer for content that does not fit beside its head: larger
// reads save system calls (1 MiB: 680 us of CPU with 32 KiB, 530 with 256 KiB).
const relayRoom = 256 << 10

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
