package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// Stream is one request and its answer: the socket.Stream in its Conn, which the host
// uses like a connection to a client. It is used again for another one.
type Stream struct {
	use

	// Conn is what the exchange reads and writes.
	Conn socket.Conn
	// Host is the host's own, and stays when the stream is used again.
	Host any

	session *Session
	id      uint32

	// Guarded by the session's mutex.
	input  stream.Input
	output stream.Output
}

// use is what a stream knows of the request that it has now.
type use struct {
	stream.Request

	dueNanos int64 // when the exchange begins, while the loop looks ahead; 0: it has

	// Guarded by the session's mutex.
	taken int64 // bytes of frames whose window was not given back
	owed  int   // of these, used up
	gone  bool  // reset or closed: what comes is for nobody

	// Of a stream to a backend.
	promise bool // it was reserved, and has no number yet
	headed  bool // the head of the final answer has come

	window int64
	given  int64 // bytes that the peer has made room for, in all
	waits  wait  // what it waits for
	waited wait  // what it has waited for last
}

// streamKeep is how much memory a stream keeps for the next request.
const streamKeep = 32 << 10

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
	if len(shard.free) >= freeMax || st.input.Held()+st.output.Held() > streamKeep {
		return
	}
	if d := &s.data; d.stream == st { // the rest of the frame is for nobody, least of all for who is next
		d.stream = nil
		s.giveBack(nil, d.left)
	}
	st.use = use{gone: true}
	st.input.Reset()
	st.output.Reset()
	st.session = nil
	shard.free = append(shard.free, st)
}

// TryRead implements socket.Stream: the text of the request.
func (st *Stream) TryRead(p []byte) (int, error) {
	m := &st.session.mu
	m.Lock()
	defer m.Unlock()
	n, content, err := st.input.Read(p)
	st.usedLocked(content)
	return n, err
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

// leaveLocked is the end of the stream by the peer. Its exchange has not ended yet:
// reads say why, or give what a backend has sent before.
func (st *Stream) leaveLocked(why error) {
	st.gone = true
	st.input.Fail(why)
	st.unblockLocked()
	if st.session.client == nil {
		st.dropInputLocked()
	}
}

// dropInputLocked forgets what nobody will read.
func (st *Stream) dropInputLocked() {
	s := st.session
	s.mu.owed += st.input.Drop()
	s.payBackLocked()
}

// CloseWrite implements socket.Stream, for a tunnel.
func (st *Stream) CloseWrite() error {
	m := &st.session.mu
	m.Lock()
	defer m.Unlock()
	if st.gone || !st.output.CloseTunnel() {
		return nil
	}
	st.sendEndLocked()
	st.session.wroteLocked(st.Conn.InLoop())
	return nil
}

// closeLocked says to the peer that the stream is over, where it does not know; failed
// is an error that it says.
func (st *Stream) closeLocked() (failed frame.Code) {
	s, sent := st.session, st.output.Done()
	switch {
	case s.client != nil && (!sent || !st.input.Ended()):
		s.resetLocked(st.id, frame.CodeCancel)
	case s.client != nil:
	case !sent:
		failed = st.brokenLocked()
		s.resetLocked(st.id, failed)
	case !st.input.Ended():
		s.dropRestLocked(st)
	}
	if sent {
		s.earned.Add(stream.EarnAnswer)
	}
	return failed
}

// Close implements socket.Stream. A request that was not read to its end is not wanted
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
		st.leaveLocked(stream.ErrReset)
	}
	st.dropInputLocked()
	s.forgetLocked(st)
	return failed, s.heirLocked()
}

// brokenLocked says why there is no whole answer.
func (st *Stream) brokenLocked() frame.Code {
	switch {
	case st.output.InTunnel():
		return frame.CodeCancel // as TCP resets a connection (RFC 8441 section 5)
	case st.input.HeadWaits():
		return frame.CodeRefusedStream // nobody has heard of it
	}
	return frame.CodeInternal
}
