package ctl

import (
	"fmt"
	"net"
	"syscall"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// HeritageKey is what the socket of the admin endpoint is known by in a socket.Heritage.
const HeritageKey = "admin"

// Handover is a copy of the listening socket, for the next process; ok is false where none
// is open. The caller closes it.
func (s *Server) Handover() (fd int, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.mu.ln.(syscall.Conn)
	if !ok {
		return -1, false, nil
	}
	raw, err := of.SyscallConn()
	if err == nil {
		fd, err = socket.Copy(raw)
	}
	if err != nil {
		return -1, false, fmt.Errorf("cannot hand over the admin endpoint: %w", err)
	}
	return fd, true, nil
}

// Bequeath leaves new connections to the next process, which has the socket. Those that are
// open are answered until Shutdown, which has to follow.
func (s *Server) Bequeath() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.mu.ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if s.mu.ln != nil {
		_ = s.mu.ln.Close() // a copy is closed, nothing ends
	}
}
