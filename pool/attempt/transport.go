package attempt

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Attempt is one try of one exchange against one backend. The steps, in order:
//
//	Open   a connection that is known to be open, pooled or fresh
//	Send   the prepared head with the body bytes that are already here
//	Head   once for each interim response and once for the final one
//	Next   until Done: the content, decoded; for a 101 Early and Switched instead
//	Close  exactly once after a successful Open
//
// It owns its buffer and its connection between Open and Close and allocates
// nothing. Another goroutine may write the rest of the request's body to Conn
// meanwhile. The zero value is ready; one goroutine uses it.
type Attempt struct {
	Response wire.ResponseHead
	// Client is whose request it is, for pools that announce that: see
	// Pool.Announces. It is set before Open; the zero value is somebody unknown.
	Client wire.ProxyHeader
	// Patience is how long Open may wait for a connection, and Send for room, beside the
	// pool's own limits. It is set before them.
	Patience socket.Patience

	hc        *fasthttp.HostClient
	link      *link
	conn      *socket.Conn
	in        socket.Buffer
	room      int // of in, once widen has chosen it; 0 before
	body      Body
	pipe      *socket.Pipe // under way between the sockets; see NextPiped
	piped     bool         // the rest of the content takes that way
	fresh     int          // bytes that have come since the last wait; see acknowledge
	openNanos int64        // when the connection was taken; 0 if its age did not matter
	reused    bool         // the connection carried a request before
	pooled    bool         // it goes back to the HostClient
	touched   bool         // a byte of a response has come
	headed    bool         // the head of one has
	toHEAD    bool         // the request was a HEAD
	suspect   doubt        // of the attempt before
}

// doubt is a backend, and what its last answer ended with, whose next words on that
// connection were no answer. Should it answer on another one, they were stray bytes.
type doubt struct {
	link   *link
	ending endedBy
}

// OpenPooled is Open for the loop: it takes a pooled connection or, when there
// is none that serves, answers Pending, and a goroutine has to Open.
func (a *Attempt) OpenPooled(hc *fasthttp.HostClient, which Reuse) Outcome {
	k := linkOf(hc)
	k.noDial.Add(1)
	out := a.open(hc, k, which, true)
	k.noDial.Add(-1)
	if out == OK {
		a.conn.Wait(false)
	}
	return out
}

// Open takes a pooled connection of hc, or dials. Those that are closed, have
// said something unasked, or are too old are thrown away.
func (a *Attempt) Open(hc *fasthttp.HostClient, which Reuse) Outcome {
	return a.open(hc, linkOf(hc), which, false)
}

func (a *Attempt) open(hc *fasthttp.HostClient, k *link, which Reuse, inLoop bool) Outcome {
	a.hc, a.link, a.touched, a.headed, a.fresh, a.openNanos = hc, k, false, false, 0, 0
	if which != ReuseNone {
		a.suspect = doubt{}
	}
	a.Response.Reset()
	a.in.Sized(ResponseHeadMax)
	if k.streams != nil {
		if out, spoken := a.openStream(k, which, inLoop); spoken {
			return out
		}
	}
	if which == ReuseNone || k.clients.dialing.Announces != AnnounceNothing {
		return a.dialUnless(inLoop)
	}
	for retired := 0; ; { // each turn but a repeated one closes an idle connection, so it ends
		c, err := a.take(inLoop)
		switch {
		case err == nil:
		case errors.Is(err, fasthttp.ErrNoFreeConns) && k.closeParked():
			continue
		case errors.Is(err, errWouldDial):
			return Pending
		default:
			return dialOutcome(err)
		}
		switch a.fit(c, which) {
		case fits:
			r := reuseOf(c)
			a.conn, a.reused, a.pooled = c, r.used, true
			r.used = true
			c.Wait(true)
			return OK
		case fitsOthers:
			a.putBack(c)
			return a.dialUnless(inLoop)
		case fitsNobody:
			leases.drop(hc, c)
		}
		retired++
		if inLoop && retired == retiredMax {
			return Pending
		}
	}
}

// take takes a pooled connection or, where that is none, dials; not so in the loop.
func (a *Attempt) take(inLoop bool) (*socket.Conn, error) {
	if inLoop {
		return leases.take(a.hc)
	}
	if c, err := a.link.takePooled(a.hc); !errors.Is(err, errWouldDial) {
		return c, err
	}
	return a.link.fetchPooled(a.hc, a.Patience)
}

