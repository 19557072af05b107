package engine

import (
	"strings"
	"testing"
)

// post is a request with fields and a body whose answer nobody expects.
func post(fields, body string) string {
	return "POST / HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n" + body
}

func refusedAs(answer string, cases [][2]string) []hostile {
	var all []hostile
	for _, tc := range cases {
		all = append(all, hostile{name: tc[0], send: tc[1], want: []string{answer + " close"}})
	}
	return all
}

func TestHostileLengths(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	values := map[string]string{
		"signed": "+5", "negative": "-5", "minus zero": "-0", "hexadecimal": "0x5", "two numbers": "5 5", "tab inside": "5\t5", "empty": "",
		"leading zero": "05", "zeros": "00", "20 digits": "00000000000000000005", "overflow": "18446744073709551621",
		"one too many": "9223372036854775808", "full-width digit": "\xef\xbc\x95", "arabic digit": "\xd9\xa5", "list": "5, 5", "list without space": "5,5",
		"empty list": "5,", "fraction": "5.0", "exponent": "5e0", "parameter": "5;a", "quoted": `"5"`, "underscore": "1_0",
	}
	var cases []hostile
	for name, value := range values {
		cases = append(cases, hostile{name: name, send: post("Content-Length: "+value+"\r\n", "hello"), want: []string{"400 bad_content_length close"}})
	}
	cases = append(cases, refusedAs("400 conflicting_length", [][2]string{
		{"twice", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")},
		{"twice in two cases", post("Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5\r\n", "hello")},
		{"two values", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!")},
		{"and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
		{"chunked and", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
		{"and chunked in odd case", post("content-length:5\r\ntransfer-ENCODING:\tChunked\r\n", "0\r\n\r\n")},
		{"zero and chunked", post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
		{"and chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	})...)
	cases = append(cases, refusedAs("400 bad_field_value", [][2]string{
		{"vertical tab", post("Content-Length: \v5\r\n", "hello")},
		{"form feed", post("Content-Length: 5\f\r\n", "hello")},
	})...)
	cases = append(cases, refusedAs("400 bad_field_name", [][2]string{
		{"space before the colon", post("Content-Length : 5\r\n", "hello")},
		{"tab before the colon", post("Content-Length\t: 5\r\n", "hello")},
		{"space in the name", post("Content Length: 5\r\n", "hello")},
		{"NUL in the name", post("Content-\x00Length: 5\r\n", "hello")},
	})...)
	attack(t, r, rec, cases)
}

func TestHostileCodings(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	const body = "5\r\nhello\r\n0\r\n\r\n"
	var cases []hostile
	for name, value := range map[string]string{
		"identity": "identity", "twice": "chunked, chunked", "disguised": "xchunked", "disguised behind": "chunkedx", "quoted": `"chunked"`,
		"empty element": "chunked,", "empty element first": ", chunked", "empty": "", "parameter": "chunked;q=1", "two words": "chunked gzip",
		"gzip": "gzip", "not last": "chunked, gzip", "and identity behind": "chunked, identity", "high byte": "\xa0chunked", "byte order mark": "\xef\xbb\xbfchunked",
		"slash": "chunked/1",
	} {
		cases = append(cases, hostile{name: name, send: post("Transfer-Encoding: "+value+"\r\n", body), want: []string{"400 bad_transfer_encoding close"}})
	}
	cases = append(cases, refusedAs("400 bad_transfer_encoding", [][2]string{
		{"two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body)},
		{"two lines, one harmless", post("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n", body)},
		{"two lines, one empty", post("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", body)},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + body},
	})...)
	cases = append(cases, refusedAs("501 unsupported_transfer_coding", [][2]string{
		{"gzip first", post("Transfer-Encoding: gzip, chunked\r\n", body)},
		{"identity first", post("Transfer-Encoding: identity, chunked\r\n", body)},
	})...)
	cases = append(cases, refusedAs("400 bad_field_value", [][2]string{
		{"vertical tab", post("Transfer-Encoding: \vchunked\r\n", body)},
		{"NUL", post("Transfer-Encoding: chunked\x00\r\n", body)},
	})...)
	cases = append(cases, refusedAs("400 folded_field", [][2]string{
		{"folded", post("Transfer-Encoding:\r\n chunked\r\n", body)},
		{"folded with a tab", post("Transfer-Encoding:\r\n\tchunked\r\n", body)},
		{"folded behind another field", post("X: y\r\n Transfer-Encoding: chunked\r\n", body)},
	})...)
	cases = append(cases, refusedAs("400 bad_field_name", [][2]string{
		{"space before the colon", post("Transfer-Encoding : chunked\r\n", body)},
		{"space in the name", post("Transfer Encoding: chunked\r\n", body)},
	})...)
	cases = append(cases,
		hostile{
			name: "underscore twin is no framing", send: "GET / HTTP/1.1\r\nHost: t\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\n\r\n",
			want: []string{"200 GET /"}, seen: []string{"GET / HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
		},
		hostile{
			name: "any case, any white space", send: post("tRANSFER-eNCODING: \t CHUNKED \t\r\n", body),
			want: []string{"200 POST /"}, seen: []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hello}"},
		})
	attack(t, r, rec, cases)
}

func TestHostileChunks(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	var cases []hostile
	for name, body := range map[string]string{
		"sign": "+5\r\nhello\r\n0\r\n\r\n", "minus": "-5\r\nhello\r\n0\r\n\r\n", "leading space": " 5\r\nhello\r\n0\r\n\r\n",
		"space and a digit": "5 5\r\nhello\r\n0\r\n\r\n", "endless space": "5" + strings.Repeat(" ", 300) + "\r\nhello\r\n0\r\n\r\n", "0x": "0x5\r\nhello\r\n0\r\n\r\n", "17 digits": "00000000000000005\r\nhello\r\n0\r\n\r\n",
		"overflow": "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "negative as 64 bits": "8000000000000000\r\nhello\r\n0\r\n\r\n", "empty size": "\r\nhello\r\n0\r\n\r\n",
		"no hexadecimal": "g\r\nhello\r\n0\r\n\r\n", "full-width digit": "\xef\xbc\x95\r\nhello\r\n0\r\n\r\n", "LF alone": "5\nhello\r\n0\r\n\r\n", "CR alone": "5\rhello\r\n0\r\n\r\n",
		"no CRLF behind the data": "5\r\nhello0\r\n\r\n", "LF behind the data": "5\r\nhello\n0\r\n\r\n", "CR behind the data": "5\r\nhello\r0\r\n\r\n",
		"data longer than the size": "3\r\nhello\r\n0\r\n\r\n", "LF in an extension": "5;a\nb\r\nhello\r\n0\r\n\r\n", "CR in an extension": "5;a\rb\r\nhello\r\n0\r\n\r\n",
		"NUL in an extension": "5;\x00\r\nhello\r\n0\r\n\r\n", "endless extension": "5;" + strings.Repeat("x", 9000) + "\r\nhello\r\n0\r\n\r\n",
		"many long extensions": strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\ny\r\n", 60) + "0\r\n\r\n", "LF ends the last chunk": "5\r\nhello\r\n0\n\r\n",
		"LF ends the trailers": "5\r\nhello\r\n0\r\n\n", "CR and something ends the trailers": "5\r\nhello\r\n0\r\n\rX",
		"bare LF in a trailer": "5\r\nhello\r\n0\r\nX: y\n\r\n", "space in a trailer name": "5\r\nhello\r\n0\r\nX Y: z\r\n\r\n", "folded trailer": "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
		"endless trailers": "5\r\nhello\r\n0\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n",
	} {
		cases = append(cases, hostile{name: name, send: post("Transfer-Encoding: chunked\r\n", body), want: []string{"400 client_bad_body close"}})
	}
	for name, body := range map[string]string{ // bad white space (RFC 9112 section 7.1.1) is borne, and not passed on
		"space behind": "5 \r\nhello\r\n0 \r\n\r\n", "tab behind": "5\t\r\nhello\r\n0\t\r\n\r\n", "space before an extension": "5 \t;x=1\r\nhello\r\n0 ;y\r\n\r\n",
	} {
		cases = append(cases, hostile{
			name: name, send: post("Transfer-Encoding: chunked\r\n", body), want: []string{"200 POST /"},
			seen: []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hello}"},
		})
	}
	for name, body := range map[string]string{
		"end inside a size": "5", "end inside data": "5\r\nhel", "end behind data": "5\r\nhello", "end before the last chunk": "5\r\nhello\r\n",
		"end inside the last chunk": "5\r\nhello\r\n0\r\n", "end inside trailers": "5\r\nhello\r\n0\r\nX: y\r\n", "size larger than the data": "6\r\nhello",
		"end inside an extension": "5;x", "nothing at all": "",
	} {
		cases = append(cases, hostile{name: name, send: post("Transfer-Encoding: chunked\r\n", body), want: []string{"400 client_gone close"}, stop: true})
	}
	cases = append(cases, hostile{
		name: "extensions are dropped", send: post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nhel\r\n2;c=\"d\"\r\nlo\r\n0;e\r\n\r\n"),
		want: []string{"200 POST /"}, seen: []string{"POST / HTTP/1.1\r\nHost: t\r\n+\r\nTransfer-Encoding: chunked\r\n\r\n{hello}"},
	})
	attack(t, r, rec, cases)
}

func TestHostileLines(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	get := func(lines string) string { return "GET / HTTP/1.1\r\nHost: t\r\n" + lines }
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
	var cases []hostile
	cases = append(cases, refusedAs("400 bad_line_end", [][2]string{
		{"bare LF behind the request line", "GET / HTTP/1.1\nHost: t\r\n\r\n"},
		{"bare LF everywhere", "GET / HTTP/1.1\nHost: t\n\n"},
		{"bare LF behind a field", get("X: y\nZ: 1\r\n\r\n")},
		{"bare LF ends the header", get("X: y\r\n\n" + smuggled)},
		{"bare CR in a value", get("X: y\rZ: 1\r\n\r\n")},
		{"CR CR LF", get("X: y\r\r\n\r\n")},
		{"bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: t\r\n\r\n"},
		{"bare CR before the empty line", get("\r\r\n\r\n")},
		{"CR and something ends the header", get("\rX: y\r\n\r\n")},
		{"a line of one CR first", "\rGET / HTTP/1.1\r\nHost: t\r\n\r\n"},
	})...)
	cases = append(cases, refusedAs("400 bad_request_line", [][2]string{
		{"bare LF first", "\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"},
		{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n"},
	})...)
	cases = append(cases, refusedAs("400 bad_field_value", [][2]string{
		{"NUL in a value", get("X: y\x00z\r\n\r\n")},
		{"escape in a value", get("X: \x1b[2J\r\n\r\n")},
		{"DEL in a value", get("X: y\x7f\r\n\r\n")},
		{"backspace in Host", "GET / HTTP/1.1\r\nHost: t\b\r\n\r\n"},
	})...)
	cases = append(cases, refusedAs("400 bad_field_name", [][2]string{
		{"space before the colon", get("X : y\r\n\r\n")},
		{"space in a name", get("X Y: z\r\n\r\n")},
		{"tab in a name", get("X\tY: z\r\n\r\n")},
		{"high byte in a name", get("X\xe9: y\r\n\r\n")},
		{"NUL in a name", get("X\x00: y\r\n\r\n")},
		{"bracket in a name", get("X[]: y\r\n\r\n")},
		{"slash in a name", get("X/Y: z\r\n\r\n")},
		{"quote in a name", get("\"X\": y\r\n\r\n")},
		{"empty name", get(": y\r\n\r\n")},
		{"no colon", get("X\r\n\r\n")},
		{"a request as a field", get("GET /smuggled HTTP/1.1\r\n\r\n")},
		{"control byte in a name", get("X\x01: y\r\n\r\n")},
	})...)
	cases = append(cases, refusedAs("400 folded_field", [][2]string{
		{"folded", get("X: y\r\n z\r\n\r\n")},
		{"folded with a tab", get("X: y\r\n\tz\r\n\r\n")},
		{"white space first", "GET / HTTP/1.1\r\n Host: t\r\nHost: t\r\n\r\n"},
		{"white space alone", get(" \r\n\r\n")},
		{"white space for an empty line", get("\t\r\n" + smuggled)},
	})...)
	cases = append(cases,
		hostile{
			name: "one empty line first", send: "\r\n" + get("\r\n"), want: []string{"200 GET /"},
			seen: []string{"GET / HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
		},
		hostile{
			name: "high bytes, tabs and odd names pass unchanged", send: get("X:\xe9\xff\ty \r\n!#$%&'*+-.^_`|~1: \t z\t\r\nX:\r\n\r\n"),
			want: []string{"200 GET /"},
			seen: []string{"GET / HTTP/1.1\r\nHost: t\r\nX:\xe9\xff\ty \r\n!#$%&'*+-.^_`|~1: \t z\t\r\nX:\r\n+\r\n\r\n"},
		})
	attack(t, r, rec, cases)
}

func TestHostileRequestLines(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	line := func(first string) string { return first + "\r\nHost: t\r\n\r\n" }
	name := strings.Repeat("M", 33)
	var cases []hostile
	cases = append(cases, refusedAs("400 bad_request_line", [][2]string{
		{"no version", line("GET /")},
		{"HTTP/0.9 as it was", "GET /\r\n"},
		{"method alone", line("GET")},
		{"method and space", line("GET ")},
		{"lower-case version", line("GET / http/1.1")},
		{"another protocol", line("GET / ICAP/1.0")},
		{"two digits", line("GET / HTTP/1.10")},
		{"no minor version", line("GET / HTTP/1")},
		{"comma in the version", line("GET / HTTP/1,1")},
		{"word behind", line("GET / HTTP/1.1 x")},
		{"space behind", line("GET / HTTP/1.1 ")},
		{"three words before", line("GET / x HTTP/1.1")},
		{"two spaces", line("GET  / HTTP/1.1")},
		{"two spaces behind", line("GET /  HTTP/1.1")},
		{"no target", line("GET  HTTP/1.1")},
		{"space in the target", line("GET /a b HTTP/1.1")},
		{"tab before the version", line("GET /\tHTTP/1.1")},
		{"NUL behind the version", line("GET / HTTP/1.1\x00")},
	})...)
	cases = append(cases, refusedAs("505 unsupported_version", [][2]string{
		{"HTTP/0.9", line("GET / HTTP/0.9")},
		{"HTTP/1.2", line("GET / HTTP/1.2")},
		{"HTTP/2.0", line("GET / HTTP/2.0")},
		{"HTTP/3.0", line("GET / HTTP/3.0")},
		{"HTTP/9.9", line("GET / HTTP/9.9")},
		{"HTTP/0.0", line("GET / HTTP/0.0")},
	})...)
	cases = append(cases, refusedAs("400 bad_method", [][2]string{
		{"tabs", line("GET\t/\tHTTP/1.1")},
		{"no method", line(" / HTTP/1.1")},
		{"method with a separator", line("GE(T / HTTP/1.1")},
		{"method with a high byte", line("G\xcbT / HTTP/1.1")},
		{"NUL in the method", line("GE\x00T / HTTP/1.1")},
		{"33 bytes", line(name + " / HTTP/1.1")},
		{"endless method", strings.Repeat("M", 5000)},
		{"a PROXY header of version 2", "\x00\r\nQUIT\n"},
		{"JSON", "{\"a\":1}\r\n\r\n"},
		{"vertical tab first", "\v" + line("GET / HTTP/1.1")},
	})...)
	cases = append(cases, refusedAs("400 bad_target", [][2]string{
		{"control byte", line("GET /\x01 HTTP/1.1")},
		{"DEL", line("GET /\x7f HTTP/1.1")},
		{"NUL", line("GET /\x00 HTTP/1.1")},
		{"tab", line("GET /a\tb HTTP/1.1")},
		{"fragment", line("GET /a#b HTTP/1.1")},
		{"fragment in the query", line("GET /?a#b HTTP/1.1")},
		{"no slash", line("GET a HTTP/1.1")},
		{"authority", line("GET t:80 HTTP/1.1")},
		{"question mark alone", line("GET ? HTTP/1.1")},
		{"asterisk for another method", line("GET * HTTP/1.1")},
	})...)
	cases = append(cases, refusedAs("400 tls_on_plain_port", [][2]string{
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xaa", 500)},
	})...)
	cases = append(cases, refusedAs("400 http2_preface", [][2]string{{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"}})...)
	cases = append(cases, refusedAs("414 target_too_long", [][2]string{{"target of 16 KiB", line("GET /" + strings.Repeat("a", 16<<10) + " HTTP/1.1")}})...)
	cases = append(cases, refusedAs("405 connect_not_allowed", [][2]string{{"CONNECT", line("CONNECT t:443 HTTP/1.1")}, {"connect", line("connect t:443 HTTP/1.1")}})...)
	cases = append(cases, hostile{
		name: "32 bytes of method", send: line(name[1:] + " /?q HTTP/1.1"), want: []string{"200 " + name[1:] + " /?q"},
		seen: []string{name[1:] + " /?q HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
	})
	attack(t, r, rec, cases)
}
