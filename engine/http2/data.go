package http2

import (
	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// beginData takes the header of a DATA frame, and the length of its padding where it
// has some; 0: more bytes are needed.
func (s *Session) beginData(h frame.Header, rest []byte) (used int) {
	pad := 0
	used = frame.HeaderBytes
	if h.Flags.Has(frame.FlagPadded) {
		if len(rest) == 0 {
			return 0
		}
		pad = int(rest[0]) + 1
		used++
	}
	s.checked = false
	if pad > int(h.Length) {
		s.end(frame.ErrPadding.Code, frame.ErrPadding.Cause)
		return used
	}
	d := &s.data
	*d = inData{id: h.Stream, left: int(h.Length) - pad, pad: max(pad-1, 0), end: h.Flags.Has(frame.FlagEndStream)}
	st, f := s.admitData(h, d.left)
	d.stream = st
	if f == nil && h.Length == 0 && !d.end {
		f = s.pay(stream.CostFrame)
	}
	if f != nil {
		s.fail(h.Stream, f)
	}
	if pad > 0 {
		s.giveBack(st, pad)
	}
	switch {
	case d.left == 0:
		s.endData()
	case d.stream != nil && st.isAhead():
		s.begin(st, true)
	}
	return used
}

// admitData counts the frame against the windows, and finds who it is for.
func (s *Session) admitData(h frame.Header, content int) (*Stream, *frame.Fault) {
	m := &s.mu
	m.Lock()
	defer m.Unlock()
	m.taken += int64(h.Length)
	st := m.streams[h.Stream]
	switch {
	case m.taken > stream.SessionWindow:
		return nil, errWindow
	case st == nil || st.gone:
		m.owed += content
		s.payBackLocked()
		if s.dropFrameLocked(h.Stream, int(h.Length), h.Flags.Has(frame.FlagEndStream)) {
			return nil, nil
		}
		return nil, s.strayLocked(h.Stream)
	case st.input.Ended():
		m.owed += content
		return nil, errStreamClosed
	}
	st.taken += int64(h.Length)
	switch {
	case st.taken > stream.Window:
		m.owed += content
		return nil, errStreamWindow
	case !st.input.Counts(int64(content), h.Flags.Has(frame.FlagEndStream)):
		m.owed += content
		return nil, errMalformed // not the length it said
	}
	return st, nil
}

// moreData passes content on as it comes, and drops padding.
func (s *Session) moreData(b []byte) (used int) {
	d := &s.data
	if d.left == 0 {
		used = min(d.pad, len(b))
		d.pad -= used
		return used
	}
	used = min(d.left, len(b))
	d.left -= used
	if st := d.stream; st != nil {
		m := &s.mu
		s.lock()
		here := !st.gone && st.id == d.id
		if here {
			st.input.Append(b[:used]) // the window is smaller than what it holds
		} else {
			d.stream = nil
			m.owed += used + d.left // what is still to come, too
			s.payBackLocked()
		}
		s.unlock()
		if here && d.left > 0 {
			s.arrived(st)
		}
	}
	if d.left == 0 {
		s.endData()
	}
	return used
}

// endData is the end of the content of a frame.
func (s *Session) endData() {
	st := s.data.stream
	s.data.stream = nil
	if st == nil {
		return
	}
	s.lock()
	here := !st.gone && st.id == s.data.id
	if here && s.data.end {
		st.endedLocked()
	}
	s.unlock()
	switch {
	case here && st.isAhead():
		if s.data.end {
			s.begin(st, false)
		}
	case here:
		s.arrived(st)
	}
}
