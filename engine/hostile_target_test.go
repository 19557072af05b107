package engine

import (
	"strings"
	"testing"
)

func TestHostileHosts(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	get := func(lines string) string { return "GET / HTTP/1.1\r\n" + lines + "\r\n" }
	var cases []hostile
	cases = append(cases, refusedAs("400 missing_host", [][2]string{
		{"missing", get("")}, {"missing, twin there", get("X-Host: t\r\nHost_: t\r\n")}, {"missing, forwarded there", get("X-Forwarded-Host: t\r\n")},
	})...)
	cases = append(cases, refusedAs("400 duplicate_host", [][2]string{
		{"twice", get("Host: t\r\nHost: t\r\n")},
		{"two", get("Host: t\r\nX: y\r\nhOST: u\r\n")},
		{"one empty", get("Host:\r\nHost: t\r\n")},
		{"twice in HTTP/1.0", "GET / HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n"},
		{"twice beside an absolute target", "GET http://t/ HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n"},
	})...)
	for name, host := range map[string]string{
		"empty": "", "list": "t, u", "list without space": "t,u", "user": "user@t", "user and password": "user:pass@t", "path": "t/x", "query": "t?x",
		"fragment": "t#x", "space": "t u", "tab": "t\tu", "backslash": `t\u`, "port 0": "t:0", "port too large": "t:65536",
		"no number": "t:http", "signed port": "t:+80", "port with zeros": "t:080", "two ports": "t:80:80", "port alone": ":80", "percent": "t%2eu", "high byte": "t\xe9",
		"scheme": "http://t", "empty label": "a..b", "dot": ".", "brackets open": "[::1", "no address in brackets": "[t]", "zone": "[fe80::1%eth0]",
		"IPv6 without brackets": "::1", "bytes behind brackets": "[::1]x", "quote": `"t"`, "less than": "<t>", "pipe": "t|u", "asterisk": "*",
		"too long": strings.Repeat("a", 256), "parenthesis": "t(u)",
	} {
		cases = append(cases, hostile{name: name, send: get("Host: " + host + "\r\n"), want: []string{"400 bad_host close"}})
	}
	cases = append(cases, refusedAs("400 bad_field_value", [][2]string{
		{"NUL", get("Host: t\x00u\r\n")}, {"vertical tab", get("Host: \vt\r\n")}, {"bell", get("Host: t\a\r\n")},
	})...)
	for _, host := range []string{"t", "T.Example", "t:8080", "t:", "[::1]:", "10.0.0.1", "[::1]", "[::1]:80", "a_b.example", "xn--bcher-kva.example", "t."} {
		cases = append(cases, hostile{
			name: "good " + host, send: get("Host: \t" + host + "\t\r\n"), want: []string{"200 GET /"},
			seen: []string{"GET / HTTP/1.1\r\nHost: " + host + "\r\n+\r\n\r\n"},
		})
	}
	attack(t, r, rec, cases)
}

func TestHostileTargetForms(t *testing.T) {
	rec := record(t)
	r := start(t, plain, rec.address)
	line := func(first string) string { return first + " HTTP/1.1\r\nHost: other\r\n\r\n" }
	seen := func(first, host string) []string {
		return []string{first + " HTTP/1.1\r\nHost: " + host + "\r\n+\r\n\r\n"}
	}
	var cases []hostile
	cases = append(cases, refusedAs("400 bad_host", [][2]string{
		{"user", line("GET http://user@t/")},
		{"user and password", line("GET http://user:pass@t/x")},
		{"empty user", line("GET http://@t/")},
		{"no authority", line("GET http:///x")},
		{"query for an authority", line("GET http://?x")},
		{"bad port", line("GET http://t:99999/")},
		{"list", line("GET http://t,u/")},
		{"backslash", line(`GET http://t\@u/`)},
		{"percent", line("GET http://t%00/")},
		{"bad Host beside it", "GET http://t/ HTTP/1.1\r\nHost: u@v\r\n\r\n"},
	})...)
	cases = append(cases, refusedAs("400 bad_target", [][2]string{
		{"ftp", line("GET ftp://t/")},
		{"file", line("GET file:///etc/passwd")},
		{"javascript", line("GET javascript:alert(1)")},
		{"one slash", line("GET http:/t/")},
		{"no scheme", line("GET ://t/")},
		{"scheme alone", line("GET http://")},
		{"no slash", line("GET x/y")},
		{"asterisk and path", line("OPTIONS */x")},
		{"asterisk", line("GET *")},
		{"gopher", line("GET gopher://t/x")},
		{"ws", line("GET ws://t/")},
	})...)
	cases = append(cases, refusedAs("400 missing_host", [][2]string{{"absolute without Host", "GET http://t/ HTTP/1.1\r\n\r\n"}})...)
	cases = append(cases, refusedAs("405 connect_not_allowed", [][2]string{
		{"CONNECT to an authority", line("CONNECT t:443")}, {"CONNECT to a path", line("CONNECT /")}, {"CONNECT absolute", line("CONNECT http://t/")},
	})...)
	cases = append(cases,
		hostile{name: "absolute replaces Host", send: line("GET http://t:81/x?y"), want: []string{"200 GET /x?y"}, seen: seen("GET /x?y", "t:81")},
		hostile{name: "absolute with an empty port", send: line("GET http://t:/x"), want: []string{"200 GET /x"}, seen: seen("GET /x", "t:")},
		hostile{name: "absolute in capitals", send: line("GET HTTP://T/x"), want: []string{"200 GET /x"}, seen: seen("GET /x", "T")},
		hostile{name: "absolute https", send: line("GET https://t/x"), want: []string{"200 GET /x"}, seen: seen("GET /x", "t")},
		hostile{name: "absolute without path", send: line("GET http://t"), want: []string{"200 GET /"}, seen: seen("GET /", "t")},
		hostile{name: "absolute with query alone", send: line("GET http://t?q"), want: []string{"200 GET /?q"}, seen: seen("GET /?q", "t")},
		hostile{name: "a URL as path", send: line("GET /http://u:p@t/"), want: []string{"200 GET /http://u:p@t/"}, seen: seen("GET /http://u:p@t/", "other")},
		hostile{name: "TRACE", send: line("TRACE /"), want: []string{"405 method_not_allowed"}},
		hostile{name: "TRACE absolute", send: line("TRACE http://t/"), want: []string{"405 method_not_allowed"}},
		hostile{name: "OPTIONS *", send: line("OPTIONS *"), want: []string{"204"}},
		hostile{name: "OPTIONS of an authority", send: line("OPTIONS http://t"), want: []string{"204"}},
		hostile{name: "OPTIONS of a path", send: line("OPTIONS /"), want: []string{"200 OPTIONS /"}, seen: seen("OPTIONS /", "other")})
	attack(t, r, rec, cases)
}

