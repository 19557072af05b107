package socket

// undisturbed reports that nothing has come since the last read: one recvfrom, as in
// clear text.
func (s *secure) undisturbed() bool {
	return !s.over && !s.begun() && s.whole == 0 && s.c.silent()
}

// begun reports that a part of a record is here.
func (s *secure) begun() bool { return s.left > 0 || s.headed > 0 }

// spoken is Conn.Look for a session that is disturbed. A backend may send records
// that belong to the session and concern no exchange: tickets for the next handshake,
// which in TLS 1.3 come when it likes, and new keys. They are taken here. Everything
// else is a reason not to use the connection again: application data, of which the
// first, at most so many bytes, are returned; an alert, an end, and a record of which
// only a part is here, as nobody can say what it is.
func (s *secure) spoken(most int) (said []byte, quiet bool) {
	if s.over || s.begun() {
		return nil, false
	}
	s.c.rd.state.Or(bitReady)
	said = make([]byte, most)
	n, err := s.tls.Read(said)
	s.shrink()
	if n > 0 || err != errNoRecord { //nolint:errorlint // our own, unwrapped
		return said[:n], false
	}
	s.whole = 0
	return nil, !s.begun()
}
