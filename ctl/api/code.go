package api

import "net/http"

// Code is the word for what is wrong in a Problem. The list is closed for a version of
// the API: programs may decide by it, and by nothing else in a Problem.
type Code string

// The codes.
const (
	CodeStaleETag           Code = "stale_etag"
	CodePreconditionNeeded  Code = "precondition_needed"
	CodeConfirmPending      Code = "confirm_pending"
	CodeInUse               Code = "in_use"
	CodeBusy                Code = "busy"
	CodeNotWritable         Code = "not_writable"
	CodeMaskedValue         Code = "masked_value"
	CodeInvalid             Code = "invalid"
	CodeMalformed           Code = "malformed"
	CodeUnknownParameter    Code = "unknown_parameter"
	CodeTooLarge            Code = "too_large"
	CodeMediaType           Code = "media_type"
	CodeMethod              Code = "method"
	CodeRateLimited         Code = "rate_limited"
	CodeTimeout             Code = "timeout"
	CodeIdempotencyMismatch Code = "idempotency_mismatch"
	CodeHostRefused         Code = "host_refused"
	CodeNotFound            Code = "not_found"
	CodeForbidden           Code = "forbidden"
	CodeUnauthorized        Code = "unauthorized"
	CodeDraining            Code = "draining"
	CodeInternal            Code = "internal"
)

// Codes are all codes, in the order of the reference.
func Codes() []Code {
	return []Code{
		CodeMalformed, CodeUnknownParameter, CodeUnauthorized, CodeForbidden, CodeHostRefused, CodeNotFound, CodeMethod, CodeTimeout,
		CodeBusy, CodeConfirmPending, CodeInUse, CodeNotWritable, CodeStaleETag, CodeTooLarge, CodeMediaType, CodeInvalid,
		CodeMaskedValue, CodeIdempotencyMismatch, CodePreconditionNeeded, CodeRateLimited, CodeInternal, CodeDraining,
	}
}

// uri names the code as the type of a problem (RFC 9457 section 3.1.1).
func (c Code) uri() string { return "urn:isame:problem:" + string(c) }

// codeOf is what a status means where nobody says more.
func codeOf(status int) Code {
	switch status {
	case http.StatusBadRequest, http.StatusHTTPVersionNotSupported:
		return CodeMalformed
	case http.StatusUnauthorized:
		return CodeUnauthorized
	case http.StatusForbidden:
		return CodeForbidden
	case http.StatusNotFound:
		return CodeNotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return CodeMethod
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return CodeTimeout
	case http.StatusConflict, http.StatusServiceUnavailable:
		return CodeBusy
	case http.StatusPreconditionFailed:
		return CodeStaleETag
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return CodeMediaType
	case http.StatusUnprocessableEntity:
		return CodeInvalid
	case http.StatusPreconditionRequired:
		return CodePreconditionNeeded
	case http.StatusTooManyRequests:
		return CodeRateLimited
	default:
		return CodeInternal
	}
}
