package engine

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// firstLine is the request line that mirrorBackend has seen: target and host.
func firstLine(body string) (target, host string) {
	line, _, _ := strings.Cut(body, "\n")
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return line, ""
	}
	return fields[1], fields[2]
}

// TestRewrite: strip_prefix, add_prefix, regex with what stands in its place, and host. A path
// that is left alone stays octet for octet; the one that is compared is normalised.
func TestRewrite(t *testing.T) {
	for _, tc := range []struct{ name, keys, asked, want string }{
		{"prefix", `strip_prefix: /api`, "/api/x?y=1", "/x?y=1"},
		{"what follows stays octet for octet", `strip_prefix: /api`, "/api/a%2Fb%3Ac//d;e=%20/%e4?", "/a%2Fb%3Ac//d;e=%20/%e4?"},
		{"a lone ?", `strip_prefix: /api`, "/api?", "/?"},
		{"an escaped ?", `strip_prefix: /api`, "/api/%3Fx", "/%3Fx"},
		{"nothing left", `strip_prefix: /api`, "/api", "/"},
		{"a slash left", `strip_prefix: /api`, "/api/", "/"},
		{"slashes left", `strip_prefix: /api`, "/api//x", "//x"},
		{"whole segments", `strip_prefix: /api`, "/apix", "/apix"},
		{"whole segments, escaped", `strip_prefix: /api`, "/api%78", "/api%78"},
		{"an encoded slash begins no segment", `strip_prefix: /api`, "/api%2Fx", "/api%2Fx"},
		{"parameters are part of a segment", `strip_prefix: /api`, "/api;v=1/x", "/api;v=1/x"},
		{"below alone", `strip_prefix: /api/`, "/api", "/api"},
		{"below", `strip_prefix: /api/`, "/api/x", "/x"},
		{"other spellings", `strip_prefix: /api/v1`, "//%61pi///v%31/x%2f", "/x%2f"},
		{"upper case is another path", `strip_prefix: /api`, "/API/x", "/API/x"},
		{"dot segments are resolved before", `strip_prefix: /api`, "/x/../api/./y//z", "/y//z"},
		{"an escaped prefix", `strip_prefix: "/a%20b%2fc"`, "/a%20b%2Fc/x", "/x"},
		{"beyond ASCII", `strip_prefix: "/ä"`, "/%C3%A4/x", "/x"},
		{"the root", `strip_prefix: /`, "/api/x", "/api/x"},
		{"add", `add_prefix: /v1`, "/x%2F?q", "/v1/x%2F?q"},
		{"add with a slash", `add_prefix: /v1/`, "/x", "/v1/x"},
		{"add with variables", `add_prefix: "/{host}/{header.X-A}"`, "/x", "/test/a%20b%3F/x"},
		{"add that would lead out", `add_prefix: "/{query.d}"`, "/x?d=..%2f", "400"},
		{"add that would lead out, decoded", `add_prefix: "/a/{header.X-Dots}"`, "/x", "400"},
		{"strip and add", `strip_prefix: /api, add_prefix: /v1`, "/api//x", "/v1//x"},
		{"regex", `regex: "^/user/([0-9]+)$", with: "/users/$1/profile"`, "/user/7?q=1", "/users/7/profile?q=1"},
		{"regex, no match", `regex: "^/user/([0-9]+)$", with: "/users/$1/profile"`, "/user/x%2f", "/user/x%2f"},
		{"regex matches the whole path", `regex: "er/([0-9]+)", with: "/${1}"`, "/user/7/x", "/7"},
		{"regex sees the normalised path", `regex: "^/user/(.*)$", with: "/u/$1"`, "//us%65r///a%2fb//c%3B", "/u/a%2fb//c%3B"},
		{"regex with a query", `regex: "^/q/(.*)$", with: "/s?word=$1"`, "/q/a%26b?x", "/s?word=a%26b"},
		{"regex with a ? at the end", `regex: "^/q", with: "/s?"`, "/q?x", "/s"},
		{"regex with variables", `regex: "^/t/(.*)", with: "/{host}/$1?{query}"`, "/t/a?b", "/test/a?b"},
		{"regex that would lead out", `regex: "^/f/(.*)", with: "/data/{query.f}"`, "/f/?f=../../etc", "400"},
		{"regex that would lead out, escaped", `regex: "^/f/(.*)", with: "/data/{query.f}"`, "/f/?f=%2e%2e/x", "400"},
		{"regex that leads nowhere", `regex: "^/f/(.*)", with: "$1"`, "/f/x", "400"},
		{"regex, groups that make dots", `regex: "^/f/(.)(.)(.*)", with: "/$1$2"`, "/f/..x", "400"},
		{"regex, a field that a target cannot hold", `regex: "^/f", with: "/{header.X-A}x"`, "/f", "/a%20b?x"},
		{"host", `host: app.internal`, "/x", "/x app.internal"},
		{"host by variable", `host: "{query.h}.internal"`, "/x?h=a", "/x?h=a a.internal"},
		{"host that is none", `host: "{query.h}"`, "/x?h=a/b", "/x?h=a/b test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := staged(t, "w: {type: rewrite, "+tc.keys+"}", "middleware: [w]").dial()
			c.send("GET " + tc.asked + " HTTP/1.1\r\nHost: test\r\nX-A: a b?\r\nX-Dots: ../../etc\r\n\r\n")
			answer := c.receive("GET")
			target, host := firstLine(answer.body)
			got := target
			if strings.Contains(tc.want, " ") {
				got += " " + host
			}
			if answer.StatusCode == 400 && answer.Header.Get("X-Isame-Error") == "bad_path" {
				got = "400"
			}
			if got != tc.want {
				t.Errorf("got %d %q; want %q", answer.StatusCode, got, tc.want)
			}
		})
	}
}

