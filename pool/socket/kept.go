package socket

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Kept is what a connection to a backend has beside other ones: what it takes to use
// it again. Whoever uses the connection owns it; while the connection rests, which
// bitPooled says, that is whoever clears the bit: who takes it (Wake), or the loop when
// the backend hangs up or speaks.
type Kept struct {
	keeper         Keeper
	idleNanos      int64 // when it was put to rest
	roundTripNanos int64 // as the kernel measured it when it connected
	tcp            bool
	looking        sync.Mutex  // held by the loop while it looks what an end is about
	old            atomic.Bool // beyond its greatest age
	expiry         *time.Timer // sets old; nil without a limit

	// sent is how many bytes of this request the socket may have taken, never
	// fewer: a write is counted before it is made, and what it did not take is
	// subtracted afterwards. Reader and writer may be two goroutines.
	sent atomic.Int64
}

// Found is what a look at a connection finds on which nothing should happen.
type Found uint8

const (
	// FoundSilence is a connection that may carry another request.
	FoundSilence Found = iota
	// FoundEnd is a backend that has closed it, as it was idle for too long. Some
	// say so with a 408 first.
	FoundEnd
	// FoundStray are bytes that nobody asked for.
	FoundStray
	// FoundAborted is our own doing.
	FoundAborted
)

// wordBytes is as much of what a backend says on an idle connection as tells a 408.
const wordBytes = statusBytes

// statusBytes is the length of "HTTP/1.1 408".
const statusBytes = 12

// Keeper is who keeps a connection.
type Keeper interface {
	// Met says what came, just now, on a connection at rest, which is closed next. The
	// loop calls it.
	Met(f Found, nowNanos int64)
}

// Sooner is the greatest age of connections, or up to a tenth less, at random: connections that
// were made together must not be made anew together.
func Sooner(age time.Duration) time.Duration {
	return age - time.Duration(rand.Int64N(int64(age)/10+1))
}

// IsOld reports that the connection has reached its greatest age.
func (k *Kept) IsOld() bool { return k.old.Load() }

// IdleNanos is the moment at which it was put to rest.
func (k *Kept) IdleNanos() int64 { return k.idleNanos }

// RoundTripNanos is the time of a round trip as the kernel measured it when it
// connected; 0 is not known.
func (k *Kept) RoundTripNanos() int64 { return k.roundTripNanos }

// HasSent reports that the socket may have taken bytes since Begin.
func (k *Kept) HasSent() bool { return k.sent.Load() != 0 }

// Begin begins to count the bytes of another request.
func (k *Kept) Begin() { k.sent.Store(0) }

// end is a part of Close, which nobody but the loop may be faster than: see endIdle.
func (k *Kept) end() {
	k.looking.Lock() // the loop finds the connection gone afterwards
	defer k.looking.Unlock()
	if k.expiry != nil {
		k.expiry.Stop()
	}
}

// tally corrects sent after a write of n bytes of which took were taken.
func (k *Kept) tally(n, took int, errno unix.Errno) {
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR, unix.EPIPE:
	default: // the end of the connection
		if k.sent.Load() > int64(n) {
			return // what was written before may have been received: no proof any more
		}
	}
	k.sent.Add(int64(took - n))
}
