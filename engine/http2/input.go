package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

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
