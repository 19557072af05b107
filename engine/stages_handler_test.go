package engine

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/middleware"
)

// handle registers a middleware for tests; its options are nobody's.
func handle(name string, m func(next fasthttp.RequestHandler) fasthttp.RequestHandler) {
	middleware.RegisterHandler(name, func(map[string]any) (func(fasthttp.RequestHandler) fasthttp.RequestHandler, error) { return m, nil })
}

// registerHandlers is called by TestMain: handlers are known before a configuration is.
func registerHandlers() {
	handle("t_pass", func(next fasthttp.RequestHandler) fasthttp.RequestHandler { return next })
	handle("t_change", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			ctx.Request.Header.Set("X-Added", "by handler")
			ctx.Request.Header.Del("X-Gone")
			ctx.Request.SetRequestURI("/changed?a=1")
			next(ctx)
			ctx.Response.Header.Set("X-Backend", "seen "+string(ctx.Response.Header.Peek("X-Backend")))
			ctx.SetStatusCode(201)
		}
	})
	handle("t_answer", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			ctx.Error("refused "+string(ctx.Method())+" "+ctx.RemoteIP().String(), 402)
			ctx.Response.Header.Set("X-Own", "1")
		}
	})
	handle("t_body", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			if len(ctx.PostBody()) > 0 {
				ctx.Request.SetBody(bytes.ToUpper(ctx.PostBody()))
			}
			next(ctx)
			ctx.Response.SetBody(append(ctx.Response.Body(), " and more"...))
		}
	})
	handle("t_stream", func(fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("text/event-stream")
			ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
				for i := range 3 {
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					_ = w.Flush()
				}
			})
		}
	})
	handle("t_compress", fasthttp.CompressHandler)
	handle("t_panic", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			next(ctx)
			if ctx.QueryArgs().Has("after") {
				panic(errors.New("a bug of a handler"))
			}
		}
	})
	handle("t_twice", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) { next(ctx); next(ctx) }
	})
	handle("t_timeout", func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return fasthttp.TimeoutHandler(next, 50*time.Millisecond, "too late")
	})
	middleware.RegisterHandler("t_options", func(o map[string]any) (func(fasthttp.RequestHandler) fasthttp.RequestHandler, error) {
		realm, ok := o["realm"].(string)
		if !ok {
			return nil, errors.New("realm is missing")
		}
		return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
			return func(ctx *fasthttp.RequestCtx) { next(ctx); ctx.Response.Header.Set("X-Realm", realm) }
		}, nil
	})
}

func TestHandlersOfFasthttp(t *testing.T) {
	slow := make(chan struct{})
	t.Cleanup(func() { close(slow) })
	at := backend(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			select {
			case <-slow:
			case <-q.Context().Done():
			}
			return
		}
		body, _ := io.ReadAll(q.Body)
		w.Header().Set("X-Backend", "yes")
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprintf(w, "%s %s %q %q [%s]", q.Method, q.RequestURI, q.Header.Get("X-Added"), q.Header.Get("X-Gone"), body)
		if q.URL.Path == "/long" {
			_, _ = io.WriteString(w, strings.Repeat("0123456789abcdef", 1<<16))
		}
	})
	run := func(t *testing.T, stages, order string) *rig {
		t.Helper()
		return start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: `+order+`}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
