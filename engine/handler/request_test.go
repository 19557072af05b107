package handler

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// around makes middleware of what is done before next and after it; each may be nil.
func around(before, after fasthttp.RequestHandler) Middleware {
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if before != nil {
				before(ctx)
			}
			next(ctx)
			if after != nil {
				after(ctx)
			}
		}
	}
}

// looksAtAll asks for everything that fasthttp parses or renders late.
func looksAtAll(ctx *fasthttp.RequestCtx) {
	_ = ctx.Path()
	_ = ctx.URI().FullURI()
	_ = ctx.QueryArgs().Peek("page")
	_ = ctx.PostArgs()
	_ = ctx.Request.Header.Cookie("session")
	_ = ctx.Request.Header.Peek("cookie")
	_ = ctx.Request.Header.PeekAll("x-two")
	_ = ctx.Request.Header.ContentType()
	_ = ctx.Request.Header.Header()
	_ = ctx.Request.RequestURI()
	_ = ctx.Request.Host()
	_ = ctx.String()
	for range ctx.Request.Header.All() {
		continue
	}
}

// passed fails the test when the exchange does not pass, and returns what Next was told.
func (b *bare) passed(t *testing.T, s *Stage, r *Request) *Change {
	t.Helper()
	c := s.Acquire()
	c.Show(r)
	if got := c.Run(b); got != Passed {
		t.Errorf("got verdict %v (%v); want %v", got, c.Err(), Passed)
	}
	c.Release()
	return &b.change
}

func passing(tb testing.TB) *bare {
	tb.Helper()
	return &bare{answer: parsedAnswer(tb, answerText)}
}

func TestHandlerSeesTheRequest(t *testing.T) {
	const text = "POST /a%20b/c?x=1&y=%26 HTTP/1.0\r\nhost: WWW.example.com:81\r\nuser-agent: curl\r\ncontent-type: text/x\r\n" +
		"content-length: 5\r\nX-tWo: a\r\nx-two: b\r\nCookie: k=v; l=w\r\nConnection: keep-alive\r\nx-gone: 1\r\nx-empty:\r\n\r\n"
	r := parsedRequest(t, text)
	for i := range r.Head.Fields {
		f := &r.Head.Fields[i]
		f.Drop = f.Drop || string(r.Head.Name(f)) == "x-gone"
	}
	r.Added = []byte("X-Added: yes\r\n")
	r.Stream, r.Length = strings.NewReader("hello"), 5
	got := map[string]string{}
	s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) {
		h := &ctx.Request.Header
		got["method"] = string(ctx.Method())
		got["path"] = string(ctx.Path())
		got["uri"] = string(ctx.RequestURI())
		got["y"] = string(ctx.QueryArgs().Peek("y"))
		got["host"] = string(ctx.Host())
		got["agent"] = string(ctx.UserAgent())
		got["type"] = string(h.ContentType())
		got["length"] = strconv.Itoa(h.ContentLength())
		got["two"] = string(bytes.Join(h.PeekAll("X-Two"), []byte("+")))
		got["cookie"] = string(h.Cookie("l"))
		got["gone"] = string(h.Peek("X-Gone"))
		got["added"] = string(h.Peek("x-added"))
		got["remote"] = ctx.RemoteAddr().String() + " " + ctx.RemoteIP().String()
		got["local"] = ctx.LocalAddr().String()
		got["tls"] = fmt.Sprint(ctx.IsTLS(), ctx.TLSConnectionState() == nil)
		got["11"] = strconv.FormatBool(h.IsHTTP11())
		got["body"] = string(ctx.PostBody())
	}, nil))
	passing(t).passed(t, s, r)
	for name, want := range map[string]string{
		"method": "POST", "path": "/a b/c", "uri": "/a%20b/c?x=1&y=%26", "y": "&", "host": "www.example.com:81", "agent": "curl",
		"type": "text/x", "length": "5", "two": "a+b", "cookie": "w", "gone": "", "added": "yes",
		"remote": "192.0.2.7:4711 192.0.2.7", "local": "192.0.2.1:80", "tls": "false true", "11": "false", "body": "hello",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q; want %q", name, got[name], want)
		}
	}
}

