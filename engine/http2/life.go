package http2

import "github.com/isame-lb/isame-lb/pool/socket"

// freeMax bounds the streams that wait to be used again.
const freeMax = 256

// streamKeep is how much memory a stream keeps for the next request.
const streamKeep = 32 << 10

// newStream makes or takes a Stream for a client. The loop calls it.
func (s *Session) newStream(id uint32) *Stream {
	st := taken(&s.shard.free)
	st.session, st.id, st.gone = s, id, false
	st.Conn.BeginStream(s.conn.Loop(), st, s.conn)
	return st
}

// newRequest makes or takes a Stream to a backend. Only the loop may take one.
func (s *Session) newRequest(inLoop bool) *Stream {
	var st *Stream
	if inLoop {
		st = taken(&s.shard.requests)
	} else {
		st = &Stream{}
	}
	st.session, st.id, st.use = s, 0, use{promise: true} // the number of before is somebody else's
	st.Conn.BeginStream(s.conn.Loop(), st, s.conn)
	return st
}

// taken is one of free, or a new one.
func taken(free *[]*Stream) *Stream {
	n := len(*free) - 1
	if n < 0 {
		return &Stream{}
	}
	st := (*free)[n]
	(*free)[n], *free = nil, (*free)[:n]
	return st
}

// Recycle gives a closed stream back, to be used for another request. The loop calls
// it, when nobody has it any more.
func (st *Stream) Recycle() {
	s := st.session
	free := &s.shard.free
	if s.client != nil {
		free = &s.shard.requests
	}
	if len(*free) >= freeMax || st.input.Held()+st.output.Held() > streamKeep {
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
	*free = append(*free, st)
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

// forgetLocked takes a stream out of the session.
func (s *Session) forgetLocked(st *Stream) {
	m := &s.mu
	delete(m.streams, st.id)
	if len(m.streams) == 0 {
		m.quietNanos = socket.Nanos()
		if m.away {
			s.conn.Again() // the loop ends the session
		}
	}
}
