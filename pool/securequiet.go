package pool

import "errors"

// errNoCloseNotify is the end of a backend's connection without the alert that
// announces it. Whoever cuts a connection can make one, so an answer that only an
// end would complete is not complete (RFC 9112 section 9.8).
var errNoCloseNotify = errors.New("the backend ended the connection without a close_notify")

// quiet is Conn.Quiet for a session. A backend may send records that belong to
// the session and concern no exchange: tickets for the next handshake, which in
// TLS 1.3 come when it likes, and new keys. They are taken here. Everything else
// is a reason not to use the connection again: application data, an alert, an
// end, and a record of which only a part is here, as nobody can say what it is.
//
// Usually nothing is there, which costs one recvfrom, as in clear text.
func (s *secure) quiet() bool {
	switch {
	case s.over || s.left > 0 || s.headed > 0:
		return false
	case s.whole == 0 && s.c.silent():
		return true
	}
	s.c.rd.state.Or(bitReady)
	var b [1]byte
	n, err := s.tls.Read(b[:])
	s.shrink()
	if n > 0 || err != errNoRecord { //nolint:errorlint // our own, unwrapped
		return false
	}
	s.whole = 0
	return s.left == 0 && s.headed == 0
}
