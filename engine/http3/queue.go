package http3

import "github.com/isame-lb/isame-lb/engine/stream"

// takeHead makes the stream's message of the head.
func (st *Stream) takeHead(text *stream.RequestText, ended bool) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	text.Put(&m.input, ended)
	m.input.EndHead(!ended)
}

// counts reports that so much content may come still.
func (st *Stream) counts(length uint64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.mu.input.Counts(int64(length), false) // less than 2^62
}

// takeIn takes the beginning of content, and waits while there is no room.
func (st *Stream) takeIn(b []byte) (n int, over bool) {
	for {
		n, over = st.tryTakeIn(b)
		switch {
		case over:
			return 0, true
		case n > 0:
			st.Conn.Arrived(false)
			return n, false
		}
		<-st.space
	}
}

// tryTakeIn is takeIn without waiting.
func (st *Stream) tryTakeIn(b []byte) (n int, over bool) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	if m.gone {
		return 0, true
	}
	if n = min(len(b), inMax-m.input.Content()); n <= 0 || !m.input.Append(b[:n]) { // a large head takes room, too
		m.full = true
		return 0, false
	}
	return n, false
}

// end ends the message; false: that was not all of it.
func (st *Stream) end() bool {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	whole := m.input.Counts(0, true)
	if whole {
		m.input.End()
	}
	return whole
}

// TryRead implements socket.Stream: the text of the request.
func (st *Stream) TryRead(p []byte) (int, error) {
	n, wake, err := st.tryRead(p)
	if wake {
		st.wakeReader()
	}
	return n, err
}

// tryRead is TryRead under the mutex; wake: there is room for more.
func (st *Stream) tryRead(p []byte) (n int, wake bool, err error) {
	m := &st.mu
	m.Lock()
	defer m.Unlock()
	n, _, err = m.input.Read(p)
	if wake = m.full && m.input.Content() <= inMax/2; wake {
		m.full = false
	}
	return n, wake, err
}

func (st *Stream) wakeReader() {
	select {
	case st.space <- struct{}{}:
	default: // it will look anyway
	}
}
