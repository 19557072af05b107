package engine

import (
	"net"
	"strings"
	"testing"
)

// held is a UDP port that somebody else has, as a process that drains.
func held(t *testing.T) *net.UDPConn {
	t.Helper()
	for range 100 {
		u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = u.Close() })
		if l, err := net.Listen("tcp", u.LocalAddr().String()); err == nil { // the port is free over TCP
			_ = l.Close()
			return u
		}
	}
	t.Fatal("no port is free over TCP")
	return nil
}

// altSvc is what a client of TCP is told of HTTP/3.
func (r *rig) altSvc(t *testing.T) string {
	t.Helper()
	c, _ := r.mustDialTLS(nil)
	defer func() { _ = c.Close() }()
	a := c.get("/")
	if a.StatusCode != 200 {
		t.Fatalf("over TCP: got %d; want 200", a.StatusCode)
	}
	return a.Header.Get("Alt-Svc")
}

func TestHTTP3PortThatIsHeldIsTakenLater(t *testing.T) {
	u, log := held(t), &lockedBuffer{}
	text := strings.Replace(h3Text(t), "127.0.0.1:0", u.LocalAddr().String(), 1)
	r := startLogged(t, log, text, backend(t, echo))
	if got := r.altSvc(t); got != "" {
		t.Errorf("the port is held, and announced: %q", got)
	}
	if s := r.engine.Listeners()[0]; s.HTTP3 != HTTP3Waiting {
		t.Errorf("status: got %q; want %q", s.HTTP3, HTTP3Waiting)
	}
	_ = u.Close()
	eventually(t, func() string { return "the port is announced" }, func() bool { return r.altSvc(t) != "" })
	if s := r.engine.Listeners()[0]; s.HTTP3 != HTTP3Open {
		t.Errorf("status: got %q; want %q", s.HTTP3, HTTP3Open)
	}
	c, _ := r.h3Client()
	get3(t, c, "/")
	if n := strings.Count(log.String(), "in use by another process"); n != 1 {
		t.Errorf("the log says %d times that the port is in use; want once", n)
	}
	r.apply(strings.Replace(text, ", http3: true", "", 1), backend(t, echo))
	if got := r.altSvc(t); got != "" || r.engine.Listeners()[0].HTTP3 != HTTP3None {
		t.Errorf("without http3: got %q, %q; want nothing", got, r.engine.Listeners()[0].HTTP3)
	}
}

// One that never becomes free holds up neither a reload nor the end.
func TestHTTP3PortThatStaysHeldHoldsNothingUp(t *testing.T) {
	u := held(t)
	text := strings.Replace(h3Text(t), "127.0.0.1:0", u.LocalAddr().String(), 1)
	r := startLogged(t, &lockedBuffer{}, text, backend(t, echo))
	r.apply(text, backend(t, echo))
	r.apply(strings.Replace(text, ", http3: true", "", 1), backend(t, echo))
	r.apply(text, backend(t, echo))
	if got := r.altSvc(t); got != "" {
		t.Errorf("the port is held, and announced: %q", got)
	}
}
