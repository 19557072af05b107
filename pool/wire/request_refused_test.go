package wire

import (
	"fmt"
	"strings"
	"testing"
)

// get is a good request with these lines put after its Host line.
func get(lines string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" }

func line(first string) string { return first + "\r\nHost: a\r\n\r\n" }

// refusedRequests are the requests no byte of which may reach a backend.
func refusedRequests() []struct{ name, raw, want string } {
	const cl, te = "Content-Length: ", "Transfer-Encoding: "
	return []struct{ name, raw, want string }{
		// Lengths.
		{"length and coding", get(cl + "5\r\n" + te + "chunked\r\n"), "400 conflicting_length"},
		{"coding and length", get(te + "chunked\r\n" + cl + "5\r\n"), "400 conflicting_length"},
		{"coding and length in other case", get("transfer-ENCODING: Chunked\r\ncONTENT-length: 0\r\n"), "400 conflicting_length"},
		{"two equal lengths", get(cl + "5\r\n" + cl + "5\r\n"), "400 conflicting_length"},
		{"two lengths", get(cl + "5\r\n" + cl + "6\r\n"), "400 conflicting_length"},
		{"two lengths apart", get(cl + "5\r\nX: y\r\ncontent-length: 5\r\n"), "400 conflicting_length"},
		{"length list", get(cl + "5, 5\r\n"), "400 bad_content_length"},
		{"length list without space", get(cl + "5,5\r\n"), "400 bad_content_length"},
		{"length with plus", get(cl + "+5\r\n"), "400 bad_content_length"},
		{"length with minus", get(cl + "-0\r\n"), "400 bad_content_length"},
		{"length in hex", get(cl + "0x5\r\n"), "400 bad_content_length"},
		{"length with inner space", get(cl + "5 5\r\n"), "400 bad_content_length"},
		{"length with inner tab", get(cl + "5\t5\r\n"), "400 bad_content_length"},
		{"length empty", get("Content-Length:\r\n"), "400 bad_content_length"},
		{"length blank", get("Content-Length: \t \r\n"), "400 bad_content_length"},
		{"length with leading zero", get(cl + "05\r\n"), "400 bad_content_length"},
		{"length of zeros", get(cl + "00\r\n"), "400 bad_content_length"},
		{"length of 20 digits", get(cl + "18446744073709551617\r\n"), "400 bad_content_length"},
		{"length above int64", get(cl + "9223372036854775808\r\n"), "400 bad_content_length"},
		{"length with arabic digits", get(cl + "\xd9\xa5\r\n"), "400 bad_content_length"},
		{"length with full-width digits", get(cl + "\xef\xbc\x95\r\n"), "400 bad_content_length"},
		{"length quoted", get(cl + "\"5\"\r\n"), "400 bad_content_length"},
		{"length with exponent", get(cl + "1e1\r\n"), "400 bad_content_length"},
		{"length with fraction", get(cl + "5.0\r\n"), "400 bad_content_length"},
		{"length with underscore", get(cl + "1_0\r\n"), "400 bad_content_length"},
		{"length with NUL", get(cl + "5\x00\r\n"), "400 bad_field_value"},
		{"length with vertical tab", get(cl + "\v5\r\n"), "400 bad_field_value"},
		{"length twice in HTTP/1.0", "POST / HTTP/1.0\r\n" + cl + "5\r\n" + cl + "5\r\n\r\n", "400 conflicting_length"},
		// Transfer codings.
		{"coding identity", get(te + "identity\r\n"), "400 bad_transfer_encoding"},
		{"coding chunked twice", get(te + "chunked, chunked\r\n"), "400 bad_transfer_encoding"},
		{"coding gzip and chunked", get(te + "gzip, chunked\r\n"), "501 unsupported_transfer_coding"},
		{"coding chunked and gzip", get(te + "chunked, gzip\r\n"), "400 bad_transfer_encoding"},
		{"coding gzip", get(te + "gzip\r\n"), "400 bad_transfer_encoding"},
		{"coding xchunked", get(te + "xchunked\r\n"), "400 bad_transfer_encoding"},
		{"coding chunkedx", get(te + "chunkedx\r\n"), "400 bad_transfer_encoding"},
		{"coding quoted", get(te + "\"chunked\"\r\n"), "400 bad_transfer_encoding"},
		{"coding with comma after", get(te + "chunked,\r\n"), "400 bad_transfer_encoding"},
		{"coding with comma before", get(te + ", chunked\r\n"), "400 bad_transfer_encoding"},
		{"coding with parameter", get(te + "chunked;q=1\r\n"), "400 bad_transfer_encoding"},
		{"coding empty", get("Transfer-Encoding:\r\n"), "400 bad_transfer_encoding"},
		{"coding with vertical tab", get(te + "\vchunked\r\n"), "400 bad_field_value"},
		{"coding with form feed", get(te + "chunked\f\r\n"), "400 bad_field_value"},
		{"coding with no-break space", get(te + "chunked\xa0\r\n"), "400 bad_transfer_encoding"},
		{"coding with kelvin sign", get(te + "chun\xe2\x84\xaaed\r\n"), "400 bad_transfer_encoding"},
		{"coding on two lines", get(te + "chunked\r\n" + te + "chunked\r\n"), "400 bad_transfer_encoding"},
		{"coding on two lines, other first", get(te + "identity\r\n" + te + "chunked\r\n"), "400 bad_transfer_encoding"},
		{"coding folded", get("Transfer-Encoding:\r\n chunked\r\n"), "400 folded_field"},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\n" + te + "chunked\r\n\r\n", "400 bad_transfer_encoding"},
		{"coding with space before colon", get("Transfer-Encoding : chunked\r\n"), "400 bad_field_name"},
		{"coding with tab before colon", get("Transfer-Encoding\t: chunked\r\n"), "400 bad_field_name"},
		{"coding with space inside", get("Transfer Encoding: chunked\r\n"), "400 bad_field_name"},
		{"coding with CR for hyphen", get("Transfer\rEncoding: chunked\r\n"), "400 bad_line_end"},
		{"coding with control for digit", get("http\x12-settings: x\r\n"), "400 bad_field_name"},
		// Field lines.
		{"bare LF ends a field", get("X: y\nZ: 1\r\n"), "400 bad_line_end"},
		{"bare LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400 bad_line_end"},
		{"all line ends bare", "GET / HTTP/1.1\nHost: a\n\n", "400 bad_line_end"},
		{"bare CR in a value", get("X: y\rZ: 1\r\n"), "400 bad_line_end"},
		{"two CR before LF", get("X: y\r\r\n"), "400 bad_line_end"},
		{"two CR and LF end the head", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", "400 bad_line_end"},
		{"CR alone where a field starts", get("\rX: y\r\n"), "400 bad_line_end"},
		{"NUL in a value", get("X: a\x00b\r\n"), "400 bad_field_value"},
		{"control byte in a value", get("X: a\x01b\r\n"), "400 bad_field_value"},
		{"escape in a value", get("X: \x1b[2J\r\n"), "400 bad_field_value"},
		{"DEL in a value", get("X: a\x7fb\r\n"), "400 bad_field_value"},
		{"DEL in a long value", get("X: " + strings.Repeat("a", 70) + "\x7f\r\n"), "400 bad_field_value"},
		{"fold with space", get("X: y\r\n z\r\n"), "400 folded_field"},
		{"fold with tab", get("X: y\r\n\tz\r\n"), "400 folded_field"},
		{"fold that looks like a field", get("X: y\r\n Content-Length: 5\r\n"), "400 folded_field"},
		{"first line of fields is folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400 folded_field"},
		{"line of white space", get(" \r\n"), "400 folded_field"},
		{"space before colon", get("X : y\r\n"), "400 bad_field_name"},
		{"tab before colon", get("X\t: y\r\n"), "400 bad_field_name"},
		{"space in a name", get("X Foo: y\r\n"), "400 bad_field_name"},
		{"no colon", get("Foo\r\nBar: x\r\n"), "400 bad_field_name"},
		{"no name", get(": y\r\n"), "400 bad_field_name"},
		{"NUL in a name", get("X\x00: y\r\n"), "400 bad_field_name"},
		{"high byte in a name", get("X\xe9: y\r\n"), "400 bad_field_name"},
		{"slash in a name", get("X/Y: y\r\n"), "400 bad_field_name"},
		{"parenthesis in a name", get("X(Y): y\r\n"), "400 bad_field_name"},
		{"quote in a name", get("\"X\": y\r\n"), "400 bad_field_name"},
		{"at sign in a name", get("X@Y: y\r\n"), "400 bad_field_name"},
		{"pseudo field", get(":authority: evil\r\n"), "400 bad_field_name"},
		{"DEL in a name", get("X\x7f: y\r\n"), "400 bad_field_name"},
		{"too many fields", get(strings.Repeat("X: y\r\n", 200)), "431 too_many_fields"},
		{"head too large", get("X: " + strings.Repeat("a", 17<<10) + "\r\n"), "431 header_too_large"},
		{"head of many lines too large", get(strings.Repeat("X-Y: "+strings.Repeat("a", 995)+"\r\n", 20)), "431 header_too_large"},
		// Request lines.
		{"two empty lines first", "\r\n\r\n" + get(""), "400 bad_request_line"},
		{"bare LF first", "\n" + get(""), "400 bad_request_line"},
		{"bare CR first", "\r" + get(""), "400 bad_line_end"},
		{"space first", " " + get(""), "400 bad_method"},
		{"no version", "GET /\r\nHost: a\r\n\r\n", "400 bad_request_line"},
		{"no version, space after", line("GET / "), "400 bad_request_line"},
		{"method alone", line("GET"), "400 bad_request_line"},
		{"HTTP/0.9", line("GET / HTTP/0.9"), "505 unsupported_version"},
		{"HTTP/1.2", line("GET / HTTP/1.2"), "505 unsupported_version"},
		{"HTTP/2.0", line("GET / HTTP/2.0"), "505 unsupported_version"},
		{"HTTP/3.0", line("GET / HTTP/3.0"), "505 unsupported_version"},
		{"HTTP/2", line("GET / HTTP/2"), "400 bad_request_line"},
		{"HTTP/1.10", line("GET / HTTP/1.10"), "400 bad_request_line"},
		{"HTTP/01.1", line("GET / HTTP/01.1"), "400 bad_request_line"},
		{"HTTP/1,1", line("GET / HTTP/1,1"), "400 bad_request_line"},
		{"HTTP/+1.1", line("GET / HTTP/+1.1"), "400 bad_request_line"},
		{"http/1.1", line("GET / http/1.1"), "400 bad_request_line"},
		{"HTTPS/1.1", line("GET / HTTPS/1.1"), "400 bad_request_line"},
		{"space after version", line("GET / HTTP/1.1 "), "400 bad_request_line"},
		{"extra word", line("GET / x HTTP/1.1"), "400 bad_request_line"},
		{"two versions", line("GET / HTTP/1.0 HTTP/1.1"), "400 bad_request_line"},
		{"two spaces", line("GET  / HTTP/1.1"), "400 bad_request_line"},
		{"two spaces before version", line("GET /  HTTP/1.1"), "400 bad_request_line"},
		{"no target", line("GET HTTP/1.1"), "400 bad_request_line"},
		{"tab for space", line("GET\t/ HTTP/1.1"), "400 bad_method"},
		{"tab before version", line("GET /\tHTTP/1.1"), "400 bad_request_line"},
		{"tab in target", line("GET /a\tb HTTP/1.1"), "400 bad_target"},
		{"method with slash", line("GE/T / HTTP/1.1"), "400 bad_method"},
		{"method with colon", line("GET: / HTTP/1.1"), "400 bad_method"},
		{"method with high byte", line("G\xc9T / HTTP/1.1"), "400 bad_method"},
		{"method with NUL", line("G\x00T / HTTP/1.1"), "400 bad_method"},
		{"method too long", line(strings.Repeat("A", 33) + " / HTTP/1.1"), "400 bad_method"},
		{"method without end", strings.Repeat("A", 40), "400 bad_method"},
		{"target with bare CR", line("GET /a\rb HTTP/1.1"), "400 bad_line_end"},
		{"target with NUL", line("GET /a\x00b HTTP/1.1"), "400 bad_target"},
		{"target with DEL", line("GET /abcdefgh\x7f HTTP/1.1"), "400 bad_target"},
		{"target with fragment", line("GET /a#b HTTP/1.1"), "400 bad_target"},
		{"target of a fragment", line("GET # HTTP/1.1"), "400 bad_target"},
		{"target with escape", line("GET /abcdefghijkl\x1bmnop HTTP/1.1"), "400 bad_target"},
		{"target without slash", line("GET a HTTP/1.1"), "400 bad_target"},
		{"target is a query", line("GET ?a HTTP/1.1"), "400 bad_target"},
		{"target is an authority", line("GET a:80 HTTP/1.1"), "400 bad_target"},
		{"asterisk for GET", line("GET * HTTP/1.1"), "400 bad_target"},
		{"asterisk with more", line("OPTIONS *x HTTP/1.1"), "400 bad_target"},
		{"target too long", line("GET /" + strings.Repeat("a", 17<<10) + " HTTP/1.1"), "414 target_too_long"},
		{"target without end", "GET /" + strings.Repeat("a", 17<<10), "414 target_too_long"},
		{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 tls_on_plain_port"},
		{"TLS hello with line end", "\x16\x03\x01\x00\n\r\n", "400 tls_on_plain_port"},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 http2_preface"},
		{"NUL bytes", "\x00\x00\x00\x00", "400 bad_method"},
		{"PROXY header v2", "\r\n\r\n\x00\r\nQUIT\n", "400 bad_request_line"},
		{"status line", "HTTP/1.1 200 OK\r\n\r\n", "400 bad_method"},
		{"CONNECT", line("CONNECT a:443 HTTP/1.1"), "405 connect_not_allowed"},
		{"CONNECT with path", line("CONNECT / HTTP/1.1"), "405 connect_not_allowed"},
		{"connect", line("connect a:443 HTTP/1.1"), "405 connect_not_allowed"},
		// Host.
		{"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "400 missing_host"},
		{"no field at all", "GET / HTTP/1.1\r\n\r\n", "400 missing_host"},
		{"no host in absolute-form", "GET http://a/ HTTP/1.1\r\nX: y\r\n\r\n", "400 missing_host"},
		{"two hosts", get("Host: b\r\n"), "400 duplicate_host"},
		{"two equal hosts", get("hOST: a\r\n"), "400 duplicate_host"},
		{"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400 duplicate_host"},
		{"two hosts in absolute-form", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 duplicate_host"},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 bad_host"},
		{"blank host", "GET / HTTP/1.1\r\nHost:  \t\r\n\r\n", "400 bad_host"},
		{"empty host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: \r\n\r\n", "400 bad_host"},
		{"space before the colon of host", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 bad_field_name"},
		{"host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 bad_host"},
		{"bad host beside absolute-form", "GET http://a/ HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 bad_host"},
		{"absolute-form with user", line("GET http://u@b/ HTTP/1.1"), "400 bad_host"},
		{"absolute-form with user and password", line("GET http://u:p@b/ HTTP/1.1"), "400 bad_host"},
		{"absolute-form with backslash", line("GET http://b\\@c/ HTTP/1.1"), "400 bad_host"},
		{"absolute-form without host", line("GET http:/// HTTP/1.1"), "400 bad_host"},
		{"absolute-form with port alone", line("GET http://:80/ HTTP/1.1"), "400 bad_host"},
		{"absolute-form with bad port", line("GET http://b:x/ HTTP/1.1"), "400 bad_host"},
		{"absolute-form with ftp", line("GET ftp://b/ HTTP/1.1"), "400 bad_target"},
		{"absolute-form with javascript", line("GET javascript:1 HTTP/1.1"), "400 bad_target"},
		{"absolute-form with one slash", line("GET http:/b HTTP/1.1"), "400 bad_target"},
		{"absolute-form without authority", line("GET http:// HTTP/1.1"), "400 bad_target"},
		{"absolute-form https without authority", line("GET https:// HTTP/1.1"), "400 bad_target"},
		// Others.
		{"unknown expectation", get("Expect: 200-ok\r\n"), "417 unknown_expectation"},
		{"expectation list", get("Expect: 100-continue, x\r\n"), "417 unknown_expectation"},
		{"empty expectation", get("Expect:\r\n"), "417 unknown_expectation"},
		{"unknown expectation in HTTP/1.0", "POST / HTTP/1.0\r\nExpect: x\r\n\r\n", "417 unknown_expectation"},
		{"too many connection options", get("Connection: " + strings.Repeat("a,", 70) + "\r\n"), "400 too_many_connection_options"},
		{"too many lines of connection options", get(strings.Repeat("Connection: a, b\r\n", 40)), "400 too_many_connection_options"},
	}
}

func TestRequestIsRefused(t *testing.T) {
	for _, c := range refusedRequests() {
		t.Run(c.name, func(t *testing.T) {
			if len(c.raw) > 1<<10 {
				if got, want := parseAtOnce(freshRequest(), []byte(c.raw)), "refused: "+c.want; got != want {
					t.Errorf("at once: got %s; want %s", got, want)
				}
				if got, want := parseInSteps(freshRequest(), []byte(c.raw), 1), "refused: "+c.want; got != want {
					t.Errorf("byte by byte: got %s; want %s", got, want)
				}
				return
			}
			if got, want := parseEveryWay(t, freshRequest, c.raw), "refused: "+c.want; got != want {
				t.Errorf("got %s; want %s", got, want)
			}
		})
	}
}

// TestParserRecoversAfterRefusal shows that a head used for a refused request
// is as good as new.
func TestParserRecoversAfterRefusal(t *testing.T) {
	good := get("Content-Length: 3\r\n")
	want := parseAtOnce(freshRequest(), []byte(good))
	used := freshRequest()
	for _, c := range refusedRequests() {
		parseAtOnce(used, []byte(c.raw))
		if got := parseAtOnce(used, []byte(good)); got != want {
			t.Fatalf("after %s: got %s; want %s", c.name, got, want)
		}
	}
}

// TestControlBytesAreRefusedEverywhere puts every control byte at every place
// of a request and checks that no span of what is accepted holds one.
func TestControlBytesAreRefusedEverywhere(t *testing.T) {
	raw := []byte("GET /p?q HTTP/1.1\r\nHost: example\r\nX-Long-Name: some long value here\r\nY: z\r\n\r\n")
	for at := range raw {
		for c := range 256 {
			if c >= ' ' && c != 0x7f {
				continue
			}
			bad := exact(raw)
			bad[at] = byte(c)
			var p requestParser
			if n, err := p.parse(bad); err == nil && n > 0 {
				if fault := headFault(&p.h.Head, p.h.Method, p.h.Target, p.h.Host); fault != "" {
					t.Errorf("byte %#x at %d: %s", c, at, fault)
				}
			}
		}
	}
}

// headFault names a span with a byte that must never be in one.
func headFault(h *Head, spans ...[]byte) string {
	for i := range h.Fields {
		f := &h.Fields[i]
		if !isToken(h.Name(f)) {
			return fmt.Sprintf("field name %q", h.Name(f))
		}
		spans = append(spans, h.FieldValue(f))
	}
	for _, s := range spans {
		for _, c := range s {
			if c < ' ' && c != '\t' || c == 0x7f {
				return fmt.Sprintf("control byte in %q", s)
			}
		}
		if len(TrimOWS(s)) != len(s) {
			return fmt.Sprintf("white space around %q", s)
		}
	}
	return ""
}
