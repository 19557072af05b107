package http3

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/stream"
	"github.com/isame-lb/isame-lb/pool/rig"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// A client that has asked nothing for long is not cut off before it can hear of the
// drain: a request of its own may be on the way.
func TestDrainGivesAQuietClientTimeToHearOfIt(t *testing.T) {
	s := &Session{begunNanos: socket.Nanos() - int64(time.Hour)}
	s.Conn.BeginStream(rig.Loops(t, 1)[0], (*carrier)(s), nil)
	s.mu.quietNanos = socket.Nanos() - int64(time.Hour)
	began := socket.Nanos()
	s.Drain(false)
	s.setDeadline()
	if by := s.Conn.ReadBy(); s.mu.closing || by < began+int64(lingerTime) {
		t.Errorf("closing %v, looked at again in %v; want it open for %v", s.mu.closing, time.Duration(by-began), lingerTime)
	}
	first := s.mu.quietNanos
	s.Drain(false)
	if s.mu.quietNanos != first {
		t.Error("a second drain begins the time anew")
	}
	s.Conn.Alarm(0)
}

// A client that has just connected has something to ask: it hears of the drain behind that, or
// when nothing has come for stream.NewTime, or when it has to be now.
func TestDrainWaitsForTheFirstRequest(t *testing.T) {
	for _, c := range []struct {
		name  string
		age   time.Duration
		asked bool
		now   bool
		told  bool
	}{
		{name: "new"},
		{name: "new and asked", asked: true, told: true},
		{name: "new and late", now: true, told: true},
		{name: "not new", age: stream.NewTime, told: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Session{begunNanos: socket.Nanos() - int64(c.age)}
			s.Conn.BeginStream(rig.Loops(t, 1)[0], (*carrier)(s), nil)
			s.opts.Idle = time.Hour
			s.mu.quietNanos = s.begunNanos
			if c.asked {
				s.mu.nextID = 4
			}
			s.Drain(c.now)
			s.setDeadline()
			if told := s.mu.leavesNanos != 0; told != c.told {
				t.Errorf("told to leave: %v; want %v", told, c.told)
			}
			if by := s.Conn.ReadBy(); !c.told && by != s.begunNanos+int64(stream.NewTime) {
				t.Errorf("looked at again %v after its beginning; want %v", time.Duration(by-s.begunNanos), stream.NewTime)
			}
			s.Conn.Alarm(0)
		})
	}
}