// dialUnless dials a connection for this one request; the loop cannot wait for it.
func (a *Attempt) dialUnless(inLoop bool) Outcome {
	if inLoop {
		return Pending
	}
	c, err := a.link.fetchSingle(a.hc, a.Client, a.Patience)
	if err != nil {
		return dialOutcome(err)
	}
	if !a.link.speaksHTTP1(c) {
		a.link.endSingle(c)
		return dialOutcome(errNoHTTP1)
	}
	a.conn, a.reused, a.pooled = c, false, false
	return OK
}

// Conn is the open connection, for the goroutine that sends the rest of the
// body and for cancelling.
func (a *Attempt) Conn() *socket.Conn { return a.conn }

// Reused reports that the connection carried a request before.
func (a *Attempt) Reused() bool { return a.reused }

// Past is when the connection of the attempt was made, and since when it had waited for
// another request; zeros where it carries its first one, or is a stream.
func (a *Attempt) Past() (madeNanos, idledNanos int64) {
	if !a.reused || !a.pooled {
		return 0, 0
	}
	r := reuseOf(a.conn)
	return r.madeNanos, r.IdleNanos()
}

// Touched reports that a byte of a response has come.
func (a *Attempt) Touched() bool { return a.touched }

// Send writes p to a backend that may take nothing for at most gap (0 is no limit), and
// for as long as Patience says. A peer that has closed is no failure yet: it may have answered first,
// which Head finds out.
func (a *Attempt) Send(p []byte, gap time.Duration) Outcome {
	a.conn.SetWritePace(gap, 0)
	a.conn.SetWriteEnd(a.Patience.ByNanos)
	return a.sent(a.conn.Write(p))
}

// SendRest goes on with a Send that answered Pending.
func (a *Attempt) SendRest() Outcome {
	a.conn.SetWriteEnd(a.Patience.ByNanos)
	return a.sent(a.conn.Flush())
}

// sent is what a write of the request means.
func (a *Attempt) sent(_ int, err error) Outcome {
	a.conn.SetWriteEnd(0)
	switch {
	case err == nil:
		return OK
	case errors.Is(err, socket.ErrWouldBlock):
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
	a.toHEAD = toHEAD
	limits := wire.Limits{HeadBytes: a.link.clients.Options.headerBytes, Fields: responseFieldsMax}
	for {
		if a.in.Len() > 0 {
			a.touched = true
			n, err := a.Response.Parse(a.in.Bytes(), &limits, toHEAD)
			if err != nil || n == 0 && a.in.Full() && !a.in.Grow(limits.HeadBytes) {
				return a.noHead()
			}
			if n > 0 {
				if a.reused && !a.conn.IsStream() && a.unasked() {
					return a.neverAsked()
				}
				a.beginContent(n)
				return OK
			}
		}
		if err := a.read(ResponseHeadMax); err != nil {
			return a.readOutcome(err)
		}
	}
}

// read takes at most limit bytes of the answer, waiting for the first one.
func (a *Attempt) read(limit int64) error {
	if a.fresh > 0 && !a.conn.MayRead() {
		a.acknowledge()
	}
	n, err := a.in.ReadFrom(a.conn, limit)
	a.fresh += n
	if a.fresh > 0 && errors.Is(err, socket.ErrWouldBlock) {
		a.acknowledge()
	}
	return err
}

// smallPiece is less than a backend holds back for.
const smallPiece = 4 << 10

// acknowledge is for a wait in the middle of an answer: whoever writes it in small pieces may wait
// for a word that the last one has come.
func (a *Attempt) acknowledge() {
	if a.fresh < smallPiece {
		a.conn.Acknowledge()
	}
	a.fresh = 0
}

// beginContent follows on a response head of n bytes.
func (a *Attempt) beginContent(n int) {
	a.in.Discard(n)
	a.body.Begin(a.Response.Framing, a.Response.ContentLength)
	a.headed = true
	if a.suspect.link != nil {
		a.confirm()
	}
	if d := &a.link.clients.deaths; a.reused && d.Load() != 0 {
		d.Store(0)
	}
	if a.conn.Secure() {
		a.link.clients.faults.over()
	}
}

// readOutcome is what a failed read of a response head means.
func (a *Attempt) readOutcome(err error) Outcome {
	switch {
	case errors.Is(err, socket.ErrWouldBlock):
		return Pending
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Timeout
	case a.conn.IsStream():
		return a.streamOutcome(err)
	case !a.reused && !a.touched && refusesUs(a.conn, err):
		a.link.clients.faults.met(TLSReason(err, 0))
		return TLSFailed
	case !a.reused || a.touched:
		return Reset
	}
	if a.conn.Unreceived(err) {
		a.observe(a.conn)
		return ReusedNeverReceived
	}
	a.mourn()
	return ReusedDied
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
		if err := a.read(a.body.Limit() + 1); err != nil {
			if errors.Is(err, io.EOF) && a.body.End() {
				return nil, OK
			}
			return nil, a.bodyOutcome(err)
		}
	}
}

