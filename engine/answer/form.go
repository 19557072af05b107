package answer

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/end"
)

// Form is the language in which a reject is said.
type Form uint8

const (
	// Problem is JSON for programs (RFC 9457).
	Problem Form = iota
	// Page is HTML for people.
	Page
	// Call is the outcome of a call of gRPC.
	Call
)

// FormFor is the form for an Accept value: a page where it names HTML before any JSON.
func FormFor(accept []byte) Form {
	html := bytes.Index(accept, []byte("text/html"))
	json := bytes.Index(accept, []byte("json"))
	if html >= 0 && (json < 0 || html < json) {
		return Page
	}
	return Problem
}

// problem is the content of a Problem. A sentence of an end has nothing to escape.
func problem(status int, e end.End) []byte {
	return []byte(`{"type":"about:blank","title":"` + fasthttp.StatusMessage(status) + `","status":` + strconv.Itoa(status) +
		`,"detail":"` + e.Text() + `","cause":"` + e.Word() + `"}` + "\n")
}

// page is the content of a Page.
func page(status int, e end.End) []byte {
	title := strconv.Itoa(status) + " " + fasthttp.StatusMessage(status)
	return []byte("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>" + title +
		"</title>\n<h1>" + title + "</h1>\n<p>" + e.Text() + "</p>\n<p><small>Isame: " + e.Word() + "</small></p></html>\n")
}

// Codes of gRPC.
const (
	grpcUnknown          = 2
	grpcDeadlineExceeded = 4
	grpcPermissionDenied = 7
	grpcResourceLimit    = 8
	grpcUnimplemented    = 12
	grpcInternal         = 13
	grpcUnavailable      = 14
	grpcUnauthenticated  = 16
)

// grpcCode is what an answer of the proxy means to a call. Where the RFCs have a
// status for "try again", so has gRPC.
func grpcCode(status int) int {
	switch status {
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return grpcPermissionDenied
	case http.StatusGatewayTimeout:
		return grpcDeadlineExceeded
	case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return grpcResourceLimit
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return grpcUnimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable:
		return grpcUnavailable
	case http.StatusBadRequest, http.StatusInternalServerError:
		return grpcInternal
	}
	return grpcUnknown
}
