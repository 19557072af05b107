package http2

import (
	"errors"
	"os"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// readsMax is how many reads one turn of the loop makes.
const readsMax = 8

// inData is a DATA frame of which a part has come: content is passed on as it comes.
type inData struct {
	stream *Stream // nil: for nobody any more
	id     uint32
	left   int // content to come
	pad    int // and padding
	end    bool
}

// readFrames reads until nothing is there, and deals with every frame.
func (s *Session) readFrames() {
	for range readsMax {
		if s.over {
			return
		}
		s.dispatch()
		if s.over {
			return
		}
		_, err := s.in.ReadFrom(s.conn, inRoom)
		switch {
		case err == nil:
			s.heard()
		case errors.Is(err, socket.ErrWouldBlock):
			s.noteBegun()
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && !s.conn.Aborted():
			if s.late() {
				return
			}
		default:
			s.finish()
			return
		}
	}
	s.conn.Again() // there is more, but others have their turn
}

// dispatch deals with every frame that is complete, and with the beginning of DATA.
func (s *Session) dispatch() {
	for !s.over && s.in.Len() > 0 {
		b := s.in.Bytes()
		switch {
		case s.dead:
			s.in.Discard(len(b))
			return
		case !s.prefaced:
			if !s.preface(b) {
				return
			}
			continue
		case s.data.left+s.data.pad > 0:
			if n := s.moreData(b); !s.over {
				s.in.Discard(n)
			}
			continue
		}
		h, ok := frame.Parse(b)
		if !ok {
			return
		}
		if f := s.check(h); f != nil {
			s.end(f.Code, f.Cause) // where the next frame begins is not known
			continue
		}
		if h.Type == frame.TypeData {
			n := s.beginData(h, b[frame.HeaderBytes:])
			if n == 0 || s.over {
				return
			}
			s.in.Discard(n)
			s.times.begun = 0
			continue
		}
		if len(b) < frame.HeaderBytes+int(h.Length) {
			return
		}
		f := s.frame(h, b[frame.HeaderBytes:frame.HeaderBytes+int(h.Length)])
		if s.over {
			return
		}
		s.in.Discard(frame.HeaderBytes + int(h.Length))
		if !s.sequence.Open() {
			s.times.begun = 0
		}
		if f != nil {
			s.fail(h.Stream, f)
		}
	}
}

// preface takes the client's connection preface (RFC 9113 section 3.4).
func (s *Session) preface(b []byte) bool {
	n := min(len(b), len(frame.Preface))
	if string(b[:n]) != frame.Preface[:n] {
		s.end(frame.CodeProtocol, "no preface")
		return false
	}
	if n < len(frame.Preface) {
		return false
	}
	s.in.Discard(n)
	s.prefaced = true
	return true
}

// check judges a frame by its header, once: when it may begin.
func (s *Session) check(h frame.Header) *frame.Fault {
	if s.checked {
		return nil
	}
	s.checked = true
	if !s.mu.settled && h.Type != frame.TypeSettings {
		return errNoSettings
	}
	if f := frame.Check(h, frameMax); f != nil && !f.Stream {
		return f
	}
	return s.sequence.Next(h)
}

// frame deals with a frame that is not DATA. payload is the loop's.
func (s *Session) frame(h frame.Header, payload []byte) *frame.Fault {
	s.checked = false
	switch h.Type {
	case frame.TypeHeaders:
		return s.headers(h, payload)
	case frame.TypeContinuation:
		return s.continuation(h, payload)
	case frame.TypeSettings:
		return s.settings(h, payload)
	case frame.TypePing:
		return s.ping(h, payload)
	case frame.TypeWindowUpdate:
		return s.windowUpdate(h, payload)
	case frame.TypeRSTStream:
		return s.reset(h, payload)
	case frame.TypeGoAway:
		if s.client != nil {
			return s.farewell(payload)
		}
	case frame.TypePriority:
		if f := frame.Priority(h, payload); f != nil {
			return f
		}
	case frame.TypeData, frame.TypePushPromise:
	}
	return s.pay(stream.CostFrame) // what means nothing to us
}

// pay takes points off the peer's stock.
func (s *Session) pay(points int) *frame.Fault {
	if s.client != nil {
		return nil // the operator's own backend
	}
	if n := s.earned.Swap(0); n > 0 {
		s.budget.Add(int(n))
	}
	if s.budget.Take(points, socket.Nanos) {
		return nil
	}
	return errFlood
}

// isIdle reports a stream that nobody has opened (RFC 9113 section 5.1): those of a
// server have even numbers, and we open none.
func (s *Session) isIdle(id uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isIdleLocked(id)
}

func (s *Session) isIdleLocked(id uint32) bool {
	if s.client != nil {
		return id >= s.client.nextID || id != 0 && id%2 == 0
	}
	return id > s.lastID || id != 0 && id%2 == 0
}

// fail answers a fault: a stream is reset, a session ended. One that is idle may not
// be reset.
func (s *Session) fail(id uint32, f *frame.Fault) {
	if f.Stream && !s.isIdle(id) {
		s.resetStream(id, f.Code)
		f = s.pay(stream.CostReset)
	}
	if f != nil {
		s.end(f.Code, f.Cause)
	}
}

// settings takes SETTINGS (RFC 9113 section 6.5).
func (s *Session) settings(h frame.Header, payload []byte) *frame.Fault {
	if h.Flags.Has(frame.FlagAck) {
		return s.pay(stream.CostFrame)
	}
	cost := len(payload) / settingBytes * stream.CostFrame
	if s.mu.settled {
		cost += costSettings
	}
	if f := s.pay(cost); f != nil {
		return f
	}
	if f := s.apply(payload); f != nil {
		return f
	}
	s.wake(waitWindow)
	return nil
}

const (
	// settingBytes is the length of one setting.
	settingBytes = 6
	// costSettings is a SETTINGS frame: all streams are looked at, and it is answered.
	costSettings = 20
)

// apply does what SETTINGS say, and acknowledges them.
func (s *Session) apply(payload []byte) *frame.Fault {
	from := frame.FromClient
	if s.client != nil {
		from = frame.FromServer
	}
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	if !m.settled {
		m.settled = true
		s.welcomeLocked()
	}
	for len(payload) > 0 {
		var set frame.Setting
		var f *frame.Fault
		if set, payload, f = frame.NextSetting(payload, from); f != nil {
			return f
		}
		s.backendSettingLocked(set)
		switch set.ID { //nolint:exhaustive // the others are about frames that we do not send
		case frame.SettingHeaderTableSize:
			m.enc.SetTableMax(set.Value)
		case frame.SettingMaxFrameSize:
			m.frameMax = min(int(set.Value), frameMax)
		case frame.SettingInitialWindowSize:
			by := int64(set.Value) - m.initial
			m.initial = int64(set.Value)
			for _, st := range m.streams {
				st.given += max(by, 0)
				if st.window += by; st.window > frame.WindowMax {
					return errWindow
				}
			}
		}
	}
	s.appendLocked(frame.AppendSettingsAck(nil))
	s.wroteLocked(true)
	return nil
}

// ping answers PING.
func (s *Session) ping(h frame.Header, payload []byte) *frame.Fault {
	data, f := frame.Ping(payload)
	if f != nil {
		return f
	}
	if h.Flags.Has(frame.FlagAck) {
		if s.drained == 1 && data == drainPing {
			s.goAway()
		}
		return s.pay(stream.CostFrame)
	}
	s.lock()
	s.appendLocked(frame.AppendPingAck(nil, data))
	s.wroteLocked(true)
	s.unlock()
	return s.pay(stream.CostFrame)
}

// windowUpdate takes WINDOW_UPDATE (RFC 9113 section 6.9).
func (s *Session) windowUpdate(h frame.Header, payload []byte) *frame.Fault {
	if s.isIdle(h.Stream) {
		return errIdle
	}
	by, f := frame.WindowUpdate(h, payload)
	if f == nil {
		f = s.pay(stream.CostFrame)
	}
	if f != nil {
		return f
	}
	if h.Stream == 0 {
		return s.openSession(int64(by))
	}
	m := &s.mu
	s.lock()
	st := m.streams[h.Stream]
	over, wake := false, false
	if st != nil {
		st.window += int64(by)
		st.given += int64(by)
		over = st.window > frame.WindowMax
		if wake = st.waits == waitWindow && st.window > 0; wake {
			st.unblockLocked()
		}
	}
	s.unlock()
	switch {
	case over:
		return errStreamWindow
	case wake:
		st.Conn.Room(true)
	}
	return nil
}

// openSession makes the window of the session larger.
func (s *Session) openSession(by int64) *frame.Fault {
	m := &s.mu
	s.lock()
	m.window += by
	m.given += by
	over, wake := m.window > frame.WindowMax, m.waiting[waitSession] > 0
	s.unlock()
	if over {
		return errWindow
	}
	if wake {
		s.wake(waitSession)
	}
	return nil
}

// reset takes RST_STREAM.
func (s *Session) reset(h frame.Header, payload []byte) *frame.Fault {
	if s.isIdle(h.Stream) {
		return errIdle
	}
	code, f := frame.RSTStream(payload)
	if f != nil {
		return f
	}
	m := &s.mu
	s.lock()
	st := m.streams[h.Stream]
	if st != nil && st.gone {
		st = nil
	}
	begun := st != nil && st.loseLocked(resetError(code))
	delete(m.dropping, h.Stream)
	s.unlock()
	if st == nil {
		return s.pay(stream.CostFrame)
	}
	st.leave(begun)
	return s.pay(stream.CostReset)
}

// resetError is what RST_STREAM means to who reads the stream.
func resetError(code frame.Code) error {
	if code == frame.CodeRefusedStream {
		return socket.ErrStreamUnsent
	}
	return stream.ErrReset
}
