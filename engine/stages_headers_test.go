package engine

import (
	"net/http"
	"strings"
	"testing"
)

func cutAsked(text string) (target string, lines []string) {
	parts := strings.Split(text, "|")
	return parts[0], parts[1:]
}

func TestHeadersOfRequests(t *testing.T) {
	for _, tc := range []struct {
		name, keys, request string
		want, unwanted      []string // lines a backend sees
	}{
		{
			"set", `set: {X-A: "{method} {path} {query} {uri} {host} {client_ip}"}`, "/p%2F?q=1|X-A: old|x-a: older",
			[]string{"X-A: GET /p%2F q=1 /p%2F?q=1 127.0.0.1 127.0.0.1\r"},
			[]string{"old"},
		},
		{"set of itself", `set: {X-A: "{header.X-A}, new"}`, "/|X-A: old", []string{"X-A: old, new\r"}, []string{"X-A: old\r"}},
		{"set to nothing removes", `set: {X-A: "{header.X-B}"}`, "/|X-A: old", nil, []string{"X-A"}},
		{"add", `add: {X-A: new}`, "/|X-A: old", []string{"X-A: old\r", "X-A: new\r"}, nil},
		{"default", `default: {X-A: new, X-B: new}`, "/|X-A: old", []string{"X-A: old\r", "X-B: new\r"}, []string{"X-A: new"}},
		{"remove", `remove: [X-A, "X-SSL-*"]`, "/|X-A: 1|x-ssl-cert: 1|X-SSL-Key: 2|X-S: 3", []string{"X-S: 3\r"}, []string{"X-A", "Ssl"}},
		{
			"replace", `replace: [{name: Cookie, regex: "debug=([^;]*)", with: "d=${1}$$"}]`, "/|Cookie: a=1; debug=x; debug=y",
			[]string{"Cookie: a=1; d=x$; d=y$\r"},
			nil,
		},
		{
			"replace of a value with a variable", `replace: [{name: X-A, regex: "^", with: "{host}/"}]`, "/|X-A: $1|X-A: 2",
			[]string{"X-A: 127.0.0.1/$1\r", "X-A: 127.0.0.1/2\r"},
			nil,
		},
		{
			"set wins over what is ours", `set: {X-Forwarded-For: "{client_ip}", X-Forwarded-Proto: https, X-Forwarded-Host: h, X-Request-Id: me, Via: none}`, "/",
			[]string{"X-Forwarded-For: 127.0.0.1\r", "X-Forwarded-Proto: https\r", "X-Forwarded-Host: h\r", "X-Request-Id: me\r", "Via: none\r"},
			[]string{"isame", "X-Forwarded-Proto: http\r"},
		},
		{"remove wins over what is ours", `remove: [X-Forwarded-For, Via, "X-Request-Id"]`, "/", nil, []string{"X-Forwarded-For", "Via", "X-Request-Id"}},
		{"Host", `set: {Host: other.test}`, "/", []string{" other.test\n", "X-Forwarded-Host: 127.0.0.1"}, nil},
		{"Host that is none", `set: {Host: "{query.q}"}`, "/?q=a/b", []string{" 127.0.0.1"}, nil},
		{"default of Host", `default: {Host: other.test}`, "/", []string{" 127.0.0.1"}, []string{"other.test\n"}},
		{"replace of Host", `replace: [{name: Host, regex: "^127", with: "a"}]`, "/", []string{" a.0.0.1"}, []string{"400 Bad Request"}},
		{"what the proxy writes itself", `set: {Connection: upgrade, Upgrade: "{header.X-A}"}`, "/|X-A: websocket", nil, []string{"Connection", "Upgrade"}},
		{"forwarded", `forwarded: [port, real_ip]`, "/|X-Real-Ip: 6.6.6.6", []string{"X-Forwarded-Port: ", "X-Real-Ip: 127.0.0.1\r"}, []string{"6.6.6.6"}},
		{"escape", `set: {X-A: "{query.q|escape}"}`, "/?q=a/b%20c", []string{"X-A: a%2Fb%2520c\r"}, nil},
		{"cookie and parameter", `set: {X-A: "{cookie.c} {query.q} {{x}"}`, "/?q=1|Cookie: b=2; c=3", []string{"X-A: 3 1 {x}\r"}, nil},
		{
			"a peer that is not trusted says nothing of itself", `set: {X-A: "{header.X-Forwarded-Proto}{scheme}"}`, "/|X-Forwarded-Proto: https",
			[]string{"X-A: http\r"},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "h: {type: headers, request: {"+tc.keys+"}}", "middleware: [h]")
			target, lines := cutAsked(tc.request)
			_, body := r.ask("GET", target, lines...)
			for _, line := range tc.want {
				if !strings.Contains(body, line) {
					t.Errorf("the backend sees\n%s; want %q", body, line)
				}
			}
			for _, text := range tc.unwanted {
				if strings.Contains(body, text) {
					t.Errorf("the backend sees\n%s; want no %q", body, text)
				}
			}
		})
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, keys, target, want string
	}{
		{"set", `response: {set: {X-Backend: "{status} {backend}"}}`, "/", "X-Backend: 200 {{backend}}\r\n"},
		{"add", `response: {add: {X-Backend: too}}`, "/", "X-Backend: yes\r\nX-Backend: too\r\n"},
		{"default", `response: {default: {X-Backend: no, X-New: "{response.header.X-Backend}"}}`, "/", "X-Backend: yes\r\nX-New: yes\r\n"},
		{"remove", `response: {remove: ["X-*"]}`, "/", ""},
		{"replace", `response: {replace: [{name: X-Backend, regex: "^y(.*)", with: "Y$1"}]}`, "/", "X-Backend: Yes\r\n"},
		{"when_status", `response: {set: {X-Backend: x}}, when_status: [400-499]`, "/", "X-Backend: yes\r\n"},
		{"an answer of the proxy", `response: {set: {X-New: "{status}"}, remove: [X-Isame-Error]}, when_status: [400-499]`, "/no", "X-New: 403\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "h: {type: headers, "+tc.keys+"}\nno: {type: deny, when: {path: /no}}", "middleware: [h, no]")
			resp, _ := r.ask("GET", tc.target)
			var got strings.Builder
			for _, name := range []string{"X-Backend", "X-New", "X-Isame-Error"} {
				for _, value := range resp.Header.Values(name) {
					got.WriteString(name + ": " + value + "\r\n")
				}
			}
			if want := strings.ReplaceAll(tc.want, "{{backend}}", r.engine.Pools()[0].Backends[0].Address); got.String() != want {
				t.Errorf("got %q; want %q", got.String(), want)
			}
		})
	}
}

