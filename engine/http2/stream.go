package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

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

// TryWrite implements socket.Stream: it takes the text of the answer.
func (st *Stream) TryWrite(parts *[3][]byte, inLoop bool) (int, error) {
	n, heir, err := st.write(parts, inLoop)
	if heir != nil {
		heir.Conn.Room(false)
	}
	return n, err
}

// write is TryWrite under the mutex; heir is a stream to wake.
func (st *Stream) write(parts *[3][]byte, inLoop bool) (taken int, heir *Stream, err error) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, err = st.writeLocked(parts, inLoop)
	return taken, s.heirLocked(), err
}

func (st *Stream) writeLocked(parts *[3][]byte, inLoop bool) (taken int, err error) {
	s := st.session
	taken, full, err := stream.Take(parts, st, (*Stream).takeLocked)
	if full && err == nil && !inLoop {
		s.flushElsewhereLocked()
		var more int
		more, full, err = stream.Take(parts, st, (*Stream).takeLocked)
		taken += more
	}
	switch {
	case err != nil:
		return taken, err
	case full:
		st.blockLocked()
	}
	s.wroteLocked(inLoop)
	return taken, nil
}

// takeLocked takes the beginning of text; 0 means that there is no room or window.
func (st *Stream) takeLocked(text []byte) (int, error) {
	switch m := &st.session.mu; {
	case m.closed && st.promise:
		return 0, st.unsentLocked()
	case st.gone, m.closed:
		return 0, stream.ErrReset
	}
	o, room := &st.output, stream.OutSoft
	if o.AtHead() {
		room = outHead // an interim answer in the loop cannot wait
	}
	if st.session.mu.out.Len() >= room {
		return 0, nil
	}
	if o.AtHead() && st.session.client != nil {
		return st.takeRequestLocked(text)
	}
	p, err := o.Next(text, &st.Request)
	if err != nil {
		return 0, err
	}
	switch p.Part {
	case stream.PartHead:
		st.sendHeadLocked(p.Last)
	case stream.PartContent:
		n := st.sendLocked(text[:p.Bytes], p.Last)
		o.Took(n)
		return n, nil
	case stream.PartEnd:
		st.sendTrailersLocked()
	case stream.PartNone:
	}
	return p.Bytes, nil
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