`+indent(stages, 2), at)
	}
	const out = "out: {type: headers, response: {set: {X-Out: \"{status}\"}}}\n"
	for _, tc := range []struct {
		name, handler, request, body string
		status                       int
		want                         string // of the content
		fields                       string // of the answer
	}{
		{"nothing", "{type: t_pass}", "GET /x|X-Gone: no", "", 200, `GET /x "" "no" []`, "X-Backend: yes"},
		{"nothing, with content", "{type: t_pass}", "POST /x", "hello", 200, `POST /x "" "" [hello]`, "X-Backend: yes"},
		{"changes", "{type: t_change}", "POST /x|X-Gone: no", "hello", 201, `POST /changed?a=1 "by handler" "" [hello]`, "X-Backend: seen yes"},
		{"answers", "{type: t_answer}", "GET /x", "", 402, "refused GET 127.0.0.1", "X-Own: 1"},
		{"answers, with content", "{type: t_answer}", "POST /x", "hello", 402, "refused POST 127.0.0.1", "X-Own: 1"},
		{"contents", "{type: t_body}", "POST /x", "hello", 200, `POST /x "" "" [HELLO] and more`, "X-Backend: yes"},
		{"a stream of its own", "{type: t_stream}", "GET /x", "", 200, "data: 0\n\ndata: 1\n\ndata: 2\n\n", "Content-Type: text/event-stream"},
		{"bug behind the answer", "{type: t_panic}", "GET /x?after", "", 500, "", "X-Isame-Error: internal_error"},
		{"next twice", "{type: t_twice}", "GET /x", "", 500, "", "X-Isame-Error: internal_error"},
		{"in time", "{type: t_timeout}", "GET /x", "", 200, `GET /x "" "" []`, ""},
		{"not in time", "{type: t_timeout}", "GET /slow", "", 408, "too late", ""},
		{"options", "{type: t_options, options: {realm: here}}", "GET /x", "", 200, `GET /x "" "" []`, "X-Realm: here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := run(t, out+"h: "+tc.handler, "[out, h]")
			c := r.dial()
			for range 2 {
				request, lines := cutAsked(tc.request)
				text := request + " HTTP/1.1\r\nHost: t\r\n" + strings.Join(append(lines, ""), "\r\n")
				if tc.body != "" {
					text += fmt.Sprintf("Content-Length: %d\r\n", len(tc.body))
				}
				c.send(text + "\r\n" + tc.body)
				a := c.receive(strings.Fields(request)[0])
				name, value, _ := strings.Cut(tc.fields, ": ")
				if a.StatusCode != tc.status || tc.want != "" && a.body != tc.want || a.Header.Get(name) != value || a.Header.Get("X-Out") != strconv.Itoa(tc.status) {
					t.Fatalf("got %d %v %q; want %+v", a.StatusCode, a.Header, a.body, tc)
				}
				if a.Close {
					c = r.dial()
				}
			}
			eventually(t, func() string { return "nothing in flight" }, func() bool { return r.engine.Pools()[0].Backends[0].InFlight == 0 })
		})
	}
	t.Run("compresses a stream", func(t *testing.T) {
		r := run(t, out+"h: {type: t_compress}", "[out, h]")
		resp, body := r.ask("GET", "/long", "Accept-Encoding: gzip")
		if resp.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("got %v; want gzip", resp.Header)
		}
		z, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || len(text) != 1<<20+len(`GET /long "" "" []`) {
			t.Errorf("got %d bytes, %v; want all of it", len(text), err)
		}
	})
	t.Run("a handler in a handler", func(t *testing.T) {
		r := run(t, out+"h: {type: t_change}\ni: {type: t_body}", "[out, h, i]")
		resp, body := r.ask("GET", "/x")
		if resp.StatusCode != 201 || body != `GET /changed?a=1 "by handler" "" [] and more` || resp.Header.Get("X-Out") != "201" {
			t.Errorf("got %d %v %q; want both", resp.StatusCode, resp.Header, body)
		}
	})
	t.Run("an answer of the proxy", func(t *testing.T) {
		r := run(t, out+"h: {type: t_body}\nno: {type: deny, status: 403, body: no}", "[out, h, no]")
		resp, body := r.ask("GET", "/x")
		if resp.StatusCode != 403 || body != "no and more" || resp.Header.Get("X-Isame-Error") != "denied" {
			t.Errorf("got %d %v %q; want what deny said, and more", resp.StatusCode, resp.Header, body)
		}
	})
}

// TestHandlersAskEachClientForItsContent: what one exchange has held says nothing of the
// next one, whose client waits to be asked.
func TestHandlersAskEachClientForItsContent(t *testing.T) {
	r := staged(t, "h: {type: t_body}\n", "middleware: [h]")
	c := r.dial()
	for range 3 {
		c.send("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		if a := c.receive("POST"); a.StatusCode != 100 {
			t.Fatalf("got %d; want 100", a.StatusCode)
		}
		c.send("abc")
		if a := c.receive("POST"); a.StatusCode != 200 {
			t.Fatalf("got %d; want 200", a.StatusCode)
		}
	}
}

// A handler may pass the content on through a goroutine of its own, which reads it while
// the client leaves.
func TestClientLeavesAHandlersOwnStream(t *testing.T) {
	gone := make(chan struct{}, 1)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [h]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {h: {type: t_compress}}
`, backend(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		line := []byte(strings.Repeat("0123456789abcdef", 1<<10))
		for q.Context().Err() == nil {
			if _, err := w.Write(line); err != nil {
				break
			}
			_ = http.NewResponseController(w).Flush()
		}
		gone <- struct{}{}
	}))
	for range 5 {
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n")
		if _, err := io.CopyN(io.Discard, c.r, 4<<10); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			t.Fatal("the backend has not noticed that the client left")
		}
		eventually(t, func() string { return "nothing in flight" }, func() bool { return r.engine.Pools()[0].Backends[0].InFlight == 0 })
	}
}
