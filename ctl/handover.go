package ctl

import (
	"fmt"
	"net"
	"os"
)

// HeritageKey is what the socket of the admin endpoint is known by in a socket.Heritage.
const HeritageKey = "admin"

// Handover is a copy of the listening socket, for the next process; nil where none is open.
// The caller closes it.
func (s *Server) Handover() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.mu.ln.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, nil //nolint:nilnil // nothing listens
	}
	f, err := of.File()
	if err != nil {
		return nil, fmt.Errorf("cannot copy the socket of the admin endpoint: %w", err)
	}
	return f, nil
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
