package end

import (
	"slices"
	"testing"
)

// registered are the types of IANA's registry "HTTP Proxy Error Types", as RFC 9209 has
// filled it.
var registered = []string{
	"dns_timeout", "dns_error", "destination_not_found", "destination_unavailable", "destination_ip_prohibited", "destination_ip_unroutable",
	"connection_refused", "connection_terminated", "connection_timeout", "connection_read_timeout", "connection_write_timeout",
	"connection_limit_reached", "tls_protocol_error", "tls_certificate_error", "tls_alert_received", "http_request_error",
	"http_request_denied", "http_response_incomplete", "http_response_header_section_size", "http_response_header_size",
	"http_response_body_size", "http_response_trailer_section_size", "http_response_trailer_size", "http_response_transfer_coding",
	"http_response_content_coding", "http_response_timeout", "http_upgrade_failed", "http_protocol_error", "proxy_internal_response",
	"proxy_internal_error", "proxy_configuration_error", "proxy_loop_detected",
}

// Every end that a client can be told of has a type of the registry.
func TestProxyErrorsAreRegistered(t *testing.T) {
	untold := []End{Outrun, BackendGone, Idle}
	for e := range Ends {
		got := e.ProxyError()
		if slices.Contains(untold, e) != (got == "") {
			t.Errorf("%v: got %q", e, got)
		}
		if got != "" && !slices.Contains(registered, got) {
			t.Errorf("%v: %q is not registered", e, got)
		}
	}
}
