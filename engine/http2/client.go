package http2

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

const (
	// backendStreams is how many streams a connection gets at most, however many the
	// backend takes: more wait for one another in the socket.
	backendStreams = 256
	pingAfter      = 15 * time.Second
	pingWait       = 10 * time.Second
)

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
func (s *Session) open(inLoop bool) (st *Stream, used bool) {
	st = s.newRequest(inLoop)
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

// busy reports that exchanges run. Any goroutine may call it.
func (s *Session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.streams) > 0 || s.client != nil && s.client.reserved > 0
}