// What looks like a URL in a path is none: rules of handlers look at the path that the
// backend gets.
// Each field has its own name, also one of those that share an identity.
func TestFieldsKeepTheirNames(t *testing.T) {
	fields := "X-Forwarded-User: alice\r\nX-Forwarded-Client-Cert: none\r\nIf-Match: \"a\"\r\nIf-None-Match: \"b\"\r\nClient-Cert: :YQ==:\r\nX-Any: x\r\n"
	want := "X-Forwarded-User=alice X-Forwarded-Client-Cert=none If-Match=\"a\" If-None-Match=\"b\" Client-Cert=:YQ==: X-Any=x"
	var asked, answered []string
	s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) {
		for name, value := range ctx.Request.Header.All() {
			if string(name) != fasthttp.HeaderHost {
				asked = append(asked, string(name)+"="+string(value))
			}
		}
	}, func(ctx *fasthttp.RequestCtx) {
		for name, value := range ctx.Response.Header.All() {
			if strings.Contains(want, string(name)+"=") {
				answered = append(answered, string(name)+"="+string(value))
			}
		}
	}))
	x := &bare{answer: parsedAnswer(t, "HTTP/1.1 200 OK\r\n"+fields+"\r\n")}
	x.passed(t, s, parsedRequest(t, "GET / HTTP/1.1\r\nHost: a.test\r\n"+fields+"\r\n"))
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked: got %s; want %s", got, want)
	}
	if got := strings.Join(answered, " "); got != want {
		t.Errorf("answered: got %s; want %s", got, want)
	}
}

func TestPathsThatLookLikeURLs(t *testing.T) {
	for _, text := range []string{
		"GET //a://other.example/x?q HTTP/1.1\r\nHost: example.com\r\n\r\n", "GET /a://other.example/x?q HTTP/1.0\r\n\r\n",
		"GET ///a://other.example/x?q HTTP/1.0\r\n\r\n",
	} {
		var path, host string
		s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) { path, host = string(ctx.Path()), string(ctx.Host()) }, nil))
		if ch := passing(t).passed(t, s, parsedRequest(t, text)); !untouched(ch) {
			t.Errorf("%q: got change %+v; want none", text, *ch)
		}
		if path != "/a:/other.example/x" || host == "other.example" {
			t.Errorf("%q: the handler sees path %q of host %q", text, path, host)
		}
	}
}

type secured struct{}

func (secured) TLSState() tls.ConnectionState {
	return tls.ConnectionState{Version: tls.VersionTLS13, ServerName: "www.example.com"}
}

func TestHandlerSeesTLS(t *testing.T) {
	r := parsedRequest(t, askText)
	r.TLS, r.HTTPS = secured{}, true
	var got string
	s := mustStage(t, around(func(ctx *fasthttp.RequestCtx) {
		got = fmt.Sprint(ctx.IsTLS(), " ", ctx.TLSConnectionState().ServerName, " ", string(ctx.URI().FullURI()))
	}, nil))
	if ch := passing(t).passed(t, s, r); ch.Path != nil || ch.Query != nil || ch.Host != nil {
		t.Errorf("got change %+v; want none", ch)
	}
	if want := "true www.example.com https://www.example.com/api/v1/items?page=2&sort=asc"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// What a handler has not changed goes on octet for octet, however it has looked at it.
func TestUntouchedRequestsAreToldApart(t *testing.T) {
	for _, c := range []struct{ name, line, fields string }{
		{"plain", "GET / HTTP/1.1", ""},
		{"encoded", "GET /a%2Fb/%3A//c/./d;e=f?q=%7e+x&&=y HTTP/1.1", ""},
		{"a scheme in the path", "GET //a://other.example/x HTTP/1.1", ""},
		{"lone question mark", "GET /a? HTTP/1.1", ""},
		{"two question marks", "GET /a?b?c HTTP/1.1", ""},
		{"asterisk", "OPTIONS * HTTP/1.1", ""},
		{"absolute", "GET http://other.example/x?y HTTP/1.1", ""},
		{"names in odd case", "GET / HTTP/1.1", "x-LOWER: 1\r\nUSER-AGENT: x\r\nx_under-score: 2\r\n"},
		{"twice", "GET / HTTP/1.1", "X-Two: a\r\nX-Two: b\r\nAccept: c\r\nX-Two: a\r\n"},
		{"odd cookies", "GET / HTTP/1.1", "Cookie: a=b;c;; d=\"e f\" ;=g\r\n"},
		{"cookies in several lines", "GET / HTTP/1.1", "Cookie: a=b\r\nX: 1\r\nCookie: c=d;e=f\r\n"},
		{"empty values", "GET / HTTP/1.1", "X-Empty:\r\nUser-Agent:\r\nContent-Type:\r\nCookie:\r\n"},
		{"two of what fasthttp keeps one of", "GET / HTTP/1.1", "User-Agent: a\r\nUser-Agent: b\r\n"},
		{"close", "GET / HTTP/1.1", "Connection: close\r\n"},
		{"obs-text", "GET /\xe9?\xff HTTP/1.1", "X-Latin: \xe9\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parsedRequest(t, c.line+"\r\nHost: Example.COM:8080\r\n"+c.fields+"\r\n")
			s := mustStage(t, around(looksAtAll, looksAtAll))
			if ch := passing(t).passed(t, s, r); !untouched(ch) {
				t.Errorf("got change %q; want none", fmt.Sprintf("%+v", *ch))
			}
			if ch := passing(t).passed(t, mustStage(t, nothing), r); !untouched(ch) {
				t.Errorf("without a look: got change %q; want none", fmt.Sprintf("%+v", *ch))
			}
		})
	}
}

