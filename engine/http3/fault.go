package http3

import "github.com/isame-lb/isame-lb/engine/http3/errcode"

// fault is what a peer did wrong.
type fault struct {
	code   errcode.Code
	stream bool // it is about one stream; others end the session
	cause  string
}

var (
	errFrameHere     = &fault{code: errcode.FrameUnexpected, cause: "a frame that must not come here"}
	errFrameCut      = &fault{code: errcode.Frame, cause: "a frame is cut off"}
	errFrameLayout   = &fault{code: errcode.Frame, cause: "a frame is not as long as its content"}
	errNoSettings    = &fault{code: errcode.MissingSettings, cause: "the control stream does not begin with SETTINGS"}
	errSettings      = &fault{code: errcode.Settings, cause: "SETTINGS that must not be"}
	errSettingsSize  = &fault{code: errcode.ExcessiveLoad, cause: "SETTINGS are too large"}
	errCritical      = &fault{code: errcode.ClosedCriticalStream, cause: "a critical stream was closed"}
	errSecondStream  = &fault{code: errcode.StreamCreation, cause: "a second stream of this type"}
	errPushStream    = &fault{code: errcode.StreamCreation, cause: "clients do not push"}
	errID            = &fault{code: errcode.ID, cause: "an identifier that must not be"}
	errFlood         = &fault{code: errcode.ExcessiveLoad, cause: "too much for nothing"}
	errEncoderStream = &fault{code: errcode.EncoderStream, cause: "there is no dynamic table"}
	errDecoderStream = &fault{code: errcode.DecoderStream, cause: "there is no dynamic table"}
	errFields        = &fault{code: errcode.Decompression, cause: "a field section cannot be decoded"}
	errMalformed     = &fault{code: errcode.Message, stream: true, cause: "malformed message"}
	errIncomplete    = &fault{code: errcode.RequestIncomplete, stream: true, cause: "the request has no end"}
	errTrailers      = &fault{code: errcode.ExcessiveLoad, stream: true, cause: "trailers are too large"}
	errOver          = &fault{stream: true, cause: "nobody wants what still comes"}
	errCancelled     = &fault{code: errcode.RequestCancelled, stream: true, cause: "the client has left"}
)
