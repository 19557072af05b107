package packets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// Names of what the next process gets: the socket, the way to here, which our tag stands
// behind, and those to the processes before, likewise.
const (
	partSocket = "socket"
	partParent = "parent/"
	partBefore = "before/"
)

// beforeMax is how many processes may drain behind one that serves.
const beforeMax = 16

// Handover is what the next process needs for Inherit. The caller closes the descriptors;
// Give or Retain has to follow.
func (s *Socket) Handover() (parts []socket.Part, err error) {
	if err := s.mayHandOver(); err != nil {
		return nil, err
	}
	parts, err = s.copies()
	if err == nil {
		var there int
		if there, err = s.makeWay(); err == nil {
			return append(parts, socket.Part{Name: partParent + strconv.Itoa(int(s.tag)), FD: there}), nil
		}
	}
	closeParts(parts)
	return nil, err
}

// copies are those of the socket, and of the ways to the processes before.
func (s *Socket) copies() (parts []socket.Part, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot hand over a UDP socket: %w", err)
	}
	fd, err := socket.Copy(raw)
	if err != nil {
		return nil, fmt.Errorf("cannot hand over a UDP socket: %w", err)
	}
	parts = append(parts, socket.Part{Name: partSocket, FD: fd})
	for tag := range s.before {
		if b := s.before[tag].Load(); b != nil {
			if fd, err := b.way.copy(); err == nil { // one that has ended meanwhile needs none
				parts = append(parts, socket.Part{Name: partBefore + strconv.Itoa(tag), FD: fd})
			}
		}
	}
	return parts, nil
}

// mayHandOver says why not: there is no room for one more process, or the one before has
// not said yet that it has stopped reading, which is a matter of a moment.
func (s *Socket) mayHandOver() error {
	living := 0
	for tag := range s.before {
		if s.before[tag].Load() != nil {
			living++
		}
	}
	if living >= beforeMax {
		return fmt.Errorf("cannot hand over the UDP socket %v: %d processes before this one still drain", s.LocalAddr(), living)
	}
	if s.parent == nil {
		return nil
	}
	late := time.NewTimer(beginTime)
	defer late.Stop()
	select {
	case <-s.parent.begun:
		return nil
	case <-late.C:
		return fmt.Errorf("cannot hand over the UDP socket %v: the process before has not let go of it yet", s.LocalAddr())
	}
}

// makeWay makes the way to the next process, with the keys in it.
func (s *Socket) makeWay() (there int, err error) {
	s.Retain()
	here, there, err := newPair()
	if err != nil {
		return -1, err
	}
	if err := here.send(s.keys.append(nil), nil); err != nil {
		return -1, errors.Join(fmt.Errorf("cannot hand over the keys of a UDP socket: %w", err), here.Close(), unix.Close(there))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.next = &heir{way: here}
	return there, nil
}

// Give leaves reading to the process that has what Handover gave.
func (s *Socket) Give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.next == nil || s.mu.ended {
		return
	}
	s.heir.Store(s.mu.next)
	s.mu.next = nil
	_ = s.UDPConn.SetReadDeadline(time.Unix(1, 0)) // the reader looks who reads
}

// Retain takes back what Handover gave: there is no next process.
func (s *Socket) Retain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.next != nil {
		_ = s.mu.next.way.Close()
		s.mu.next = nil
	}
}

// Given are the parts of a UDP socket that a supervisor has opened: no process was before.
func Given(fd int) []socket.Part { return []socket.Part{{Name: partSocket, FD: fd}} }

// Inherit makes a Socket of what the process before has handed over, or of what a
// supervisor has given, and takes the descriptors over.
func Inherit(parts []socket.Part) (s *Socket, err error) {
	rest := parts
	defer func() {
		if err != nil {
			closeParts(rest)
			if s != nil {
				err = errors.Join(err, s.Close())
			}
			s = nil
		}
	}()
	for len(rest) > 0 {
		one := rest[0]
		rest = rest[1:]
		switch {
		case one.Name == partSocket && s == nil:
			s, err = inheritSocket(one.FD)
		case s == nil:
			err = errors.Join(errMessage, unix.Close(one.FD))
		default:
			err = s.inheritWay(one)
		}
		if err != nil {
			return s, err
		}
	}
	if s != nil {
		s.chooseTag()
	}
	return s, nil
}

func closeParts(parts []socket.Part) {
	for _, p := range parts {
		_ = unix.Close(p.FD)
	}
}

func inheritSocket(fd int) (*Socket, error) {
	file := os.NewFile(uintptr(fd), "udp")
	defer func() { _ = file.Close() }() // the connection has a copy
	c, err := net.FilePacketConn(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take over a UDP socket: %w", err)
	}
	udp, ok := c.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("cannot take over a %T as a UDP socket", c), c.Close())
	}
	keys := newKeys()
	return newSocket(udp, keys.Reset[0], keys), nil
}

// inheritWay begins to know a process before.
func (s *Socket) inheritWay(one socket.Part) error {
	text, isParent := strings.CutPrefix(one.Name, partParent)
	if !isParent {
		text = strings.TrimPrefix(one.Name, partBefore)
	}
	tag, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot take over %q: %w", one.Name, errMessage), unix.Close(one.FD))
	}
	w, err := newWay(one.FD)
	if err != nil {
		return err
	}
	b := &before{tag: byte(tag), way: w, begun: make(chan struct{})}
	if isParent {
		if err := s.readKeys(w); err != nil {
			return errors.Join(err, w.Close())
		}
		s.parent = b
	}
	s.before[b.tag].Store(b)
	s.watch(b)
	return nil
}

// readKeys reads what was written before this process was started.
func (s *Socket) readKeys(w *way) error {
	_ = w.SetReadDeadline(time.Now().Add(beginTime))
	var room [messageBytes]byte
	n, err := w.Read(room[:])
	if err == nil {
		err = s.keys.parse(room[:n])
	}
	if err != nil {
		return fmt.Errorf("cannot take over the keys of a UDP socket: %w", err)
	}
	return w.SetReadDeadline(time.Time{}) //nolint:wrapcheck // it cannot fail
}

// chooseTag takes the next tag that no process before has.
func (s *Socket) chooseTag() {
	if s.parent == nil {
		return
	}
	for s.tag = s.parent.tag + 1; s.before[s.tag].Load() != nil; {
		s.tag++
	}
}