func untouched(ch *Change) bool {
	return ch.Method == nil && ch.Path == nil && ch.Query == nil && !ch.NoQuery && ch.Host == nil && !ch.Fields && ch.Kind == BodyKept
}

func TestChangesOfTheRequest(t *testing.T) {
	const text = "GET /a%2Fb?x=1&y=2 HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nCookie: a=b\r\n\r\n"
	for _, c := range []struct {
		name   string
		change fasthttp.RequestHandler
		want   string // method, path, query, host, lines
	}{
		{"method", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.SetMethod("HEAD") }, "HEAD||||"},
		{"path", func(ctx *fasthttp.RequestCtx) { ctx.URI().SetPath("/c d") }, "|/c%20d|||"},
		{"query keeps the path", func(ctx *fasthttp.RequestCtx) { ctx.QueryArgs().Set("x", "3") }, "||x=3&y=2||"},
		{"no query", func(ctx *fasthttp.RequestCtx) { ctx.URI().SetQueryString("") }, "||none||"},
		{"target", func(ctx *fasthttp.RequestCtx) { ctx.Request.SetRequestURI("/n%2Fm?z") }, "|/n%2Fm|z||"},
		{"target in the head", func(ctx *fasthttp.RequestCtx) { _ = ctx.Path(); ctx.Request.Header.SetRequestURI("/n%2Fm") }, "|/n%2Fm|none||"},
		{"absolute target", func(ctx *fasthttp.RequestCtx) { ctx.Request.SetRequestURI("http://other.example/o") }, "|/o|none|other.example|"},
		{"host", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.SetHost("Other.example") }, "|||Other.example|"},
		{"host of the URI", func(ctx *fasthttp.RequestCtx) { ctx.Request.SetHost("other.example") }, "|||other.example|"},
		{"set", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Set("x-one", "2") }, "||||Cookie: a=b/X-One: 2/"},
		{"add", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Add("X-Two", "2") }, "||||Cookie: a=b/X-One: 1/X-Two: 2/"},
		{"remove", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Del("X-One") }, "||||Cookie: a=b/"},
		{"cookie", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.SetCookie("a", "c") }, "||||Cookie: a=c/X-One: 1/"},
		{"no cookie", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.DelAllCookies() }, "||||X-One: 1/"},
		{"user agent", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.SetUserAgent("u") }, "||||User-Agent: u/Cookie: a=b/X-One: 1/"},
		{"a line in a value", func(ctx *fasthttp.RequestCtx) { ctx.Request.Header.Set("X-One", "2\r\nX-Evil: 3") }, "||||Cookie: a=b/X-One: 2  X-Evil: 3/"},
		{"framing is ours", func(ctx *fasthttp.RequestCtx) {
			ctx.Request.Header.Set("Transfer-Encoding", "chunked")
			ctx.Request.Header.Set("Connection", "close")
			ctx.Request.Header.Set("Keep-Alive", "1")
		}, "||||"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			x := &lines{bare: passing(t), got: &got}
			call := mustStage(t, around(c.change, nil)).Acquire()
			call.Show(parsedRequest(t, text))
			if v := call.Run(x); v != Passed {
				t.Errorf("got verdict %v (%v); want Passed", v, call.Err())
			}
			call.Release()
			if got != c.want {
				t.Errorf("got  %q;\nwant %q", got, c.want)
			}
		})
	}
}

