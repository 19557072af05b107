package engine

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// request2 is a case of one header block.
func request2(name, want string, seen []string, fields ...string) hostile2 {
	code := http2.ErrCodeNo
	if want == malformed2 {
		code = http2.ErrCodeProtocol
	}
	return hostile2{name: name, want: want, seen: seen, code: code, send: func(c *h2conn) uint32 { return c.open(true, fields...) }}
}

const malformed2 = "reset PROTOCOL_ERROR"

// badFields is a header block, or field section, that must not become a request.
type badFields struct {
	name   string
	want   string // an answer; empty is malformed
	open   bool   // something would follow it
	fields []string
}

// None of these becomes a request, or could be read as another one.
func TestHTTP2MalformedRequests(t *testing.T) {
	var cases []hostile2
	for _, b := range malformedRequests() {
		c := request2(b.name, b.want, nil, b.fields...)
		if b.want == "" {
			c = request2(b.name, malformed2, nil, b.fields...)
		}
		if b.open {
			c.send = func(c *h2conn) uint32 { return c.open(false, b.fields...) }
		}
		cases = append(cases, c)
	}
	rec := record(t)
	attack2(t, start(t, h2cListener, rec.address), rec, cases)
}

// malformedRequests are the same for HTTP/2 and HTTP/3.
func malformedRequests() (cases []badFields) {
	get := func(more ...string) []string { return to("GET", "/", more...) }
	without := func(name string) (all []string) {
		for i, whole := 0, get(); i < len(whole); i += 2 {
			if whole[i] != name {
				all = append(all, whole[i], whole[i+1])
			}
		}
		return all
	}
	with := func(name, value string) []string { return append([]string{name, value}, without(name)...) }
	bad := func(name string, fields ...string) { cases = append(cases, badFields{name: name, fields: fields}) }
	answered := func(name, want string, fields ...string) {
		cases = append(cases, badFields{name: name, want: want, fields: fields})
	}

	bad("no field at all")
	for _, name := range []string{":method", ":scheme", ":path"} {
		bad("no "+name, without(name)...)
		bad("an empty "+name, with(name, "")...)
	}
	for _, name := range []string{":method", ":scheme", ":path", ":authority"} {
		bad(name+" twice", append(get()[:8:8], name, "GET")...)
		for _, value := range []string{"/a b", "/a\r\nX: y", "/a\n", "/a\x00", "/a\tb", " /a", "/a ", "/a\x7f"} {
			bad(name+" of "+value, with(name, value)...)
		}
	}
	bad("an empty :authority", with(":authority", "")...)
	bad("a pseudo field that is unknown", with(":unknown", "x")...)
	bad("one of answers", with(":status", "200")...)
	bad("one without a name", with(":", "x")...)
	bad("one in capitals", with(":Path", "/")...)
	bad("one behind the others", append(without(":path"), "x", "y", ":path", "/")...)
	bad("CONNECT with a path", with(":method", "CONNECT")...)
	bad("a protocol without CONNECT", with(":protocol", "websocket")...)
	bad("a scheme that is no web", with(":scheme", "ftp")...)
	bad("an absolute path", with(":path", "http://other/")...)
	bad("a path without a slash", with(":path", "a")...)
	bad("a query alone", with(":path", "?a")...)
	bad("an asterisk for GET", with(":path", "*")...)

	for _, name := range []string{"", "X", "x y", "x:", "x\r\ny", "x\x00", "x\t", "\xff", "x\x7f", "x(y", "transfer encoding"} {
		bad("a name: "+name, get(name, "v")...)
	}
	for _, value := range []string{"a\r\nx: y", "a\rb", "a\nb", "a\x00b", "\x01", "a\x7fb", " a", "a ", "\ta", "a\t"} {
		bad("a value: "+value, get("x", value)...)
		bad("of a cookie: "+value, get("cookie", value)...)
	}
	for _, field := range [][2]string{
		{"connection", "close"},
		{"connection", "x"},
		{"keep-alive", "timeout=5"},
		{"proxy-connection", "keep-alive"},
		{"transfer-encoding", "chunked"},
		{"transfer-encoding", "identity"},
		{"upgrade", "h2c"},
		{"te", "gzip"},
		{"te", "trailers, gzip"},
		{"te", ""},
		{"te", "Trailers"},
	} {
		bad(field[0]+": "+field[1], get(field[0], field[1])...)
	}
	for _, value := range []string{"", "-1", "+5", "5 5", "5, 5", "0x5", "9223372036854775808", "99999999999999999999", "5_0", "٣"} {
		bad("a length of "+value, get("content-length", value)...)
	}
	bad("a length without content", get("content-length", "5")...)
	bad("two lengths", get("content-length", "0", "content-length", "0")...)
	bad("a host that differs", get("host", "other")...)
	bad("two hosts", append(without(":authority"), "host", "t", "host", "other")...)
	cases = append(cases, badFields{name: "an extended CONNECT with a length", open: true, fields: connectTo("/", "content-length", "5")})

	answered("no host", "400 missing_host", without(":authority")...)
	answered("a host of nothing", "400 bad_host", append(without(":authority"), "host", "")...)
	for _, host := range []string{"user@t", "user:password@t", "t/x", "t,u", "t:99999x", "[::1", "t\\x"} {
		answered("the authority "+host, "400 bad_host", with(":authority", host)...)
		answered("the host "+host, "400 bad_host", append(without(":authority"), "host", host)...)
	}
	answered("leading zeros of a length", "400 bad_content_length", get("content-length", "00")...)
	answered("a fragment", "400 bad_target", with(":path", "/a#b")...)
	answered("NUL in another spelling", "400 bad_path", with(":path", "/%00")...)
	answered("a method that is no token", "400 bad_method", with(":method", "GE(T")...)
	answered("a method that is long", "400 bad_method", with(":method", strings.Repeat("A", 40))...)
	answered("plain CONNECT", "405 connect_not_allowed", ":method", "CONNECT", ":authority", "t:443")
	answered("connect", "405 connect_not_allowed", with(":method", "connect")...)
	answered("TRACE", "405 method_not_allowed", with(":method", "TRACE")...)
	answered("an unknown expectation", "417 unknown_expectation", get("expect", "200-ok")...)
	return cases
}