func TestRewritesFollowOneAnother(t *testing.T) {
	r := staged(t, `
one: {type: rewrite, strip_prefix: /a}
two: {type: rewrite, regex: "^/b/(.*)", with: "/b/c/$1?q=$1"}
three: {type: rewrite, strip_prefix: /b}
four: {type: rewrite, add_prefix: /d}
`, "middleware: [one, two, three, four]")
	_, body := r.ask("GET", "/a/b/%2561?x")
	if target, _ := firstLine(body); target != "/d/c/%2561?q=%2561" || !strings.Contains(body, "X-Forwarded-Prefix: /a/b\r") {
		t.Errorf("got\n%s; want /d/c/%%2561?q=%%2561 and the prefix /a/b", body)
	}
}

func TestRewriteTellsThePrefix(t *testing.T) {
	const trusting = `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes: {all: {pool: p, middleware: [w]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {w: {type: rewrite, strip_prefix: "/a%20b"}}
`
	for _, tc := range []struct{ name, sent, want string }{
		{"alone", "", "/a%20b"},
		{"behind that of a trusted peer", "X-Forwarded-Prefix: /outer/\r\n", "/outer/a%20b"},
		{"behind a list", "X-Forwarded-Prefix: /x, /y\r\n", "/x, /y, /a%20b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := start(t, trusting, mirrorBackend(t)).dial()
			c.send("GET /a%20b/x HTTP/1.1\r\nHost: t\r\n" + tc.sent + "\r\n")
			if body := c.receive("GET").body; !strings.Contains(body, "X-Forwarded-Prefix: "+tc.want+"\r") {
				t.Errorf("got\n%s; want %s", body, tc.want)
			}
		})
	}
	c := staged(t, "w: {type: rewrite, strip_prefix: /a}", "middleware: [w]").dial()
	c.send("GET /b HTTP/1.1\r\nHost: t\r\nX-Forwarded-Prefix: /evil\r\n\r\n")
	if body := c.receive("GET").body; strings.Contains(body, "X-Forwarded-Prefix") {
		t.Errorf("got\n%s; want no prefix where none was taken off", body)
	}
	c = staged(t, "h: {type: headers, request: {set: {X-Forwarded-Prefix: /mine}}}\nw: {type: rewrite, strip_prefix: /a}", "middleware: [h, w]").dial()
	if body := c.get("/a").body; !strings.Contains(body, "X-Forwarded-Prefix: /mine\r") {
		t.Errorf("got\n%s; want what is set", body)
	}
}

