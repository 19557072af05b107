package packets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// Socket is a UDP socket for a quic.Transport, which reads it by ReadBatch in one goroutine.
// Its other methods may be called by any.
type Socket struct {
	*net.UDPConn // all processes write to it

	batch  *ipv4.PacketConn
	tag    byte // of the ids that this process gives
	keys   Keys
	before [256]atomic.Pointer[before] // by tag; nil where there is none
	parent *before                     // who has handed over; nil where nobody has
	heir   atomic.Pointer[heir]        // who reads now; nil where this process does

	// Of the reader.
	reads        bool // this process was told to
	adoptedUntil int64
	chosen       chosenRing
	head         [headBytesMax]byte

	counts *Counts

	watchers sync.WaitGroup
	stopped  chan struct{} // closed when nothing is read any more
	mu       struct {
		sync.Mutex
		next  *heir // that has not taken over yet; nil where there is none
		ended bool  // stopped is closed
	}
}

// Listen binds at, for a process that nobody has handed over to.
func Listen(at netip.AddrPort) (*Socket, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what it means
	}
	keys := newKeys()
	return newSocket(c, keys.Reset[0], keys), nil
}

func newSocket(c *net.UDPConn, tag byte, keys Keys) *Socket {
	return &Socket{UDPConn: c, batch: ipv4.NewPacketConn(c), tag: tag, keys: keys, counts: &Counts{}, stopped: make(chan struct{})}
}

// IDs gives the connection ids of this process.
func (s *Socket) IDs() quic.ConnectionIDGenerator { return ids{s.tag} } //nolint:ireturn // as quic-go takes it

// Keys are those of the port.
func (s *Socket) Keys() *Keys { return &s.keys }

// Count has packets counted there, from before the first one is read.
func (s *Socket) Count(c *Counts) { s.counts = c }

// ReadBatch reads at least one packet for this process, wherever it comes from. After stop
// it returns os.ErrDeadlineExceeded.
func (s *Socket) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for !s.hasStopped() {
		if !s.reads {
			s.awaitTurn()
			continue
		}
		if h := s.heir.Load(); h != nil {
			if n := s.readFrom(h, ms); n > 0 {
				return n, nil
			}
			continue
		}
		n, err := s.batch.ReadBatch(ms, flags)
		if n > 0 {
			n = s.sort(ms[:n], socket.Nanos())
		}
		switch {
		case n > 0:
			return n, nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err //nolint:wrapcheck // quic-go looks at it
		}
	}
	return 0, os.ErrDeadlineExceeded
}

// awaitTurn waits until the process that hands over has stopped reading.
func (s *Socket) awaitTurn() {
	if s.parent != nil {
		select {
		case <-s.stopped:
			return
		case <-s.parent.begun:
		}
	}
	s.reads = true
	s.adoptedUntil = socket.After(socket.Nanos(), chosenTime)
}

// readFrom reads a packet that the next process has passed on; 0: there was none, and the
// state of s may be another one.
func (s *Socket) readFrom(h *heir, ms []ipv4.Message) (n int) {
	if !h.told {
		h.told = true
		_ = h.way.send(appendBegin(nil, s.chosen.young(socket.Nanos())), nil) // one that has ended reads nothing
	}
	n, err := h.way.Read(h.room[:])
	switch {
	case err == nil && parsePacket(h.room[:n], &ms[0]) == nil:
		return 1
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		s.resume(h)
	}
	return 0
}

// resume reads the socket again, as the next process has ended or has closed the port.
func (s *Socket) resume(h *heir) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = h.way.Close()
	s.heir.Store(nil)
	if !s.mu.ended {
		_ = s.UDPConn.SetReadDeadline(time.Time{})
	}
}

// sort passes on what belongs to processes before, and moves the rest to the front.
func (s *Socket) sort(ms []ipv4.Message, nowNanos int64) (own int) {
	rest := ms // where the next one of ours goes
	for i := range ms {
		m := &ms[i]
		if b := s.ownerOf(m.Buffers[0][:m.N], nowNanos); b != nil {
			s.forward(b, m)
			continue
		}
		if to := &rest[0]; to != m {
			move(to, m)
		}
		rest = rest[1:]
	}
	return len(ms) - len(rest)
}

// move copies a packet into the buffers of another one: quic-go knows by their places which
// of them it has lent.
func move(to, from *ipv4.Message) {
	to.N, to.NN, to.Flags, to.Addr = copy(to.Buffers[0], from.Buffers[0][:from.N]), copy(to.OOB, from.OOB[:from.NN]), from.Flags, from.Addr
}

// ownerOf is the process before that a packet belongs to; nil is this process.
func (s *Socket) ownerOf(packet []byte, nowNanos int64) *before {
	if tag, given := tagOf(packet); given {
		if tag == s.tag {
			return nil
		}
		return s.before[tag].Load()
	}
	id := chosenOf(packet)
	if id == nil {
		return nil
	}
	if p := s.parent; p != nil && nowNanos < s.adoptedUntil && p.chosen[string(id)] {
		return s.before[p.tag].Load()
	}
	s.chosen.add(id, nowNanos)
	return nil
}

func (s *Socket) forward(b *before, m *ipv4.Message) {
	head, ok := appendHead(s.head[:0], m)
	if ok && b.way.send(head, m.Buffers[0][:m.N]) == nil {
		s.counts.Passed.Add(1)
		return
	}
	s.counts.Lost.Add(1)
}

func (s *Socket) hasStopped() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// SetReadDeadline is called by quic.Transport to end its reading, and at no other time.
func (s *Socket) SetReadDeadline(by time.Time) error {
	if by.IsZero() {
		return nil
	}
	s.stop()
	return nil
}

func (s *Socket) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.ended {
		return
	}
	s.mu.ended = true
	close(s.stopped)
	past := time.Unix(1, 0)
	_ = s.UDPConn.SetReadDeadline(past)
	if h := s.heir.Load(); h != nil {
		_ = h.way.SetReadDeadline(past)
	}
}

// Close gives up the socket, and the ways to other processes: whoever is before this one
// reads the socket again.
func (s *Socket) Close() error {
	s.stop()
	s.Retain()
	err := s.UDPConn.Close()
	if h := s.heir.Load(); h != nil {
		_ = h.way.Close()
	}
	for i := range s.before {
		if b := s.before[i].Load(); b != nil {
			_ = b.way.Close()
		}
	}
	s.watchers.Wait()
	if err != nil {
		return fmt.Errorf("cannot close a UDP socket: %w", err)
	}
	return nil
}