// lines renders what was changed, as Next sees it.
type lines struct {
	*bare

	got *string
}

func (l *lines) Next(c *Call) {
	ch := c.Change()
	query := string(ch.Query)
	if ch.NoQuery {
		query = "none"
	}
	*l.got = fmt.Sprintf("%s|%s|%s|%s|", ch.Method, ch.Path, query, ch.Host)
	if ch.Fields {
		*l.got += strings.ReplaceAll(string(c.AppendRequestFields(nil)), "\r\n", "/")
	}
	l.bare.Next(c)
}

func TestContentOfTheRequest(t *testing.T) {
	const text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\n"
	for _, c := range []struct {
		name   string
		change fasthttp.RequestHandler
		kind   BodyKind
		want   string
		err    error
		held   bool // whether this holds for content in memory, too
	}{
		{"untouched", nil, BodyKept, "", nil, true},
		{"taken whole", func(ctx *fasthttp.RequestCtx) { _ = ctx.PostBody() }, BodyBytes, "a=b&c", nil, false},
		{"as a form", func(ctx *fasthttp.RequestCtx) { _ = ctx.FormValue("a") }, BodyBytes, "a=b&c", nil, false},
		{"replaced", func(ctx *fasthttp.RequestCtx) { ctx.Request.SetBodyString("new") }, BodyBytes, "new", nil, true},
		{"emptied", func(ctx *fasthttp.RequestCtx) { ctx.Request.ResetBody() }, BodyBytes, "", nil, true},
		{"another stream", func(ctx *fasthttp.RequestCtx) {
			ctx.Request.SetBodyStream(io.MultiReader(strings.NewReader("x"), strings.NewReader("")), -1)
		}, BodyStream, "x", nil, true},
		{"read and not replaced", func(ctx *fasthttp.RequestCtx) { _, _ = io.ReadAll(ctx.RequestBodyStream()) }, 0, "", ErrBodyTaken, false},
		{"read in part", func(ctx *fasthttp.RequestCtx) { _, _ = ctx.RequestBodyStream().Read(make([]byte, 1)) }, 0, "", ErrBodyTaken, false},
	} {
		for _, held := range []bool{false, true} {
			if held && !c.held {
				continue
			}
			t.Run(fmt.Sprintf("%s/held=%v", c.name, held), func(t *testing.T) {
				r := parsedRequest(t, text)
				if held {
					r.Body = []byte("a=b&c")
				} else {
					r.Stream, r.Length = strings.NewReader("a=b&c"), 5
				}
				x := &contents{bare: passing(t)}
				call := mustStage(t, around(c.change, nil)).Acquire()
				call.Show(r)
				call.Run(x)
				if !errors.Is(call.Err(), c.err) {
					t.Errorf("got error %v; want %v", call.Err(), c.err)
				}
				call.Release()
				if c.err == nil && (x.change.Kind != c.kind || x.got != c.want) {
					t.Errorf("got kind %v, %q; want %v, %q", x.change.Kind, x.got, c.kind, c.want)
				}
			})
		}
	}
}

// contents reads what is to be sent, while it is there.
type contents struct {
	*bare

	got string
}

func (x *contents) Next(c *Call) {
	switch ch := c.Change(); ch.Kind {
	case BodyBytes:
		x.got = string(ch.Body)
	case BodyStream:
		b, _ := io.ReadAll(ch.Stream)
		x.got = string(b)
	case BodyKept:
	}
	x.bare.Next(c)
}

func TestContentTooLargeForMemory(t *testing.T) {
	s, err := New(around(func(ctx *fasthttp.RequestCtx) { _ = ctx.PostBody() }, nil), Options{Name: "test", MemoryMax: 4})
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]error{4: nil, 5: ErrBodyTooLarge, 1 << 20: ErrBodyTooLarge} {
		r := parsedRequest(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		r.Stream, r.Length = strings.NewReader(strings.Repeat("x", size)), -1
		c := s.Acquire()
		c.Show(r)
		c.Run(passing(t))
		if !errors.Is(c.Err(), want) {
			t.Errorf("%d bytes: got %v; want %v", size, c.Err(), want)
		}
		c.Release()
	}
}