// widen chooses the buffer of a long body, once it has emptied the first one.
func (a *Attempt) widen() {
	if a.room == 0 && a.in.Len() == 0 && a.body.Limit() > ResponseHeadMax {
		a.room = takeRoom()
		a.in.Release()
		a.in.Sized(a.room)
	}
}

// KeepShort has content come in pieces of at most ResponseHeadMax, however long it is:
// for whoever works on every byte, and holds up its loop for as long as a piece takes.
func (a *Attempt) KeepShort() {
	if a.room == 0 {
		a.room = roomOfHead
	}
}

// roomOfHead is the room of an attempt whose content has that of its head.
const roomOfHead = -1

// narrow is the end of widen.
func (a *Attempt) narrow() {
	if a.room > 0 {
		giveRoom(a.room)
	}
	a.room = 0
}

func (a *Attempt) bodyOutcome(err error) Outcome {
	if errors.Is(err, socket.ErrWouldBlock) {
		return Pending
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Truncated
}

// Early takes what has come behind the head of a 101, which is no content. It is
// valid until the next call.
func (a *Attempt) Early() []byte {
	b := a.in.Bytes()
	a.in.Discard(len(b))
	return b
}

// Switched follows on a 101 that was passed on with everything Early: Response and
// the buffer it lies in are given back, as the connection may be silent for long.
func (a *Attempt) Switched() {
	a.Response.Reset()
	a.in.Release()
}

// Trailers are the fields behind the content, once Done.
func (a *Attempt) Trailers() *wire.Head { return a.body.Trailers() }

// Close ends the attempt. The connection is kept for the next one when whole is
// true (the request was sent to its last byte) and the response allows it:
// taken to its end, which was at lastNanos, nothing behind it, no Connection:
// close.
func (a *Attempt) Close(whole bool, lastNanos int64) {
	c := a.conn
	whole = whole && a.body.Done()
	keep := whole && a.pooled && a.Response.KeepAlive
	if keep && a.in.Len() > 0 && a.Response.Status != statusSwitching {
		keep = false
		a.link.clients.strays.metWith(endingOf(&a.Response, a.toHEAD))
	}
	behind := a.in.Len()
	a.conn, a.touched = nil, false
	a.in.Release()
	a.narrow()
	a.dropPipe()
	a.piped = false
	a.body.Begin(wire.UntilClose, 0)
	if keep && a.Response.IdleTimeout >= 0 {
		r := reuseOf(c)
		r.home.ages.observe(lastNanos, int64(a.Response.IdleTimeout), r.RoundTripNanos())
	}
	switch {
	case c.IsStream():
		_ = c.Close()
		if whole && c.InLoop() {
			c.Recycle()
		}
	case keep:
		a.link.keep(c, endingOf(&a.Response, a.toHEAD), lastNanos)
	case a.pooled:
		leases.drop(a.hc, c)
	default:
		if whole && behind == 0 && a.link.clients.dialing.Announces != AnnounceNothing {
			c.LeavesNoPort()
		}
		a.link.endSingle(c)
	}
}

// openStream is open for a backend that is spoken to in streams. spoken is false
// where it is not, after all.
func (a *Attempt) openStream(k *link, which Reuse, inLoop bool) (out Outcome, spoken bool) {
	if k.clients.onlyHTTP1.Load() {
		return OK, false
	}
	c, used, err := k.streams.Open(which == ReuseNone, inLoop, a.Patience)
	switch {
	case errors.Is(err, socket.ErrNotNow):
		return Pending, true
	case errors.Is(err, errHTTP1) && k.clients.onlyHTTP1.Load():
		return OK, false
	case err != nil:
		return dialOutcome(err), true
	}
	a.conn, a.reused, a.pooled = c, used, false
	c.Wait(true)
	return OK, true
}

// streamOutcome is what a failed read of a response head means on a stream.
func (a *Attempt) streamOutcome(err error) Outcome {
	switch {
	case errors.Is(err, socket.ErrStreamUnsent):
		return ReusedNeverReceived
	case errors.Is(err, socket.ErrStreamBad):
		return BadResponse
	case errors.Is(err, socket.ErrStreamLost) && a.reused && !a.touched:
		return ReusedDied
	}
	return Reset
}
