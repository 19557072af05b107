package pool

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

// Reuse says which pooled connections an attempt may take.
type Reuse uint8

const (
	// ReuseFree is for a request that can be sent again should the connection
	// turn out to be dead.
	ReuseFree Reuse = iota
	// ReuseSafe is for one that cannot: connections that are as old as those the
	// backend closes are not for it.
	ReuseSafe
	// ReuseNone dials, for the retry after a pooled connection died.
	ReuseNone
)

// retiredMax bounds the connections that one look of the loop throws away.
const retiredMax = 16

// reuse is what a connection to a backend has beside other ones: what it takes
// to use it again. Whoever uses the connection owns it; while the connection
// lies in the HostClient's pool, which bitPooled says, that is whoever clears
// the bit: an Attempt that takes it, or the loop when the backend hangs up.
type reuse struct {
	home           *clients
	lease          any   // what HostClient.AcquireConn returned, for its release
	idleNanos      int64 // when the last answer was read to its end
	roundTripNanos int64 // as the kernel measured it when it connected
	tcp            bool
	used           bool        // a request was sent on it
	ending         endedBy     // of the last answer on it
	looking        sync.Mutex  // held by the loop while it looks what an end is about
	old            atomic.Bool // beyond connections.max_age
	expiry         *time.Timer // sets old; nil without a limit

	// sent is how many bytes of this request the socket may have taken, never
	// fewer: a write is counted before it is made, and what it did not take is
	// subtracted afterwards. The upload writes while the Attempt reads.
	sent atomic.Int64
}

// keepFor makes c a connection to a backend that can be used again.
func (c *Conn) keepFor(home *clients) {
	r := &reuse{home: home}
	if info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		r.tcp, r.roundTripNanos = true, int64(info.Rtt)*1000
	}
	c.reuse = r
	if age := home.options.connections.MaxAge; age > 0 {
		r.expiry = safely.After(Sooner(age), "max_age", c.expire)
	}
}

// Sooner is connections.max_age, or up to a tenth less, at random: connections that
// were made together must not be made anew together.
func Sooner(age time.Duration) time.Duration {
	return age - time.Duration(rand.Int64N(int64(age)/10+1))
}

// expire ends the time of a connection to a backend: at once where it waits for another
// request, else behind the exchange under way. One that has switched to another
// protocol, or carries streams, is not concerned. Its timer calls it.
func (c *Conn) expire() {
	c.reuse.old.Store(true)
	if c.wake() {
		_ = c.Close()
	}
}

// end is a part of Close, which nobody but the loop may be faster than: see endIdle.
func (r *reuse) end() {
	r.looking.Lock() // the loop finds the connection gone afterwards
	defer r.looking.Unlock()
	if r.expiry != nil {
		r.expiry.Stop()
	}
}

// rest begins the time in the pool; the caller puts c there next, or drops it
// when the answer is false: the backend has hung up already.
func (c *Conn) rest(sinceNanos int64) bool {
	c.reuse.idleNanos = sinceNanos
	if c.secure != nil {
		c.secure.shrink()
	}
	return c.rd.state.Or(bitPooled)&(bitHung|bitAborted) == 0
}

// wake ends the time in the pool; false when the loop has closed c meanwhile.
func (c *Conn) wake() bool { return c.rd.state.And(^uint32(bitPooled))&bitPooled != 0 }

// unreceived reports that the backend cannot have seen a byte of this request,
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
func (c *Conn) unreceived(met error) bool {
	if met != nil && !errors.Is(met, io.EOF) && !errors.Is(met, errNoCloseNotify) || !c.reuse.tcp {
		return c.reuse.sent.Load() == 0
	}
	unacknowledged := c.Queued() // first: sent is never fewer than what was written by then
	return unacknowledged >= c.reuse.sent.Load()
}

// writeCounted is writeOnce, with what a connection to a backend has to know.
func (c *Conn) writeCounted() (int, unix.Errno) {
	if c.reuse == nil {
		return c.writeOnce()
	}
	total := len(c.parts[0]) + len(c.parts[1]) + len(c.parts[2])
	c.reuse.sent.Add(int64(total))
	n, errno := c.writeOnce()
	if n < total {
		c.reuse.tally(total, n, errno)
	}
	return n, errno
}

// writeRecords is one write of encrypted records, counted like the others.
func (c *Conn) writeRecords(b []byte) (int, unix.Errno) {
	if c.reuse != nil {
		c.reuse.sent.Add(int64(len(b)))
	}
	w, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	n := int(w)
	if errno != 0 {
		n = 0
	}
	if c.reuse != nil && n < len(b) {
		c.reuse.tally(len(b), n, errno)
	}
	return n, errno
}

// tally corrects sent after a write of n bytes of which took were taken.
func (r *reuse) tally(n, took int, errno unix.Errno) {
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR, unix.EPIPE:
	default: // the end of the connection
		if r.sent.Load() > int64(n) {
			return // what was written before may have been received: no proof any more
		}
	}
	r.sent.Add(int64(took - n))
}