func TestDeny(t *testing.T) {
	r := staged(t, `
words: {type: deny, status: 404, body: gone, content_type: text/x-gone, when: {path: /words}}
file: {type: deny, file: testdata/denied.html, when: {path: /file}}
close: {type: deny, close: true, when: {path: /close}}
slow: {type: deny, tarpit: 50ms, when: {path: /slow}}
`, "middleware: [words, file, close, slow]")
	for _, tc := range []struct{ target, contentType, body, cause string }{
		{"/words", "text/x-gone", "gone", "denied"},
		{"/file", "text/html; charset=utf-8", "<p>denied</p>\n", "denied"},
		{"/slow", "application/problem+json", "", "denied"},
	} {
		resp, body := r.ask("GET", tc.target)
		if resp.Header.Get("Content-Type") != tc.contentType || tc.body != "" && body != tc.body || resp.Header.Get("X-Isame-Error") != tc.cause {
			t.Errorf("%s: got %v %q; want %+v", tc.target, resp.Header, body, tc)
		}
	}
	resp, err := http.Get("http://" + r.address + "/close")
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("/close: got %d; want no answer", resp.StatusCode)
	}
}

// TestFramingStays: a name that stands for many takes no length away, of which one message
// would end in another.
func TestFramingStays(t *testing.T) {
	c := staged(t, `h: {type: headers, request: {remove: ["Content-*", "H*"]}, response: {remove: ["C*", "T*"]}}`, "middleware: [h]").dial()
	const hidden = "GET /hidden HTTP/1.1\r\n\r\n"
	for range 2 {
		c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 24\r\nContent-Language: x\r\n\r\n" + hidden)
		answer := c.receive("POST")
		if !strings.Contains(answer.body, "POST / t\n") || !strings.Contains(answer.body, "Content-Length: 24\r") || strings.Contains(answer.body, "Language") {
			t.Errorf("the backend sees\n%s; want a length, and no language", answer.body)
		}
		if answer.ContentLength != int64(len(answer.body)) || answer.Header.Get("Content-Type") != "" {
			t.Errorf("got %v; want a length alone", answer.Header)
		}
	}
}
