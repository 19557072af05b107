package wire

import "net/http"

// WithoutContent reports an answer that has no content whatever its fields say: one to
// HEAD, and those with the statuses 1xx, 204 and 304 (RFC 9110 section 6.4.1). This is
// the one list of them.
func WithoutContent(status int, toHEAD bool) bool {
	return toHEAD || WithoutLength(status) || status == http.StatusNotModified
}

// WithoutLength reports a status whose answers must not say a length either: 1xx and 204
// (RFC 9110 section 8.6). A 304, or an answer to HEAD, says that of what it stands for.
func WithoutLength(status int) bool {
	return status < http.StatusOK || status == http.StatusNoContent
}
