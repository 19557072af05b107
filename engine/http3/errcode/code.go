// Package errcode has the error codes of HTTP/3 and of QPACK, with their names. It is a
// package of its own for those who count errors and speak no HTTP/3.
package errcode

// Code is an error code (RFC 9114 section 8.1, RFC 9204 section 6).
type Code uint64

// The codes.
const (
	None                 Code = 0x100
	GeneralProtocol      Code = 0x101
	Internal             Code = 0x102
	StreamCreation       Code = 0x103
	ClosedCriticalStream Code = 0x104
	FrameUnexpected      Code = 0x105
	Frame                Code = 0x106
	ExcessiveLoad        Code = 0x107
	ID                   Code = 0x108
	Settings             Code = 0x109
	MissingSettings      Code = 0x10a
	RequestRejected      Code = 0x10b
	RequestCancelled     Code = 0x10c
	RequestIncomplete    Code = 0x10d
	Message              Code = 0x10e
	Connect              Code = 0x10f
	VersionFallback      Code = 0x110
	Decompression        Code = 0x200
	EncoderStream        Code = 0x201
	DecoderStream        Code = 0x202
)

// names are the names without their prefixes, as those of HTTP/2 are.
var names = [...]struct {
	code Code
	name string
}{
	{None, "NO_ERROR"},
	{GeneralProtocol, "GENERAL_PROTOCOL_ERROR"},
	{Internal, "INTERNAL_ERROR"},
	{StreamCreation, "STREAM_CREATION_ERROR"},
	{ClosedCriticalStream, "CLOSED_CRITICAL_STREAM"},
	{FrameUnexpected, "FRAME_UNEXPECTED"},
	{Frame, "FRAME_ERROR"},
	{ExcessiveLoad, "EXCESSIVE_LOAD"},
	{ID, "ID_ERROR"},
	{Settings, "SETTINGS_ERROR"},
	{MissingSettings, "MISSING_SETTINGS"},
	{RequestRejected, "REQUEST_REJECTED"},
	{RequestCancelled, "REQUEST_CANCELLED"},
	{RequestIncomplete, "REQUEST_INCOMPLETE"},
	{Message, "MESSAGE_ERROR"},
	{Connect, "CONNECT_ERROR"},
	{VersionFallback, "VERSION_FALLBACK"},
	{Decompression, "QPACK_DECOMPRESSION_FAILED"},
	{EncoderStream, "QPACK_ENCODER_STREAM_ERROR"},
	{DecoderStream, "QPACK_DECODER_STREAM_ERROR"},
}

// Count is how many there are.
const Count = len(names)

// Index is the code's place among Count; that of one which is not ours is 0.
func (c Code) Index() int {
	for i := range names {
		if names[i].code == c {
			return i
		}
	}
	return 0
}

// Name is the name of the code at a place.
func Name(index int) string { return names[index].name }

// String is the code's name.
func (c Code) String() string { return Name(c.Index()) }
