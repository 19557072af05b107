package frame

// Code is an error code, as RST_STREAM and GOAWAY carry it (RFC 9113 section 7).
type Code uint32

// The error codes.
const (
	CodeNone               Code = 0x0 // NO_ERROR: a graceful end
	CodeProtocol           Code = 0x1
	CodeInternal           Code = 0x2
	CodeFlowControl        Code = 0x3
	CodeSettingsTimeout    Code = 0x4
	CodeStreamClosed       Code = 0x5
	CodeFrameSize          Code = 0x6
	CodeRefusedStream      Code = 0x7 // not processed at all: safe to retry (section 8.7)
	CodeCancel             Code = 0x8
	CodeCompression        Code = 0x9
	CodeConnect            Code = 0xa
	CodeEnhanceYourCalm    Code = 0xb
	CodeInadequateSecurity Code = 0xc
	CodeHTTP11Required     Code = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String is the name in the RFC. Codes it does not know, which count as
// INTERNAL_ERROR or as nothing special, share one, so that it fits a metric label.
func (c Code) String() string {
	if uint64(c) < uint64(len(codeNames)) {
		return codeNames[c]
	}
	return "UNKNOWN_ERROR"
}

// Fault is what is wrong with a frame. All values are package-level sentinels,
// compared by pointer or [errors.Is], and never changed.
type Fault struct { //nolint:errname // as wire.Refusal
	// Code is what to answer with.
	Code Code
	// Stream is set when only the stream has to end, with RST_STREAM (section
	// 5.4.2); else it is the connection, with GOAWAY (section 5.4.1).
	Stream bool
	// Cause is one short snake_case word, fit for a metric label, for a log field
	// and for the debug data of GOAWAY.
	Cause string
}

// Error implements error.
func (f *Fault) Error() string { return "cannot accept frame: " + f.Cause }

// Faults of frames.
var (
	ErrTooLarge        = connectionFault(CodeFrameSize, "frame_too_large")
	ErrSize            = connectionFault(CodeFrameSize, "bad_frame_size")
	ErrPrioritySize    = streamFault(CodeFrameSize, "bad_priority_size")
	ErrNoStream        = connectionFault(CodeProtocol, "frame_without_stream")
	ErrOnStream        = connectionFault(CodeProtocol, "frame_on_stream")
	ErrPadding         = connectionFault(CodeProtocol, "bad_padding")
	ErrDependency      = streamFault(CodeProtocol, "stream_depends_on_itself")
	ErrPush            = connectionFault(CodeProtocol, "push_promise")
	ErrIncrement       = connectionFault(CodeProtocol, "no_window_increment")
	ErrStreamIncrement = streamFault(CodeProtocol, "no_stream_window_increment")
	ErrInterrupted     = connectionFault(CodeProtocol, "header_block_interrupted")
	ErrContinuation    = connectionFault(CodeProtocol, "continuation_of_nothing")
	ErrContinuations   = connectionFault(CodeEnhanceYourCalm, "too_many_continuations")
	ErrPushSetting     = connectionFault(CodeProtocol, "bad_enable_push")
	ErrWindowSetting   = connectionFault(CodeFlowControl, "bad_initial_window_size")
	ErrFrameSetting    = connectionFault(CodeProtocol, "bad_max_frame_size")
	ErrBooleanSetting  = connectionFault(CodeProtocol, "bad_boolean_setting")
)

func connectionFault(code Code, cause string) *Fault { return &Fault{Code: code, Cause: cause} }

func streamFault(code Code, cause string) *Fault {
	return &Fault{Code: code, Stream: true, Cause: cause}
}
