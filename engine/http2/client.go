package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// client is what a session has where we are the client, of a backend.
type client struct {
	ready chan struct{} // closed with the backend's first SETTINGS, or with the end
	ping  pinging

	// Owned by the loop.
	late       bool  // the backend has said nothing in time; may be read after ready
	heardNanos int64 // when something came last
	askedNanos int64 // when a PING asked whether somebody is there; 0 is not

	// Guarded by the session's mutex.
	nextID     uint32
	reserved   int              // streams that were promised and have not sent their head
	streamsMax int              // what the backend takes
	connects   bool             // it takes extended CONNECT (RFC 8441)
	request    wire.RequestHead // under work
	used       bool             // an exchange is behind it
}

const (
	// backendStreams is how many streams a connection gets at most, however many the
	// backend takes: more wait for one another in the socket.
	backendStreams = 256
	pingAfter      = 15 * time.Second
	pingWait       = 10 * time.Second
)

// pinging is how long a connection with streams may be silent before we ask whether
// somebody is there, and how long the answer may take.
type pinging struct{ after, wait time.Duration }

// beginClient makes s, a new Session, the client of a connection. The caller hands
// the connection to its loop next.
func (s *Session) beginClient(c *socket.Conn, host Host, shard *Shard, o Options, p pinging) {
	s.conn, s.host, s.shard, s.opts = c, host, shard, o
	s.client = &client{ready: make(chan struct{}), ping: p, heardNanos: socket.Nanos(), nextID: 1, streamsMax: backendStreams}
	s.prefaced = true
	s.start()
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.out.Append([]byte(frame.Preface))
	s.appendLocked(frame.AppendSettings(nil,
		frame.Setting{ID: frame.SettingEnablePush, Value: 0},
		frame.Setting{ID: frame.SettingInitialWindowSize, Value: stream.Window},
		frame.Setting{ID: frame.SettingMaxHeaderListSize, Value: uint32(o.HeaderBytes)},
	))
	s.appendLocked(frame.AppendWindowUpdate(nil, 0, stream.SessionWindow-frame.WindowInitial))
}

// reserve promises a stream, if there is one left.
func (s *Session) reserve() bool {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	c := s.client
	if m.away || m.closed || !m.settled || len(m.streams)+c.reserved >= c.streamsMax || c.nextID >= frame.StreamMax-2*backendStreams {
		return false
	}
	c.reserved++
	return true
}

// open makes the stream that was promised. used: the session has carried others.
func (s *Session) open() (st *Stream, used bool) {
	st = &Stream{session: s}
	st.promise = true
	st.Conn.BeginStream(s.conn.Loop(), st, s.conn)
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	used = s.client.used
	return st, used
}

// keepPromiseLocked takes the promise back, once.
func (st *Stream) keepPromiseLocked() {
	if st.promise {
		st.promise = false
		st.session.client.reserved--
	}
}

// welcomeLocked is the backend's first SETTINGS, or the end before they came.
func (s *Session) welcomeLocked() {
	if s.client != nil {
		close(s.client.ready)
	}
}

// backendSettingLocked takes a setting that only matters to a client.
func (s *Session) backendSettingLocked(set frame.Setting) {
	c := s.client
	if c == nil {
		return
	}
	switch set.ID { //nolint:exhaustive // the others are for both sides
	case frame.SettingMaxConcurrentStreams:
		c.streamsMax = int(min(set.Value, backendStreams))
	case frame.SettingEnableConnectProtocol:
		c.connects = set.Value == 1
	}
}

// farewell takes GOAWAY of a backend: streams above the last one were not looked at,
// and no new ones begin.
func (s *Session) farewell(payload []byte) *frame.Fault {
	g, f := frame.GoAway(payload)
	if f != nil {
		return f
	}
	m := &s.mu
	s.lock()
	m.away = true
	var unsent []*Stream
	for id, st := range m.streams {
		if id > g.Last && !st.gone {
			st.leaveLocked(socket.ErrStreamUnsent)
			unsent = append(unsent, st)
		}
	}
	s.unlock()
	for _, st := range unsent {
		st.Conn.Left(true)
	}
	return nil
}

// lookBy is when the loop looks whether somebody is there. Whether there are streams
// may change without the loop's knowledge, so that is never far.
func (c *client) lookBy(lookedNanos int64) int64 {
	if c.askedNanos != 0 {
		return socket.After(c.askedNanos, c.ping.wait)
	}
	return socket.After(max(c.heardNanos, lookedNanos), c.ping.after)
}

// isDeserted is such a look: a connection with streams that was silent is asked by PING
// whether somebody is there, and it reports that there was no answer.
func (s *Session) isDeserted(busy bool, nowNanos int64) bool {
	c := s.client
	switch {
	case c.askedNanos != 0 && nowNanos >= c.askedNanos+int64(c.ping.wait):
		return true
	case busy && c.askedNanos == 0 && nowNanos >= c.heardNanos+int64(c.ping.after):
		c.askedNanos = nowNanos
		s.lock()
		s.appendLocked(frame.AppendPing(nil, drainPing))
		s.wroteLocked(true)
		s.unlock()
	}
	return false
}

// heard notes that the peer has said something.
func (s *Session) heard() {
	if c := s.client; c != nil {
		c.heardNanos, c.askedNanos = socket.Nanos(), 0
	}
}

// response takes a header block of a backend: the head of an answer, interim or
// final, or trailers.
func (s *Session) response(id uint32, fault *frame.Fault) *frame.Fault {
	if fault != nil {
		return s.skip(fault)
	}
	m := &s.mu
	s.lock()
	st := m.streams[id]
	known := id < s.client.nextID && id%2 == 1
	s.unlock()
	switch {
	case !known:
		return errIdle
	case st == nil || st.gone || st.input.Ended():
		return s.skip(nil) // it is over for us
	case st.headed:
		return s.trailers(st)
	}
	t, ended := &s.shard.fields, s.block.end
	bad, err := t.readResponse(&s.dec, &st.Request, ended)
	switch {
	case err != nil:
		return tableError(err)
	case bad != fieldsGood:
		return errMalformed
	}
	m.Lock()
	defer func() {
		m.Unlock()
		st.Conn.Arrived(true)
	}()
	if st.gone {
		return nil
	}
	if !t.response.Put(&st.input, &st.Request, ended) {
		return errMalformed
	}
	st.headed = t.response.IsFinal()
	s.client.used = true
	return nil
}
