package wire

import "net/http"

// Refusal says why bytes were not accepted as HTTP/1.1. All values of this
// type are package-level sentinels: they are compared by pointer or by
// [errors.Is], never changed, and returning one allocates nothing. After a
// refusal the position of the next message on the connection is unknown, so
// the connection must be closed once the answer is written.
type Refusal struct { //nolint:errname // Not every refusal is handled as an error.
	// Status is the status code to answer a client with. For what a backend
	// sent (see [Refusal.ForResponse]) it is always 502.
	Status int
	// Cause is one short snake_case word, fit for X-Isame-Error, for a metric
	// label and for a log field.
	Cause string

	// response is the same refusal seen from the backend side: status 502.
	response *Refusal
}

// Refusals of a request head, of a chunked body or of a path. Those about field
// lines and lengths are also used for responses, there with status 502.
var (
	ErrBadRequestLine    = refuse(http.StatusBadRequest, "bad_request_line")
	ErrBadMethod         = refuse(http.StatusBadRequest, "bad_method")
	ErrBadTarget         = refuse(http.StatusBadRequest, "bad_target")
	ErrBadPath           = refuse(http.StatusBadRequest, "bad_path")
	ErrTLSOnPlainPort    = refuse(http.StatusBadRequest, "tls_on_plain_port")
	ErrHTTP2Preface      = refuse(http.StatusBadRequest, "http2_preface")
	ErrBadLineEnd        = refuse(http.StatusBadRequest, "bad_line_end")
	ErrFoldedField       = refuse(http.StatusBadRequest, "folded_field")
	ErrBadFieldName      = refuse(http.StatusBadRequest, "bad_field_name")
	ErrBadFieldValue     = refuse(http.StatusBadRequest, "bad_field_value")
	ErrMissingHost       = refuse(http.StatusBadRequest, "missing_host")
	ErrDuplicateHost     = refuse(http.StatusBadRequest, "duplicate_host")
	ErrBadHost           = refuse(http.StatusBadRequest, "bad_host")
	ErrBadLength         = refuse(http.StatusBadRequest, "bad_content_length")
	ErrConflictingLength = refuse(http.StatusBadRequest, "conflicting_length")
	ErrBadCoding         = refuse(http.StatusBadRequest, "bad_transfer_encoding")
	ErrTooManyOptions    = refuse(http.StatusBadRequest, "too_many_connection_options")
	ErrBadChunkSize      = refuse(http.StatusBadRequest, "bad_chunk_size")
	ErrBadChunkExtension = refuse(http.StatusBadRequest, "bad_chunk_extension")
	ErrBadChunkEnd       = refuse(http.StatusBadRequest, "bad_chunk_end")
	ErrConnect           = refuse(http.StatusMethodNotAllowed, "connect_not_allowed")
	ErrTargetTooLong     = refuse(http.StatusRequestURITooLong, "target_too_long")
	ErrUnknownExpect     = refuse(http.StatusExpectationFailed, "unknown_expectation")
	ErrHeaderTooLarge    = refuse(http.StatusRequestHeaderFieldsTooLarge, "header_too_large")
	ErrTooManyFields     = refuse(http.StatusRequestHeaderFieldsTooLarge, "too_many_fields")
	ErrTrailersTooLarge  = refuse(http.StatusRequestHeaderFieldsTooLarge, "trailers_too_large")
	ErrUnsupportedCoding = refuse(http.StatusNotImplemented, "unsupported_transfer_coding")
	ErrBadVersion        = refuse(http.StatusHTTPVersionNotSupported, "unsupported_version")
	ErrBadStatusLine     = refuse(http.StatusBadGateway, "bad_status_line")
	ErrBadStatus         = refuse(http.StatusBadGateway, "bad_status")
	ErrBadReason         = refuse(http.StatusBadGateway, "bad_reason")
)

// refuse makes a sentinel together with its twin for the backend side.
func refuse(status int, cause string) *Refusal {
	twin := &Refusal{Status: http.StatusBadGateway, Cause: cause}
	twin.response = twin
	return &Refusal{Status: status, Cause: cause, response: twin}
}

// Error implements error: the cause, in words a log reader understands.
func (r *Refusal) Error() string { return "cannot accept message: " + r.Cause }

// Is reports whether target is a refusal for the same cause, so that
// errors.Is(err, ErrBadLength) holds on the client and on the backend side.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t != nil && t.Cause == r.Cause
}

// ForResponse is the same refusal for bytes a backend sent: status 502. The
// chunked decoder serves both sides and reports the client's status; whoever
// reads a backend's body maps it with this method.
func (r *Refusal) ForResponse() *Refusal { return r.response }
