package http3

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// A client that has asked nothing for long is not cut off before it can hear of the
// drain: a request of its own may be on the way.
func TestDrainGivesAQuietClientTimeToHearOfIt(t *testing.T) {
	s := &Session{}
	s.Conn.BeginStream(rig.Loops(t, 1)[0], (*carrier)(s), nil)
	s.mu.quietNanos = socket.Nanos() - int64(time.Hour)
	began := socket.Nanos()
	s.Drain()
	s.setDeadline()
	if by := s.Conn.ReadBy(); s.mu.closing || by < began+int64(lingerTime) {
		t.Errorf("closing %v, looked at again in %v; want it open for %v", s.mu.closing, time.Duration(by-began), lingerTime)
	}
	first := s.mu.quietNanos
	s.Drain()
	if s.mu.quietNanos != first {
		t.Error("a second drain begins the time anew")
	}
	s.Conn.Alarm(0)
}
