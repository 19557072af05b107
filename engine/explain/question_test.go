package explain

import (
	"errors"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/pool/wire"
)

func TestHeads(t *testing.T) {
	for _, c := range []struct {
		name   string
		q      Question
		secure bool
		want   string // lines with | between, or what is wrong
	}{
		{"absolute", Question{URL: "http://a.test/x?y=1"}, false, "GET /x?y=1 HTTP/1.1|Host: a.test"},
		{"with a port", Question{URL: "https://a.test:8443"}, true, "GET / HTTP/1.1|Host: a.test:8443"},
		{"host alone", Question{URL: "a.test", Method: "PUT"}, false, "PUT / HTTP/1.1|Host: a.test"},
		{"query alone", Question{URL: "a.test?x"}, false, "GET /?x HTTP/1.1|Host: a.test"},
		{"path", Question{URL: "/x//y/../z", Fields: []Field{{"host", "b.test"}}}, false, "GET /x//y/../z HTTP/1.1|host: b.test"},
		{"another Host", Question{URL: "http://a.test/", Fields: []Field{{"Host", "b.test"}}}, false, "GET / HTTP/1.1|Host: b.test"},
		{"no fragment", Question{URL: "http://a.test/x#y"}, false, "GET /x HTTP/1.1|Host: a.test"},
		{"octet for octet", Question{URL: "http://a.test/%41 b"}, false, "GET /%41 b HTTP/1.1|Host: a.test"},
		{"asterisk", Question{URL: "*", Method: "OPTIONS", Fields: []Field{{"Host", "a.test"}}}, false, "OPTIONS * HTTP/1.1|Host: a.test"},
		{"fields in order", Question{URL: "a.test/", Fields: []Field{{"B", "1"}, {"A", "2"}, {"B", "3"}}}, false, "GET / HTTP/1.1|Host: a.test|B: 1|A: 2|B: 3"},
		{
			"WebSocket",
			Question{URL: "ws://a.test/s", Protocol: WebSocket, Fields: []Field{{"upgrade", "other"}}},
			false,
			"GET /s HTTP/1.1|Host: a.test|upgrade: other|Connection: Upgrade|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
		},
		{
			"HTTP/2",
			Question{URL: "https://a.test/x", Protocol: HTTP2, Fields: []Field{{"X-A", "1"}, {"Cookie", "a=1"}, {"Cookie", "b=2"}}},
			true,
			"GET /x HTTP/1.1|Host: a.test|x-a: 1|Cookie: a=1; b=2",
		},
		{"gRPC", Question{URL: "https://a.test/s/M", Protocol: GRPC}, true, "POST /s/M HTTP/1.1|Host: a.test|content-type: application/grpc|te: trailers"},
		{"HTTP/3 has no Connection", Question{URL: "https://a.test/", Protocol: HTTP3, Fields: []Field{{"Connection", "close"}}}, true, `!field "Connection"`},
		{"HTTP/2 has no spaces in paths", Question{URL: "https://a.test/a b", Protocol: HTTP2}, true, "!no stream can begin"},
		{"no host", Question{URL: "/x"}, false, "!names no host"},
		{"nothing", Question{}, false, "!no URL"},
		{"empty host", Question{URL: "http:///x"}, false, "!names no host"},
		{"other scheme", Question{URL: "ftp://a.test"}, false, `!scheme "ftp"`},
		{"user", Question{URL: "http://u:p@a.test"}, false, "!has a user"},
		{"line break in a value", Question{URL: "a.test", Fields: []Field{{"A", "1\r\nB: 2"}}}, false, "!line break"},
		{"line break in a path", Question{URL: "a.test/\r\n"}, false, "!line break"},
		{"colon in a name", Question{URL: "a.test", Fields: []Field{{"A:", "1"}}}, false, "!a colon"},
		{"other protocol", Question{URL: "a.test", Protocol: "spdy"}, false, `!protocol "spdy"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			head, err := headOf(&c.q, c.secure)
			if message, fails := strings.CutPrefix(c.want, "!"); fails {
				if !errors.Is(err, ErrQuestion) || !strings.Contains(err.Error(), message) {
					t.Fatalf("got %q, %v; want an error with %q", head, err, message)
				}
				return
			}
			if want := strings.ReplaceAll(c.want, "|", "\r\n") + "\r\n\r\n"; err != nil || head != want {
				t.Errorf("got %q, %v; want %q", head, err, want)
			}
		})
	}
}

func headOf(q *Question, secure bool) (string, error) {
	to, err := q.Target()
	if err != nil {
		return "", err
	}
	head, err := q.Head(&to, secure)
	return string(head), err
}

func TestHostOfQuestions(t *testing.T) {
	for url, want := range map[string]string{
		"http://a.test:80/": "a.test", "a.test./": "a.test", "http://[::1]:80/": "[::1]", "http://[::1]/": "[::1]",
	} {
		q := Question{URL: url}
		to, err := q.Target()
		if err != nil || q.Host(&to) != want {
			t.Errorf("%s: got %q, %v; want %q", url, q.Host(&to), err, want)
		}
	}
}

// FuzzHead: whatever is asked about, what the parser gets is one request, with no field and
// no line that was not asked for.
func FuzzHead(f *testing.F) {
	f.Add("GET", "http://a.test/x", "X-A", "1", "")
	f.Add("", "a.test?\x00", "Host", "b", "h2")
	f.Add("P OST", "/a b", ":path", "/x", "h3")
	f.Add("POST", "https://a.test/s", "te", "trailers", "grpc")
	f.Fuzz(func(t *testing.T, method, url, name, value, protocol string) {
		q := Question{Method: method, URL: url, Fields: []Field{{name, value}}, Protocol: protocol}
		text, err := headOf(&q, true)
		if err != nil {
			if !errors.Is(err, ErrQuestion) {
				t.Fatalf("got %v; want an error about the question", err)
			}
			return
		}
		if n := strings.Count(text, "\r\n\r\n"); n != 1 || !strings.HasSuffix(text, "\r\n\r\n") {
			t.Fatalf("%q ends %d times", text, n)
		}
		var head wire.RequestHead
		n, err := head.Parse([]byte(text), &wire.Limits{HeadBytes: 1 << 20})
		if err == nil && n != len(text) {
			t.Errorf("%q is read as %d bytes of %d", text, n, len(text))
		}
	})
}