// guarded answers everything below /admin itself; a backend never sees it.
const guarded = `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  all: {pool: p}
  admin: {path_prefix: /admin, respond: {status: 403, body: guarded}}
  exact: {path: /secret, respond: {status: 403, body: guarded}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
shutdown: {drain: 5s}
`

// A guarded route has one meaning under every spelling, and what the routes
// matched is what the backend gets.
func TestGuardedPathsHaveNoOtherSpelling(t *testing.T) {
	rec := record(t)
	r := start(t, guarded, rec.address)
	var cases []hostile
	for _, path := range []string{
		"/admin", "/admin/", "/admin/x", "//admin", "///admin//x", "/./admin", "/x/../admin", "/x//../admin", "/x/y/../../admin", "/../admin",
		"/../../../admin", "/admin/.", "/admin/..//admin", "/x/%2e%2e/admin", "/x/%2E%2e/admin", "/x/.%2e/admin", "/x/%2e./admin", "/%2e/admin",
		"/%61dmin", "/%61%64%6d%69%6e", "/adm%69n/x", "/admin?x", "/admin/%2e%2e/admin", "/admin/%2F", "/secret", "//secret", "/x/../secret", "/%73ecret",
		"/./secret", "/secret?x", "/secret?/../x",
	} {
		cases = append(cases, hostile{name: path, send: "GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n", want: []string{"403 guarded"}},
			hostile{name: "absolute " + path, send: "GET http://t" + path + " HTTP/1.1\r\nHost: t\r\n\r\n", want: []string{"403 guarded"}})
	}
	for _, path := range []string{
		`/x\..\admin`, `/\admin`, "/x/..%2fadmin", "/x/..%2Fadmin", "/x/..%5cadmin", "/x/%2e%2e%2fadmin", "/x/..;/admin", "/x/..;a=b/admin", "/.;/admin",
		"/x/%2e%2e;/admin", "/admin%00", "/admin%00.png", "/x%0d%0aadmin", "/%7f/admin", "/x/%c0%ae%c0%ae/admin", "/%c0%afadmin", "/x/%c0%2e/admin",
		"/%e0%80%afadmin", "/%f0%80%80%afadmin", "/\xc0\xafadmin", "/x/\xc0\xae\xc0\xae/admin", "/%", "/%a", "/%zz", "/%u002e/admin", "/x%2f..%2fadmin",
		"/x/%2f../admin", "/%5c../admin",
	} {
		cases = append(cases, hostile{name: "bad " + path, send: "GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n", want: []string{"400 bad_path close"}})
	}
	// %2F and %5C separate nothing, parameters are part of their segment, and
	// what is encoded twice is decoded once: CONTRACT section 4.
	for path, forwarded := range map[string]string{
		"/admin%2Fx": "/admin%2Fx", "/%2fadmin": "/%2fadmin", "/admin%5Cx": "/admin%5Cx", "/%252e%252e/admin": "/%252e%252e/admin", "/x/%252fadmin": "/x/%252fadmin",
		"/adminx": "/adminx", "/ADMIN": "/ADMIN", "/secret/": "/secret/", "/x/admin": "/x/admin", "/x?/../admin": "/x?/../admin", "/x?%2e%2e%00": "/x?%2e%2e%00",
		"/admin/../x": "/x", "/admin/%2e%2e/x?y=/../z": "/x?y=/../z", "/x/./y/../%7Ez": "/x/%7Ez", "//x//y": "//x//y", "/x;y/z": "/x;y/z", "/%C3%A9/\xc3\xa9": "/%C3%A9/\xc3\xa9",
		"/x/..": "/", "/x/y/.": "/x/y/", "/...": "/...", "/x/..y": "/x/..y", "/": "/", "/?": "/?",
	} {
		cases = append(cases, hostile{
			name: "free " + path, send: "GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n", want: []string{"200 GET " + forwarded},
			seen: []string{"GET " + forwarded + " HTTP/1.1\r\nHost: t\r\n+\r\n\r\n"},
		})
	}
	attack(t, r, rec, cases)
}
