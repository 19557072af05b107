package http3

import "github.com/quic-go/quic-go"

// Code is an error code (RFC 9114 section 8.1, RFC 9204 section 6).
type Code uint64

// The codes.
const (
	CodeNone                 Code = 0x100
	CodeGeneralProtocol      Code = 0x101
	CodeInternal             Code = 0x102
	CodeStreamCreation       Code = 0x103
	CodeClosedCriticalStream Code = 0x104
	CodeFrameUnexpected      Code = 0x105
	CodeFrame                Code = 0x106
	CodeExcessiveLoad        Code = 0x107
	CodeID                   Code = 0x108
	CodeSettings             Code = 0x109
	CodeMissingSettings      Code = 0x10a
	CodeRequestRejected      Code = 0x10b
	CodeRequestCancelled     Code = 0x10c
	CodeRequestIncomplete    Code = 0x10d
	CodeMessage              Code = 0x10e
	CodeConnect              Code = 0x10f
	CodeVersionFallback      Code = 0x110
	CodeDecompression        Code = 0x200
	CodeEncoderStream        Code = 0x201
	CodeDecoderStream        Code = 0x202
)

// codeNames are the names without their prefixes, as those of HTTP/2 are.
var codeNames = [...]struct {
	code Code
	name string
}{
	{CodeNone, "NO_ERROR"},
	{CodeGeneralProtocol, "GENERAL_PROTOCOL_ERROR"},
	{CodeInternal, "INTERNAL_ERROR"},
	{CodeStreamCreation, "STREAM_CREATION_ERROR"},
	{CodeClosedCriticalStream, "CLOSED_CRITICAL_STREAM"},
	{CodeFrameUnexpected, "FRAME_UNEXPECTED"},
	{CodeFrame, "FRAME_ERROR"},
	{CodeExcessiveLoad, "EXCESSIVE_LOAD"},
	{CodeID, "ID_ERROR"},
	{CodeSettings, "SETTINGS_ERROR"},
	{CodeMissingSettings, "MISSING_SETTINGS"},
	{CodeRequestRejected, "REQUEST_REJECTED"},
	{CodeRequestCancelled, "REQUEST_CANCELLED"},
	{CodeRequestIncomplete, "REQUEST_INCOMPLETE"},
	{CodeMessage, "MESSAGE_ERROR"},
	{CodeConnect, "CONNECT_ERROR"},
	{CodeVersionFallback, "VERSION_FALLBACK"},
	{CodeDecompression, "QPACK_DECOMPRESSION_FAILED"},
	{CodeEncoderStream, "QPACK_ENCODER_STREAM_ERROR"},
	{CodeDecoderStream, "QPACK_DECODER_STREAM_ERROR"},
}

// Codes is how many there are.
const Codes = len(codeNames)

// Index is the code's place among Codes; that of one which is not ours is 0.
func (c Code) Index() int {
	for i := range codeNames {
		if codeNames[i].code == c {
			return i
		}
	}
	return 0
}

// CodeName is the name of the code at a place.
func CodeName(index int) string { return codeNames[index].name }

// String is the code's name.
func (c Code) String() string { return CodeName(c.Index()) }

func (c Code) onStream() quic.StreamErrorCode       { return quic.StreamErrorCode(c) }
func (c Code) onSession() quic.ApplicationErrorCode { return quic.ApplicationErrorCode(c) }

// fault is what a peer did wrong.
type fault struct {
	code   Code
	stream bool // it is about one stream; others end the session
	cause  string
}

var (
	errFrameHere     = &fault{code: CodeFrameUnexpected, cause: "a frame that must not come here"}
	errFrameCut      = &fault{code: CodeFrame, cause: "a frame is cut off"}
	errFrameLayout   = &fault{code: CodeFrame, cause: "a frame is not as long as its content"}
	errNoSettings    = &fault{code: CodeMissingSettings, cause: "the control stream does not begin with SETTINGS"}
	errSettings      = &fault{code: CodeSettings, cause: "SETTINGS that must not be"}
	errSettingsSize  = &fault{code: CodeExcessiveLoad, cause: "SETTINGS are too large"}
	errCritical      = &fault{code: CodeClosedCriticalStream, cause: "a critical stream was closed"}
	errSecondStream  = &fault{code: CodeStreamCreation, cause: "a second stream of this type"}
	errPushStream    = &fault{code: CodeStreamCreation, cause: "clients do not push"}
	errID            = &fault{code: CodeID, cause: "an identifier that must not be"}
	errFlood         = &fault{code: CodeExcessiveLoad, cause: "too much for nothing"}
	errEncoderStream = &fault{code: CodeEncoderStream, cause: "there is no dynamic table"}
	errDecoderStream = &fault{code: CodeDecoderStream, cause: "there is no dynamic table"}
	errFields        = &fault{code: CodeDecompression, cause: "a field section cannot be decoded"}
	errMalformed     = &fault{code: CodeMessage, stream: true, cause: "malformed message"}
	errIncomplete    = &fault{code: CodeRequestIncomplete, stream: true, cause: "the request has no end"}
	errTrailers      = &fault{code: CodeExcessiveLoad, stream: true, cause: "trailers are too large"}
	errOver          = &fault{stream: true, cause: "nobody wants what still comes"}
	errCancelled     = &fault{code: CodeRequestCancelled, stream: true, cause: "the client has left"}
)
