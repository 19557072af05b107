package http2

import "github.com/isame-lb/isame-lb/pool/wire/frame"

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
