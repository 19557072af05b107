package socket

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/safely"
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

// Keeper is who keeps a connection.
type Keeper interface {
	// Met says what came, just now, on a connection at rest, which is closed next. The
	// loop calls it.
	Met(f Found, nowNanos int64)
}

// Keep makes c a connection that can be used again, for at most maxAge (0: for ever).
// k, a new one, is what that takes; its owner keeps it as a part of what it knows itself.
func (c *Conn) Keep(k *Kept, keeper Keeper, maxAge time.Duration) {
	k.keeper = keeper
	if info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		k.tcp, k.roundTripNanos = true, int64(info.Rtt)*1000
	}
	c.kept = k
	if maxAge > 0 {
		k.expiry = safely.After(maxAge, "max_age", c.expire)
	}
}

// Sooner is the greatest age of connections, or up to a tenth less, at random: connections that
// were made together must not be made anew together.
func Sooner(age time.Duration) time.Duration {
	return age - time.Duration(rand.Int64N(int64(age)/10+1))
}

// Keeper is who keeps the connection; nil for one that is used once.
func (c *Conn) Keeper() Keeper {
	if c.kept == nil {
		return nil
	}
	return c.kept.keeper
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

// expire ends the time of a connection to a backend: at once where it waits for another
// request, else behind the exchange under way. One that has switched to another
// protocol, or carries streams, is not concerned. Its timer calls it.
func (c *Conn) expire() {
	c.kept.old.Store(true)
	if c.Wake() {
		_ = c.Close()
	}
}

// end is a part of Close, which nobody but the loop may be faster than: see endIdle.
func (k *Kept) end() {
	k.looking.Lock() // the loop finds the connection gone afterwards
	defer k.looking.Unlock()
	if k.expiry != nil {
		k.expiry.Stop()
	}
}

// Rest begins the time between two requests, in which the loop closes a connection that
// ends or speaks. The caller gives c to others next, or drops it when the answer is
// false: the backend has hung up already.
func (c *Conn) Rest(sinceNanos int64) bool {
	c.kept.idleNanos = sinceNanos
	if c.secure != nil {
		c.secure.shrink()
	}
	return c.rd.state.Or(bitPooled)&(bitHung|bitAborted) == 0
}

// Wake ends that time; false when the loop has closed c meanwhile.
func (c *Conn) Wake() bool { return c.rd.state.And(^uint32(bitPooled))&bitPooled != 0 }

// Unreceived reports that the backend cannot have seen a byte of this request,
// given what reading met: a byte, an end (io.EOF) or an error.
//
// It is so when the socket took none. It is also so when the backend has ended
// its half of the connection, or said something, while its TCP has acknowledged
// none of the bytes. Whatever a TCP sends carries an acknowledgement of all that
// it has received in order, and ours handles that before it shows us the end
// (RFC 9293 section 3.10.7.4). So at the moment the backend ended the connection
// nothing of the request had arrived: the end is not its answer, and a request
// that comes after the end can have no answer any more. It was never applied in
// the sense of RFC 9110 section 9.2.2, which allows to send it again whatever
// its method is. A proxy of TCP between the two changes nothing: it cannot have
// passed on what it has not received.
//
// A reset proves nothing of the kind: its acknowledgement is not looked at, and
// a backend that has read the request, and acted on it, resets too when it
// closes with bytes unread, before the delayed acknowledgement (40 ms) is due.
// Once a write was told of a reset, or of a peer that is silent, a read meets an
// end although none was sent; so that write stays counted in full: see tally.
//
// Over TLS it is records that are counted, which are more than the request. An
// alert is as good as the end that follows it.
func (c *Conn) Unreceived(met error) bool {
	if met != nil && !errors.Is(met, io.EOF) && !errors.Is(met, errNoCloseNotify) || !c.kept.tcp {
		return c.kept.sent.Load() == 0
	}
	unacknowledged := c.Queued() // first: sent is never fewer than what was written by then
	return unacknowledged >= c.kept.sent.Load()
}

// writeCounted is writeOnce, with what a connection to a backend has to know.
func (c *Conn) writeCounted() (int, unix.Errno) {
	if c.kept == nil {
		return c.writeOnce()
	}
	total := len(c.parts[0]) + len(c.parts[1]) + len(c.parts[2])
	c.kept.sent.Add(int64(total))
	n, errno := c.writeOnce()
	if n < total {
		c.kept.tally(total, n, errno)
	}
	return n, errno
}

// writeRecords is one write of encrypted records, counted like the others.
func (c *Conn) writeRecords(b []byte) (int, unix.Errno) {
	if c.kept != nil {
		c.kept.sent.Add(int64(len(b)))
	}
	w, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	n := int(w)
	if errno != 0 {
		n = 0
	}
	if c.kept != nil && n < len(b) {
		c.kept.tally(len(b), n, errno)
	}
	return n, errno
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
