package packets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// patience bounds every wait for something that takes no time on an idle machine.
const patience = 20 * time.Second

// process is a Socket, and what came to it.
type process struct {
	*Socket

	t     *testing.T
	came  chan string // "packet from address"
	ended chan struct{}
}

func newProcess(t *testing.T, s *Socket) *process {
	t.Helper()
	p := &process{Socket: s, t: t, came: make(chan string, 1000), ended: make(chan struct{})}
	go p.read()
	t.Cleanup(p.end)
	return p
}

// read is what quic.Transport does.
func (p *process) read() {
	defer close(p.ended)
	const batch = 4
	ms := make([]ipv4.Message, batch)
	for {
		for i := range ms {
			ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1500)}, OOB: make([]byte, 128)}
		}
		n, err := p.ReadBatch(ms, 0)
		if err != nil {
			return
		}
		for _, m := range ms[:n] {
			p.came <- fmt.Sprintf("%s from %v", m.Buffers[0][:m.N], m.Addr)
		}
	}
}

// end is what the end of a process does.
func (p *process) end() {
	_ = p.SetReadDeadline(time.Now())
	<-p.ended
	_ = p.Close()
}

func listen(t *testing.T) *process {
	t.Helper()
	s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return newProcess(t, s)
}

// startNext is the next process, which waits until this one gives.
func (p *process) startNext() *process {
	p.t.Helper()
	parts, err := p.Handover()
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := Inherit(parts)
	if err != nil {
		p.t.Fatal(err)
	}
	return newProcess(p.t, s)
}

func (p *process) replaced() *process {
	p.t.Helper()
	next := p.startNext()
	p.Give()
	<-next.parent.begun // until it notices, p may read, and passes on itself what it knows
	return next
}

// wants waits for a packet of that client, and nothing else may come before.
func (p *process) wants(c *net.UDPConn, packet string) {
	p.t.Helper()
	want := packet + " from " + c.LocalAddr().String()
	select {
	case got := <-p.came:
		if got != want {
			p.t.Fatalf("got %q; want %q", got, want)
		}
	case <-time.After(patience):
		p.t.Fatalf("%q has not come", want)
	}
}

