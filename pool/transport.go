package pool

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/wire"
)

// responseHeadMax bounds the header block of a backend's response, and is what
// one read may bring: a 16 KiB body comes with its head in one system call.
const (
	responseHeadMax   = 32 << 10
	responseFieldsMax = 256
)

// relayRoom is the buffer for content that does not fit beside its head: larger
// reads save system calls (1 MiB: 680 us of CPU with 32 KiB, 530 with 256 KiB).
const relayRoom = 256 << 10

var responseLimits = wire.Limits{HeadBytes: responseHeadMax, Fields: responseFieldsMax}

// Attempt is one try of one exchange against one backend. The steps, in order:
//
//	Open   a connection that is known to be open, pooled or fresh
//	Send   the prepared head with the body bytes that are already here
//	Head   once for each interim response and once for the final one
//	Next   until Done: the content, decoded
//	Close  exactly once after a successful Open
//
// It owns its buffer and its connection between Open and Close and allocates
// nothing. Another goroutine may write the rest of the request's body to Conn
// meanwhile. The zero value is ready; one goroutine uses it.
type Attempt struct {
	Response wire.ResponseHead

	hc      *fasthttp.HostClient
	conn    *Conn
	in      Buffer
	body    Body
	reused  bool // the connection carried a request before
	pooled  bool // it goes back to the HostClient
	touched bool // a byte of a response has come
}

// OpenPooled is Open for the loop: it takes a pooled connection or, when there
// is none that lives, answers Pending, and a goroutine has to Open.
func (a *Attempt) OpenPooled(hc *fasthttp.HostClient) Outcome {
	k := linkOf(hc)
	k.noDial.Store(true)
	out := a.Open(hc, false)
	k.noDial.Store(false)
	if out == OK {
		a.conn.Wait(false)
	}
	return out
}

// Open takes a connection of hc. Pooled ones that are closed or have said
// something unasked are thrown away; fresh dials a new one whatever the pool
// holds, for the retry after a pooled one died.
func (a *Attempt) Open(hc *fasthttp.HostClient, fresh bool) Outcome {
	a.hc, a.touched = hc, false
	a.Response.Reset()
	a.in.Sized(responseHeadMax)
	if fresh {
		return a.dial()
	}
	for { // each turn closes one idle connection, so it ends
		c, err := leases.take(hc)
		if err != nil {
			if errors.Is(err, errNotNow) {
				if linkOf(hc).noDial.Load() {
					return Pending
				}
				continue // the loop asked at the same moment; it has not waited
			}
			return dialOutcome(err)
		}
		if c.used && !c.Quiet() { // an aborted one is not quiet
			leases.drop(hc, c)
			continue
		}
		a.conn, a.reused, a.pooled = c, c.used, true
		c.used = true
		c.Wait(true)
		return OK
	}
}

func (a *Attempt) dial() Outcome {
	nc, err := a.hc.Dial(a.hc.Addr)
	for errors.Is(err, errNotNow) { // the loop asked at the same moment; it never waits
		nc, err = a.hc.Dial(a.hc.Addr)
	}
	if err != nil {
		return dialOutcome(err)
	}
	c, ok := nc.(*Conn)
	if !ok {
		panic("BUG: the dialer of a backend did not make a *Conn")
	}
	a.conn, a.reused, a.pooled = c, false, false
	return OK
}

// Conn is the open connection, for the goroutine that sends the rest of the
// body and for cancelling.
func (a *Attempt) Conn() *Conn { return a.conn }

// Reused reports that the connection carried a request before.
func (a *Attempt) Reused() bool { return a.reused }

// Send writes p to a backend that may take nothing for at most gap; 0 is no
// limit. A peer that has closed is no failure yet: it may have answered first,
// which Head finds out.
func (a *Attempt) Send(p []byte, gap time.Duration) Outcome {
	a.conn.SetWritePace(gap, 0)
	_, err := a.conn.Write(p)
	return sendOutcome(err)
}

// SendRest goes on with a Send that answered Pending.
func (a *Attempt) SendRest() Outcome {
	_, err := a.conn.Flush()
	return sendOutcome(err)
}

func sendOutcome(err error) Outcome {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrWouldBlock):
		return Pending
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	}
	return OK
}

// Head reads the next response head into Response, interim or final, waiting
// until byNanos. toHEAD says that the request's method was HEAD. Response is
// valid until the first Next.
func (a *Attempt) Head(toHEAD bool, byNanos int64) Outcome {
	a.conn.SetReadBy(byNanos)
	for {
		if a.in.Len() > 0 {
			a.touched = true
			n, err := a.Response.Parse(a.in.Bytes(), &responseLimits, toHEAD)
			if err != nil {
				return BadResponse
			}
			if n > 0 {
				a.in.Discard(n)
				a.body.Begin(a.Response.Framing, a.Response.ContentLength)
				return OK
			}
			if a.in.Full() {
				return BadResponse
			}
		}
		if _, err := a.in.ReadFrom(a.conn, responseHeadMax); err != nil {
			return a.readOutcome(err)
		}
	}
}

// readOutcome is what a failed read of a response head means.
func (a *Attempt) readOutcome(err error) Outcome {
	switch {
	case errors.Is(err, ErrWouldBlock):
		return Pending
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case a.reused && !a.touched:
		return ReusedDied
	}
	return Reset
}

// Done reports that the whole response was taken.
func (a *Attempt) Done() bool { return a.body.Done() }

// Buffered is the content that has already come with the head; it does not
// wait. See Next for whose bytes they are.
func (a *Attempt) Buffered() ([]byte, Outcome) {
	data, err := a.body.Take(&a.in)
	if err != nil {
		return nil, BadResponse
	}
	return data, OK
}

// Next returns the next bytes of the content, waiting until byNanos for the
// first one. They are the Attempt's and valid until the next call. No bytes
// and OK means Done.
func (a *Attempt) Next(byNanos int64) ([]byte, Outcome) {
	a.conn.SetReadBy(byNanos)
	for {
		data, err := a.body.Take(&a.in)
		if err != nil {
			return nil, BadResponse
		}
		if len(data) > 0 || a.body.Done() {
			return data, OK
		}
		a.widen()
		if _, err := a.in.ReadFrom(a.conn, a.body.Limit()+1); err != nil {
			if errors.Is(err, io.EOF) && a.body.End() {
				return nil, OK
			}
			return nil, a.bodyOutcome(err)
		}
	}
}

// widen takes a larger buffer once a long body has emptied the first one.
func (a *Attempt) widen() {
	if a.in.Len() == 0 && a.in.size != relayRoom && a.body.Limit() > responseHeadMax {
		a.in.Release()
		a.in.Sized(relayRoom)
	}
}

func (a *Attempt) bodyOutcome(err error) Outcome {
	if errors.Is(err, ErrWouldBlock) {
		return Pending
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Truncated
}

// Trailers are the fields behind the content, once Done.
func (a *Attempt) Trailers() *wire.Head { return a.body.Trailers() }

// Close ends the attempt. The connection is kept for the next one when whole is
// true (the request was sent to its last byte) and the response allows it:
// taken to its end, nothing behind it, no Connection: close.
func (a *Attempt) Close(whole bool) {
	c := a.conn
	keep := whole && a.pooled && a.body.Done() && a.Response.KeepAlive && a.in.Len() == 0
	a.conn, a.touched = nil, false
	a.in.Release()
	a.body.Begin(wire.UntilClose, 0)
	switch {
	case keep:
		leases.put(a.hc, c)
	case a.pooled:
		leases.drop(a.hc, c)
	default:
		_ = c.Close()
	}
}
