package http2

import (
	"errors"
	"io"
	"strconv"

	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// Stream is one request and its answer: the pool.Stream in its Conn, which the host
// uses like a connection to a client. It is used again for another one.
type Stream struct {
	request

	// Conn is what the exchange reads and writes.
	Conn pool.Conn
	// Host is the host's own, and stays when the stream is used again.
	Host any

	session *Session
	id      uint32
	answer  answer
}

// request is what a stream knows of its request.
type request struct {
	// Refusal is why the request is refused although it was not read: an answer has
	// to say so. Set, like the next three, before the exchange begins.
	Refusal error

	isHEAD  bool
	chunked bool // the body is chunked in the text
	tunnel  bool // it is an extended CONNECT (RFC 8441)
	key     Key  // of the WebSocket it asks for: ours to a backend of HTTP/1.1, or the other way round
	// Of the loop, while it looks ahead.
	dueNanos    int64 // when the exchange begins; 0: it has
	wantsLength bool  // without content its head says so
	// Guarded by the session's mutex.
	in       pool.Fifo // text of the head, then content
	headLeft int       // bytes of the head in it
	chunk    chunkText // how the content is told
	tail     []byte    // field lines of trailers
	taken    int64     // bytes of frames whose window was not given back
	owed     int       // of these, used up
	promised int64     // content to come, if measured
	measured bool
	ended    bool  // by the peer
	dropped  bool  // what had come was dropped: what was read is not the whole
	gone     bool  // reset or closed: what comes is for nobody
	why      error // what reads say then

	// Of a stream to a backend.
	promise bool // it was reserved, and has no number yet
	headed  bool // the head of the final answer has come

	window int64
	given  int64 // bytes that the peer has made room for, in all
	waits  wait  // what it waits for
	waited wait  // what it has waited for last
}

var errReset = errors.New("the peer has reset the stream")

// newStream makes or takes a Stream. The loop calls it.
func (s *Session) newStream(id uint32) *Stream {
	var st *Stream
	if n := len(s.shard.free); n > 0 {
		st, s.shard.free = s.shard.free[n-1], s.shard.free[:n-1]
	} else {
		st = &Stream{}
	}
	st.session, st.id, st.gone = s, id, false
	st.Conn.BeginStream(s.conn.Loop(), st, s.conn)
	return st
}

// Recycle gives a closed stream back, to be used for another request. The loop calls
// it, when nobody has it any more.
func (st *Stream) Recycle() {
	s, shard := st.session, st.session.shard
	if len(shard.free) >= freeMax || cap(st.tail)+st.answer.held() > headKeep {
		return
	}
	if d := &s.data; d.stream == st { // the rest of the frame is for nobody, least of all for who is next
		d.stream = nil
		s.giveBack(nil, d.left)
	}
	st.request = request{tail: st.tail[:0], gone: true}
	st.answer.reset()
	st.session = nil
	shard.free = append(shard.free, st)
}

// IsTunnel reports an extended CONNECT (RFC 8441): any 2xx means to its client that
// the tunnel is open.
func (st *Stream) IsTunnel() bool { return st.tunnel }

// Accepts reports that a backend has accepted the WebSocket whose key we have made.
func (st *Stream) Accepts(answer []byte) bool { return st.key.Accepts(answer) }

// Session is the stream's.
func (st *Stream) Session() *Session { return st.session }

// TryRead implements pool.Stream: the text of the request.
func (st *Stream) TryRead(p []byte) (int, error) {
	s := st.session
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	n, done := st.readLocked(p)
	switch {
	case n > 0:
		return n, nil
	case done:
		return 0, io.EOF
	case st.gone:
		return 0, st.why
	}
	return 0, nil
}

// readLocked moves text into p; done is its end.
func (st *Stream) readLocked(p []byte) (n int, done bool) {
	if st.headLeft > 0 {
		n = st.in.Take(p[:min(len(p), st.headLeft)])
		st.headLeft -= n
		p = p[n:]
	}
	if st.headLeft > 0 || len(p) == 0 || st.dropped {
		return n, false
	}
	if !st.chunked {
		k := st.in.Take(p)
		st.usedLocked(k)
		return n + k, st.ended && st.in.Len() == 0
	}
	k, content, done := st.chunk.read(p, &st.in, st.ended, st.tail)
	st.usedLocked(content)
	return n + k, done
}

// usedLocked gives the windows of content back that was read, once it is worth a
// frame.
func (st *Stream) usedLocked(n int) {
	if n == 0 {
		return
	}
	s := st.session
	s.mu.owed += n
	s.payBackLocked()
	st.owed += n
	st.payBackLocked()
	if s.mu.out.Len() > 0 {
		s.wroteLocked(st.Conn.InLoop())
	}
}

// chunkText tells content as a chunked body (RFC 9112 section 7.1): what is there
// becomes one chunk.
type chunkText struct {
	carry [24]byte // framing on its way
	from  int
	to    int
	left  int // content of the chunk
	begun bool
	last  bool // the last chunk was begun
	tail  int  // bytes of trailers that were told
}

// read moves text into p: n bytes, of which some were content.
func (c *chunkText) read(p []byte, in *pool.Fifo, ended bool, trailers []byte) (n, content int, done bool) {
	for n < len(p) {
		switch {
		case c.from < c.to:
			k := copy(p[n:], c.carry[c.from:c.to])
			c.from += k
			n += k
		case c.left > 0:
			k := in.Take(p[n:min(len(p), n+c.left)])
			c.left -= k
			n += k
			content += k
			if c.left == 0 {
				c.say("\r\n")
			}
		case in.Len() > 0:
			c.left = in.Len()
			c.from, c.to = 0, len(append(strconv.AppendInt(c.carry[:0], int64(c.left), 16), "\r\n"...))
		case !ended:
			return n, content, false
		case !c.last:
			c.last = true
			c.say("0\r\n")
		case c.tail < len(trailers):
			k := copy(p[n:], trailers[c.tail:])
			c.tail += k
			n += k
		case !c.begun:
			c.begun = true
			c.say("\r\n")
		default:
			return n, content, true
		}
	}
	return n, content, false
}

func (c *chunkText) say(text string) { c.from, c.to = 0, copy(c.carry[:], text) }

// leaveLocked is the end of the stream by the peer. Its exchange has not ended yet:
// reads say why, or give what a backend has sent before.
func (st *Stream) leaveLocked(why error) {
	st.gone, st.why = true, why
	st.unblockLocked()
	if st.session.client == nil {
		st.dropLocked()
	}
}

// dropLocked forgets what nobody will read.
func (st *Stream) dropLocked() {
	s := st.session
	s.mu.owed += st.in.Len() - st.headLeft
	s.payBackLocked()
	st.in.Drop()
	st.headLeft, st.dropped = 0, true
}

// CloseWrite implements pool.Stream, for a tunnel.
func (st *Stream) CloseWrite() error {
	m := &st.session.mu
	m.Lock()
	defer m.Unlock()
	if st.gone || st.answer.state != answerRaw {
		return nil
	}
	st.answer.state = answerDone
	st.sendEndLocked()
	st.session.wroteLocked(st.Conn.InLoop())
	return nil
}

// closeLocked says to the peer that the stream is over, where it does not know; failed
// is an error that it says.
func (st *Stream) closeLocked() (failed frame.Code) {
	s, sent := st.session, st.answer.state == answerDone
	switch {
	case s.client != nil && (!sent || !st.ended):
		s.resetLocked(st.id, frame.CodeCancel)
	case s.client != nil:
	case !sent:
		failed = st.brokenLocked()
		s.resetLocked(st.id, failed)
	case !st.ended:
		s.dropRestLocked(st)
	}
	if sent {
		s.earned.Add(earnAnswer)
	}
	return failed
}

// Close implements pool.Stream. A request that was not read to its end is not wanted
// any more (RFC 9113 section 8.1); an answer without its end is broken.
func (st *Stream) Close() {
	s := st.session
	failed, heir := st.close()
	if heir != nil {
		heir.Conn.Room(false)
	}
	if failed != frame.CodeNone {
		s.host.Failed(failed)
	}
}

// close is Close under the mutex: failed is an error that the peer was sent, heir a
// stream to wake.
func (st *Stream) close() (failed frame.Code, heir *Stream) {
	s := st.session
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	if st.promise {
		st.keepPromiseLocked()
		st.gone = true
	}
	if !st.gone {
		failed = st.closeLocked()
		s.wroteLocked(st.Conn.InLoop())
		st.leaveLocked(errReset)
	}
	st.dropLocked()
	s.forgetLocked(st)
	return failed, s.heirLocked()
}

// brokenLocked says why there is no whole answer.
func (st *Stream) brokenLocked() frame.Code {
	switch {
	case st.answer.state == answerRaw:
		return frame.CodeCancel // as TCP resets a connection (RFC 8441 section 5)
	case st.headLeft > 0:
		return frame.CodeRefusedStream // nobody has heard of it
	}
	return frame.CodeInternal
}
