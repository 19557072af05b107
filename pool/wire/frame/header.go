package frame

import "encoding/binary"

// Preface is what a client sends first, before its SETTINGS frame (RFC 9113
// section 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Sizes and bounds.
const (
	// HeaderBytes is the length of a frame header (section 4.1).
	HeaderBytes = 9
	// PayloadBytesMin is the largest payload each side accepts at first, and the
	// smallest value of SETTINGS_MAX_FRAME_SIZE (section 4.2).
	PayloadBytesMin = 1 << 14
	// PayloadBytesMax is the largest value of SETTINGS_MAX_FRAME_SIZE.
	PayloadBytesMax = 1<<24 - 1
	// StreamMax is the largest stream identifier (section 5.1.1).
	StreamMax = 1<<31 - 1
	// WindowInitial is the size of each flow-control window at first (section
	// 6.9.2).
	WindowInitial = 1<<16 - 1
	// WindowMax is the largest (section 6.9.1).
	WindowMax = 1<<31 - 1
)

// Type is the type of a frame (section 6). Frames of other types are ignored,
// except inside a header block (section 4.1, see [Sequence]).
type Type uint8

// The types of frames.
const (
	TypeData         Type = 0x0 // section 6.1
	TypeHeaders      Type = 0x1 // section 6.2
	TypePriority     Type = 0x2 // section 6.3, deprecated
	TypeRSTStream    Type = 0x3 // section 6.4
	TypeSettings     Type = 0x4 // section 6.5
	TypePushPromise  Type = 0x5 // section 6.6
	TypePing         Type = 0x6 // section 6.7
	TypeGoAway       Type = 0x7 // section 6.8
	TypeWindowUpdate Type = 0x8 // section 6.9
	TypeContinuation Type = 0x9 // section 6.10
)

var typeNames = [...]string{
	"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
}

// String is the name in the RFC.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "UNKNOWN"
}

// Flags are the flags of a frame. What a bit means depends on the type; those
// without meaning are ignored.
type Flags uint8

// The flags.
const (
	FlagEndStream  Flags = 0x1  // DATA, HEADERS: the last frame of the stream (section 6.1)
	FlagAck        Flags = 0x1  // SETTINGS, PING: answers one (sections 6.5 and 6.7)
	FlagEndHeaders Flags = 0x4  // HEADERS, CONTINUATION: the last frame of the block (section 6.2)
	FlagPadded     Flags = 0x8  // DATA, HEADERS: a length of padding comes first (section 6.1)
	FlagPriority   Flags = 0x20 // HEADERS: priority fields come before the block (section 6.2)
)

// Has reports whether flag, or each of several, is set.
func (f Flags) Has(flag Flags) bool { return f&flag == flag }

// Header is the header of a frame (section 4.1).
type Header struct {
	Length uint32 // of the payload, 24 bits
	Type   Type
	Flags  Flags
	Stream uint32 // 31 bits; 0 is the connection
}

// Parse reads a header from the beginning of b; false: b is shorter than one. The
// reserved bit is ignored.
func Parse(b []byte) (Header, bool) {
	if len(b) < HeaderBytes {
		return Header{}, false
	}
	w := binary.BigEndian.Uint64(b)
	return Header{
		Length: uint32(w >> 40),
		Type:   Type(w >> 32),
		Flags:  Flags(w >> 24),
		Stream: (uint32(w)<<8 | uint32(b[8])) & StreamMax,
	}, true
}

// AppendHeader appends a header.
func AppendHeader(dst []byte, h Header) []byte {
	s := h.Stream & StreamMax
	return append(
		dst,
		byte(h.Length>>16), byte(h.Length>>8), byte(h.Length),
		byte(h.Type), byte(h.Flags),
		byte(s>>24), byte(s>>16), byte(s>>8), byte(s),
	)
}