// clientOf is connected to the port.
func clientOf(t *testing.T, p *process) *net.UDPConn {
	t.Helper()
	at, ok := p.LocalAddr().(*net.UDPAddr)
	if !ok {
		t.Fatalf("a %T", p.LocalAddr())
	}
	c, err := net.DialUDP("udp", nil, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c *net.UDPConn, packet string) {
	t.Helper()
	if _, err := c.Write([]byte(packet)); err != nil {
		t.Fatal(err)
	}
}

// short is a packet of a connection of a process.
func short(p *process, text string) string { return "@" + string([]byte{p.tag}) + "------" + text }

// handshake is a packet that begins a handshake, with an id that its client has chosen.
func handshake(id, text string) string {
	return "\xc0\x00\x00\x00\x01" + string([]byte{byte(len(id))}) + id + text
}

func TestPacketsGoToTheProcessThatHasTheirConnection(t *testing.T) {
	first := listen(t)
	c := clientOf(t, first)
	send(t, c, short(first, "a"))
	first.wants(c, short(first, "a"))
	second := first.startNext()
	send(t, c, short(first, "b")) // nobody else reads before Give
	first.wants(c, short(first, "b"))
	first.Give()
	send(t, c, short(first, "c"))
	first.wants(c, short(first, "c"))
	send(t, c, short(second, "d"))
	second.wants(c, short(second, "d"))
	third := second.replaced()
	for _, p := range []*process{first, second, third, first} {
		for i := range 5 {
			send(t, c, short(p, strconv.Itoa(i)))
		}
		for i := range 5 {
			p.wants(c, short(p, strconv.Itoa(i)))
		}
	}
	send(t, c, handshake("12345678", "new"))
	third.wants(c, handshake("12345678", "new"))
	eventually(t, "15 are forwarded and none is lost, which is counted behind it", func() bool {
		sent, lost := third.counted()
		return sent == 15 && lost == 0
	})
	if first.keys != third.keys {
		t.Error("the keys are others")
	}
	// Answers of all of them come from the port.
	for _, p := range []*process{first, second, third} {
		at, _ := c.LocalAddr().(*net.UDPAddr)
		if _, _, err := p.WriteMsgUDP([]byte("answer"), nil, at); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		room := make([]byte, 10)
		if n, err := c.Read(room); err != nil || string(room[:n]) != "answer" { // connected: from the port alone
			t.Errorf("got %q, %v", room[:n], err)
		}
	}
}

// A hello in two packets, between which another process takes over.
func TestHandshakesEndWhereTheyBegan(t *testing.T) {
	first := listen(t)
	c := clientOf(t, first)
	send(t, c, handshake("12345678", "one"))
	first.wants(c, handshake("12345678", "one"))
	second := first.replaced()
	send(t, c, handshake("12345678", "two"))
	first.wants(c, handshake("12345678", "two"))
	send(t, c, handshake("87654321", "one"))
	second.wants(c, handshake("87654321", "one"))
}

// Whoever ends costs the others nothing: those before read again, those after keep what is
// for nobody.
func TestEndOfAProcess(t *testing.T) {
	first := listen(t)
	c := clientOf(t, first)
	second := first.replaced()
	send(t, c, short(second, "ready")) // second reads
	second.wants(c, short(second, "ready"))
	third := second.replaced()
	send(t, c, short(third, "ready"))
	third.wants(c, short(third, "ready"))

	gone := short(second, "to nobody")
	second.end()
	eventually(t, "third forgets second", func() bool { return third.before[second.tag].Load() == nil })
	send(t, c, gone) // third may tell its client that it is gone
	third.wants(c, gone)
	send(t, c, short(first, "still here"))
	first.wants(c, short(first, "still here"))

	third.end()
	eventually(t, "first reads again", func() bool { return first.heir.Load() == nil })
	send(t, c, short(first, "again"))
	first.wants(c, short(first, "again"))
	// It may be replaced once more.
	fourth := first.replaced()
	send(t, c, short(first, "once more"))
	first.wants(c, short(first, "once more"))
	send(t, c, short(fourth, "x"))
	fourth.wants(c, short(fourth, "x"))
}

// The last one that lives reads, and passes on to those before it.
func TestTheLastOneReads(t *testing.T) {
	first := listen(t)
	c := clientOf(t, first)
	second := first.replaced()
	third := second.replaced()
	third.end()
	eventually(t, "second reads again", func() bool { return second.heir.Load() == nil })
	send(t, c, short(first, "a"))
	first.wants(c, short(first, "a"))
	send(t, c, short(second, "b"))
	second.wants(c, short(second, "b"))
}

// A next process that never takes over, whatever becomes of it.
func TestRetain(t *testing.T) {
	first := listen(t)
	c := clientOf(t, first)
	for range 2 {
		next := first.startNext()
		first.Retain()
		next.end()
		first.Give() // there is nobody
		send(t, c, short(first, "a"))
		first.wants(c, short(first, "a"))
	}
}

// A process that does not read its way loses packets, and stops nobody.
func TestFullWayLosesPackets(t *testing.T) {
	s, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	parts, err := s.Handover()
	if err != nil {
		t.Fatal(err)
	}
	next, err := Inherit(parts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	m := ipv4.Message{Buffers: [][]byte{make([]byte, 1200)}, N: 1200, Addr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}}
	const most = 10_000 // far more than wayBytes has room for
	for range most {
		next.forward(next.parent, &m)
	}
	sent, lost := next.counted()
	if sent == 0 || lost == 0 || sent+lost != most {
		t.Errorf("forwarded %d, lost %d; want some of each", sent, lost)
	}
}

func TestTooManyProcessesAreRefused(t *testing.T) {
	p := listen(t)
	all := []*process{p}
	for range beforeMax {
		p = p.replaced()
		all = append(all, p)
	}
	if _, err := p.Handover(); err == nil || !strings.Contains(err.Error(), "16 processes before this one still drain") {
		t.Errorf("got %v; want a refusal that says why", err)
	}
	all[3].end()
	eventually(t, "one has ended", func() bool { return p.before[all[3].tag].Load() == nil })
	q := p.replaced()
	c := clientOf(t, q)
	for _, p := range append(all[:3], q) {
		send(t, c, short(p, "a"))
		p.wants(c, short(p, "a"))
	}
}

func TestInheritRefusesWhatItCannotUse(t *testing.T) {
	pipe := func() int {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = r.Close(), w.Close() })
		raw, err := r.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := socket.Copy(raw)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, parts := range [][]socket.Part{
		{{Name: partSocket, FD: pipe()}},
		{{Name: partBefore + "1", FD: pipe()}},
		{{Name: "unknown", FD: pipe()}, {Name: partSocket, FD: pipe()}},
	} {
		if s, err := Inherit(parts); err == nil || s != nil {
			t.Errorf("%v: got %v, %v; want an error", parts, s, err)
		}
	}
	if s, err := Inherit(nil); s != nil || err != nil {
		t.Errorf("nothing: got %v, %v", s, err)
	}
}

func TestStoppedSocketReadsNothing(t *testing.T) {
	p := listen(t)
	next := p.startNext()
	next.end() // while it waits for its turn
	p.end()
	if _, err := p.ReadBatch(nil, 0); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func (s *Socket) counted() (passed, lost uint64) { return s.counts.Passed.Load(), s.counts.Lost.Load() }

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}