func TestRewriteOfUpgrades(t *testing.T) {
	seen := make(chan string, 1)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [w]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {w: {type: rewrite, strip_prefix: /chat}}
`, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		if q := readHead(in); q != nil {
			seen <- q.RequestURI
			_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
			echoBack(c, in)
		}
	}))
	c := r.dial()
	c.send(strings.Replace(upgradeRequest, "/chat", "/chat/a%2F//b?", 1))
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v; want 101", resp, err)
	}
	if got := <-seen; got != "/a%2F//b?" {
		t.Errorf("the backend sees %q; want /a%%2F//b?", got)
	}
	c.stop()
}

// TestRewriteOfAnswers: with answers the prefix comes back in Location, Refresh and the Path of
// cookies.
func TestRewriteOfAnswers(t *testing.T) {
	for _, tc := range []struct{ name, keys, field, want string }{
		{"path", "strip_prefix: /a", "Location: /x?y#z", "/a/x?y#z"},
		{"root", "strip_prefix: /a", "Location: /", "/a/"},
		{"this host", "strip_prefix: /a", "Location: http://Test/x", "http://Test/a/x"},
		{"this host alone", "strip_prefix: /a", "Location: https://test?x", "https://test/a?x"},
		{"this host without a scheme", "strip_prefix: /a", "Location: //test/x", "//test/a/x"},
		{"another host", "strip_prefix: /a", "Location: http://other/x", "http://other/x"},
		{"another host without a scheme", "strip_prefix: /a", "Location: //other/x", "//other/x"},
		{"another port", "strip_prefix: /a", "Location: http://test:8080/x", "http://test:8080/x"},
		{"a longer host", "strip_prefix: /a", "Location: http://test.evil/x", "http://test.evil/x"},
		{"a user", "strip_prefix: /a", "Location: http://test@evil/x", "http://test@evil/x"},
		{"relative", "strip_prefix: /a", "Location: x", "x"},
		{"another scheme", "strip_prefix: /a", "Location: mailto:/x", "mailto:/x"},
		{"what was added goes", "strip_prefix: /a, add_prefix: /v1", "Location: /v1/x", "/a/x"},
		{"what was added alone", "strip_prefix: /a, add_prefix: /v1", "Location: /v1?x", "/a?x"},
		{"what was added by a variable", `strip_prefix: /a, add_prefix: "/{host}"`, "Location: /test/x", "/a/x"},
		{"not below what was added", "strip_prefix: /a, add_prefix: /v1", "Location: /v10/x", "/v10/x"},
		{"Refresh", "strip_prefix: /a", "Refresh: 5; URL=/x", "5; URL=/a/x"},
		{"Refresh in quotes", "strip_prefix: /a", "Refresh: 5;url = '/x'", "5;url = '/a/x'"},
		{"Refresh elsewhere", "strip_prefix: /a", "Refresh: 5; url=https://other/x", "5; url=https://other/x"},
		{"Refresh of itself", "strip_prefix: /a", "Refresh: 5", "5"},
		{"cookie", "strip_prefix: /a", "Set-Cookie: c=1; path=/x/; HttpOnly", "c=1; HttpOnly; Path=/a/x"},
		{"cookie of all", "strip_prefix: /a", "Set-Cookie: c=1; Path=/", "c=1; Path=/a"},
		{"cookie without a path", "strip_prefix: /a", "Set-Cookie: c=1; Secure", "c=1; Secure"},
		{"cookie of the host", "strip_prefix: /a", "Set-Cookie: __Host-c=1; Path=/; Secure", "__Host-c=1; Path=/; Secure"},
		{"cookie, what was added", "strip_prefix: /a, add_prefix: /v1", "Set-Cookie: c=1; Path=/v1", "c=1; Path=/a"},
		{"cookies", "strip_prefix: /a", "Set-Cookie: c=1; Path=/\r\nSet-Cookie: d=2\r\nSet-Cookie: e=3; Path=/e", "c=1; Path=/a|d=2|e=3; Path=/a/e"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [w]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {w: {type: rewrite, answers: true, `+tc.keys+`}}
`, scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
				for readHead(in) != nil {
					_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\n"+tc.field+"\r\nContent-Length: 0\r\n\r\n")
				}
			}))
			c := r.dial()
			name, was, _ := strings.Cut(tc.field, ": ")
			if got := strings.Join(c.get("/a/x").Header.Values(name), "|"); got != tc.want {
				t.Errorf("got %q; want %q", got, tc.want)
			}
			was = strings.ReplaceAll(was, "\r\nSet-Cookie: ", "|")
			if got := strings.Join(c.get("/other").Header.Values(name), "|"); got != was {
				t.Errorf("not below the prefix: got %q; want %q", got, was)
			}
		})
	}
}

// TestRewriteLeavesAnswersOfTheProxy: they speak of the paths of clients already.
func TestRewriteLeavesAnswersOfTheProxy(t *testing.T) {
	c := staged(t, `
w: {type: rewrite, strip_prefix: /a, answers: true}
r: {type: redirect, to: "{path}/"}
`, "middleware: [w, r]").dial()
	if answer := c.get("/a/x"); answer.Header.Get("Location") != "/a/x/" {
		t.Errorf("got %q; want /a/x/", answer.Header.Get("Location"))
	}
}
