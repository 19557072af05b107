package frame

// Lengths of payloads (RFC 9113 section 6).
const (
	priorityBytes     = 5
	resetBytes        = 4
	settingBytes      = 6
	pingBytes         = 8
	goAwayBytesMin    = 8
	windowUpdateBytes = 4
)

// rule is what holds for the frames of one type, whatever the state of the
// connection.
type rule struct {
	// onStream and onConnection say where such frames may appear.
	onStream, onConnection bool
	// exact is the length of the payload, least its lower bound; 0 is none.
	exact, least uint32
	// size is the fault of another length.
	size *Fault
}

var rules = [...]rule{
	TypeData:         {onStream: true, size: ErrSize},
	TypeHeaders:      {onStream: true, size: ErrSize},
	TypePriority:     {onStream: true, exact: priorityBytes, size: ErrPrioritySize},
	TypeRSTStream:    {onStream: true, exact: resetBytes, size: ErrSize},
	TypeSettings:     {onConnection: true, size: ErrSize},
	TypePushPromise:  {onStream: true, size: ErrSize},
	TypePing:         {onConnection: true, exact: pingBytes, size: ErrSize},
	TypeGoAway:       {onConnection: true, least: goAwayBytesMin, size: ErrSize},
	TypeWindowUpdate: {onStream: true, onConnection: true, exact: windowUpdateBytes, size: ErrSize},
	TypeContinuation: {onStream: true, size: ErrSize},
}

// Check judges a frame by its header alone, so that nobody waits for a payload
// that is refused anyway. maxFrame is the SETTINGS_MAX_FRAME_SIZE we announced.
func Check(h Header, maxFrame uint32) *Fault {
	if h.Length > maxFrame {
		return ErrTooLarge
	}
	if int(h.Type) >= len(rules) {
		return nil
	}
	r := &rules[h.Type]
	if h.Stream == 0 && !r.onConnection {
		return ErrNoStream
	}
	if h.Stream != 0 && !r.onStream {
		return ErrOnStream
	}
	if r.exact != 0 && h.Length != r.exact || h.Length < r.least {
		return r.size
	}
	switch h.Type {
	case TypeData, TypeHeaders:
		if h.Length < prefixBytes(h) {
			return ErrSize
		}
	case TypeSettings:
		if h.Length%settingBytes != 0 || h.Flags.Has(FlagAck) && h.Length != 0 {
			return ErrSize
		}
	case TypePushPromise:
		return ErrPush
	default:
	}
	return nil
}

// prefixBytes is what a payload of DATA or HEADERS begins with, by its flags.
func prefixBytes(h Header) (n uint32) {
	if h.Flags.Has(FlagPadded) {
		n++
	}
	if h.Type == TypeHeaders && h.Flags.Has(FlagPriority) {
		n += priorityBytes
	}
	return n
}

// continuationsMax bounds the CONTINUATION frames of one header block. A block of
// 64 KiB needs three at the smallest frame size; nghttp2 allows eight.
const continuationsMax = 16

// Sequence follows the frames one side sends, for the sake of header blocks: from
// HEADERS to END_HEADERS nothing else may come, of any type, on any stream
// (sections 4.3 and 6.10). The zero value is ready.
type Sequence struct {
	stream uint32 // whose block is open, 0: none
	frames uint8  // CONTINUATION frames of it
}

// Next takes the next frame, which passed [Check].
func (s *Sequence) Next(h Header) *Fault {
	if s.stream == 0 {
		if h.Type == TypeContinuation {
			return ErrContinuation
		}
		if h.Type == TypeHeaders && !h.Flags.Has(FlagEndHeaders) {
			s.stream, s.frames = h.Stream, 0
		}
		return nil
	}
	if h.Type != TypeContinuation || h.Stream != s.stream {
		return ErrInterrupted
	}
	s.frames++
	if s.frames > continuationsMax {
		return ErrContinuations
	}
	if h.Flags.Has(FlagEndHeaders) {
		s.stream = 0
	}
	return nil
}

// Open reports whether a header block is not complete yet.
func (s *Sequence) Open() bool { return s.stream != 0 }
