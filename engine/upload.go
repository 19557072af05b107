package engine

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// uploadRoom is the buffer of a long request body.
const uploadRoom = 64 << 10

// upload sends the part of a request body that did not come with its head. It
// has a goroutine of its own, so that an answer can be read, and passed on,
// while the body is still on its way; without it a backend that answers before
// it has read everything would meet a proxy that does not listen.
//
// start hands x.body and the reading half of the client's connection to that
// goroutine, stop takes them back.
type upload struct {
	begun    bool // in this exchange; the body can no longer be replayed
	running  bool
	stopping atomic.Bool  // set by stop before it wakes the goroutine
	waiting  atomic.Bool  // it is the client that is waited for
	moved    atomic.Int64 // Nanos at which the backend was last given bytes
	ended    chan struct{}
	run      func() // u.send, made once: a method value is an allocation

	x     *exchange
	to    *pool.Conn
	in    pool.Buffer
	frame []byte // chunk framing
	sent  int64  // content bytes, for the limit
	out   pool.Outcome
	cut   bool // the backend took no more
	whole bool // everything was sent
}

func (u *upload) prepare() {
	u.ended = make(chan struct{}, 1)
	u.run = u.send
	u.frame = make([]byte, 0, 64)
}

// start begins to send. The caller must call stop before the exchange ends.
func (u *upload) start(x *exchange) {
	u.begun, u.running, u.whole, u.cut, u.out = true, true, false, false, pool.OK
	u.x, u.to = x, x.attempt.Conn()
	u.stopping.Store(false)
	u.moved.Store(pool.Nanos())
	u.in.Sized(uploadRoom)
	go u.run()
}

// pipelineMax bounds what a read of a chunked body may bring of the next request.
const pipelineMax = 16 << 10

// stop ends the upload, if one runs, and reports whether the request was sent
// to its last byte. A body that is still on its way is cut: the backend's
// connection then must not be used again, and neither must the client's.
func (u *upload) stop(x *exchange) (whole bool) {
	if !u.begun {
		return true
	}
	if u.running {
		select {
		case <-u.ended:
		default:
			u.stopping.Store(true)
			x.c.AbortRead()
			u.to.Abort()
			<-u.ended
		}
		u.running = false
	}
	if !u.whole || !u.handBack(x.c) {
		x.keep = false
	}
	u.in.Release()
	u.x, u.to = nil, nil
	return u.whole
}

// unfinished reports that the body is still on its way.
func (u *upload) unfinished() bool {
	if !u.running {
		return u.begun && !u.whole
	}
	select {
	case <-u.ended:
		u.running = false
		return !u.whole
	default:
		return true
	}
}

// await waits for the end of an upload whose answer is complete already: a
// backend may answer while it reads. One that has stopped reading costs the
// client's connection after limit.
func (u *upload) await(limit time.Duration) {
	if !u.unfinished() || !u.running {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-u.ended:
		u.running = false
	case <-t.C:
	}
}

// blame is out, or what the client did if that was the reason for it.
func (u *upload) blame(out pool.Outcome) pool.Outcome {
	if !u.begun {
		return out
	}
	slow := out == pool.Timeout && u.waiting.Load()
	if u.x != nil {
		u.stop(u.x)
	}
	switch {
	case u.out != pool.OK:
		return u.out
	case slow:
		return pool.ClientSlow
	}
	return out
}

// handBack returns bytes of the next, pipelined request that came with the last
// ones of the body.
func (u *upload) handBack(c *conn) bool {
	ok := u.in.Len() == 0 || (c.in.Len() == 0 && c.in.Append(u.in.Bytes()))
	u.in.Release()
	return ok
}

// send is the goroutine. When the client is to blame it cuts the backend's
// connection, so that the reader of the answer wakes, and the backend sees a
// broken request, never a complete one.
func (u *upload) send() {
	u.out = u.copy()
	u.whole = u.out == pool.OK && !u.cut && u.x.body.Done()
	if u.out != pool.OK {
		u.to.Abort()
	}
	u.ended <- struct{}{}
}

// copy moves the body until its end, a fault of the client (the outcome), or
// the end of the backend's interest (OK, and the body is not done).
func (u *upload) copy() pool.Outcome {
	x := u.x
	writeGap := x.fwd.pool.timeouts.Write
	for !x.body.Done() {
		data, err := x.body.Take(&u.in)
		if err != nil {
			return pool.ClientBadBody
		}
		if len(data) == 0 && !x.body.Done() {
			if out, again := u.read(); !again {
				return out
			}
			continue
		}
		if u.sent += int64(len(data)); x.policy.bodyBytesMax > 0 && u.sent > x.policy.bodyBytesMax {
			return pool.ClientTooLarge
		}
		nowNanos := pool.Nanos()
		u.moved.Store(nowNanos)
		u.to.SetWriteBy(deadline(nowNanos, writeGap))
		if !u.write(data) {
			u.cut = true
			return pool.OK // the answer, or its absence, will tell why
		}
	}
	return pool.OK
}

// read waits for more of the body.
func (u *upload) read() (out pool.Outcome, again bool) {
	x := u.x
	limit := x.body.Limit()
	if x.head.Framing == wire.ChunkedBody {
		limit = pipelineMax // what is read too much must fit into conn.in
	}
	x.c.SetReadBy(deadline(pool.Nanos(), x.policy.bodyGap))
	u.waiting.Store(true)
	n, err := u.in.ReadFrom(x.c.Conn, limit)
	u.waiting.Store(false)
	switch {
	case err == nil:
		x.bytesIn += int64(n)
		return pool.OK, true
	case u.stopping.Load():
		return pool.OK, false
	case errors.Is(err, os.ErrDeadlineExceeded):
		return pool.ClientSlow, false
	}
	return pool.ClientGone, false
}

// write sends content in the framing of the request.
func (u *upload) write(data []byte) bool {
	if u.x.head.Framing != wire.ChunkedBody {
		_, err := u.to.Write(data)
		return err == nil
	}
	u.frame = u.frame[:0]
	if len(data) > 0 {
		u.frame = wire.AppendChunkHeader(u.frame, len(data))
	}
	head := len(u.frame)
	if len(data) > 0 {
		u.frame = append(u.frame, "\r\n"...)
	}
	if u.x.body.Done() {
		u.frame = wire.AppendLastChunk(u.frame, u.x.body.Trailers())
	}
	_, err := u.to.Writev(u.frame[:head], data, u.frame[head:])
	return err == nil
}

// appendBodyHere puts behind the request head what has come of the body with
// it. A small body is complete then, goes out in the same write, and can be
// sent again. A client that expects 100 Continue has changed its mind if it
// sends all the same.
func (x *exchange) appendBodyHere() {
	x.upload.begun, x.upload.sent = false, 0
	for !x.body.Done() && x.c.in.Len() > 0 {
		data, err := x.body.Take(&x.c.in)
		if err != nil {
			x.bodyFault = pool.ClientBadBody
			return
		}
		x.upload.sent += int64(len(data))
		switch {
		case x.head.Framing != wire.ChunkedBody:
			x.out = append(x.out, data...)
		case len(data) > 0:
			x.out = wire.AppendChunk(x.out, data)
		}
	}
	if x.policy.bodyBytesMax > 0 && x.upload.sent > x.policy.bodyBytesMax {
		x.bodyFault = pool.ClientTooLarge
	}
	x.bytesIn += x.upload.sent
	if x.head.Framing == wire.ChunkedBody && x.body.Done() {
		x.out = wire.AppendLastChunk(x.out, x.body.Trailers())
	}
}
