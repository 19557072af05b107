package http2

import (
	"errors"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
	"github.com/isame-lb/isame-lb/pool/wire/hpack"
)

// Faults of a peer that are about more than one frame; package frame has the others.
var (
	errNoSettings   = &frame.Fault{Code: frame.CodeProtocol, Cause: "no_settings"}
	errIdle         = &frame.Fault{Code: frame.CodeProtocol, Cause: "stream_is_idle"}
	errEvenStream   = &frame.Fault{Code: frame.CodeProtocol, Cause: "stream_of_a_server"}
	errClosed       = &frame.Fault{Code: frame.CodeStreamClosed, Cause: "stream_is_closed"}
	errWindow       = &frame.Fault{Code: frame.CodeFlowControl, Cause: "window_exceeded"}
	errCompression  = &frame.Fault{Code: frame.CodeCompression, Cause: "bad_header_block"}
	errBlock        = &frame.Fault{Code: frame.CodeEnhanceYourCalm, Cause: "header_block_too_large"}
	errFlood        = &frame.Fault{Code: frame.CodeEnhanceYourCalm, Cause: "too_much_for_nothing"}
	errStreamWindow = &frame.Fault{Code: frame.CodeFlowControl, Stream: true, Cause: "window_exceeded"}
	errStreamClosed = &frame.Fault{Code: frame.CodeStreamClosed, Stream: true, Cause: "stream_is_closed"}
	errMalformed    = &frame.Fault{Code: frame.CodeProtocol, Stream: true, Cause: "malformed_message"}
	errTrailers     = &frame.Fault{Code: frame.CodeEnhanceYourCalm, Stream: true, Cause: "trailers_too_large"}
	errTooMany      = &frame.Fault{Code: frame.CodeRefusedStream, Stream: true, Cause: "too_many_streams"}
)

// tableError is what an error of the decoder, other than one of size, means.
func tableError(err error) *frame.Fault {
	if errors.Is(err, hpack.ErrFlood) {
		return errFlood
	}
	return errCompression
}

// pay takes points off the peer's stock.
func (s *Session) pay(points int) *frame.Fault {
	if s.client != nil {
		return nil // the operator's own backend
	}
	if n := s.earned.Swap(0); n > 0 {
		s.budget.Add(int(n))
	}
	if s.budget.Take(points, socket.Nanos) {
		return nil
	}
	return errFlood
}

// isIdle reports a stream that nobody has opened (RFC 9113 section 5.1): those of a
// server have even numbers, and we open none.
func (s *Session) isIdle(id uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isIdleLocked(id)
}

func (s *Session) isIdleLocked(id uint32) bool {
	if s.client != nil {
		return id >= s.client.nextID || id != 0 && id%2 == 0
	}
	return id > s.lastID || id != 0 && id%2 == 0
}

// strayLocked judges a frame for a stream that is not there.
func (s *Session) strayLocked(id uint32) *frame.Fault {
	switch {
	case s.isIdleLocked(id):
		return errIdle
	case s.client != nil:
		return nil // an answer that nobody waits for any more
	case s.wasResetLocked(id):
		return nil // it did not know yet
	}
	return errStreamClosed
}

func (s *Session) resetLocked(id uint32, code frame.Code) {
	s.keepResetLocked(id)
	s.appendLocked(frame.AppendRSTStream(nil, id, code))
}

func (s *Session) keepResetLocked(id uint32) {
	m := &s.mu
	m.resets[m.resetAt] = id
	m.resetAt = (m.resetAt + 1) % resetsKept
}

func (s *Session) wasResetLocked(id uint32) bool {
	for _, known := range &s.mu.resets {
		if known == id {
			return true
		}
	}
	return false
}
