package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/engine/inquiry"
)

// shadow is a backend that is sent copies, and what it was sent.
func newShadow(t testing.TB, answer http.HandlerFunc) *judge {
	t.Helper()
	if answer == nil {
		answer = yes
	}
	return newJudge(t, answer)
}

// mirrored is a proxy with a mirror of its only route.
func mirrored(t *testing.T, backend, shadow, keys string) *rig {
	t.Helper()
	return start(t, `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
routes: {all: {pool: p, mirror: {pool: shadow`+keys+`}}}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  shadow: {backends: [{address: "`+shadow+`"}]}
`, backend)
}

// mirrorCount is the number of copies that have come to an outcome.
func (r *rig) mirrorCount(outcome string) string {
	return r.sample(`isame_mirror_requests_total{route="all",outcome="` + outcome + `"}`)
}

func (r *rig) awaitMirror(outcome string, n int) {
	r.t.Helper()
	eventually(r.t, func() string { return fmt.Sprintf("%d copies %s; got %q", n, outcome, r.mirrorCount(outcome)) },
		func() bool { return r.mirrorCount(outcome) == strconv.Itoa(n) })
}

func TestMirror(t *testing.T) {
	s := newShadow(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "of the shadow", 500) })
	seen := make(chan string, 100)
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		var text strings.Builder
		fmt.Fprintf(&text, "%s %s %s %q\n", r.Method, r.RequestURI, r.Host, content)
		_ = r.Header.Write(&text)
		seen <- text.String()
		_, _ = io.WriteString(w, "of the backend")
	})
	r := mirrored(t, b, s.Listener.Addr().String(), ", percent: 100")
	c := r.dial()
	for i, request := range []string{
		"GET /a%2Fb?c HTTP/1.1\r\nHost: shop.test\r\nX-A: 1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody",
		"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n3\r\nmor\r\n0\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 40000\r\n\r\n" + strings.Repeat("x", 40_000),
		"PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n9c40\r\n" + strings.Repeat("x", 40_000) + "\r\n0\r\n\r\n",
	} {
		go c.send(request)
		if got := c.receive("GET"); got.StatusCode != 200 || got.body != "of the backend" {
			t.Errorf("request %d: got %d %q; want that of the backend", i, got.StatusCode, got.body)
		}
		want := <-seen
		r.awaitMirror("answered", i+1)
		if asked := s.questions(); asked[len(asked)-1] != want {
			t.Errorf("request %d: the copy is\n%s; want\n%s", i, asked[len(asked)-1], want)
		}
	}
	none := mirrored(t, b, s.Listener.Addr().String(), ", percent: 0")
	none.ask("GET", "/")
	some := mirrored(t, b, s.Listener.Addr().String(), ", percent: 50")
	for range 60 {
		some.ask("GET", "/")
	}
	eventually(t, func() string { return "idle pools" }, some.pausesAll)
	if n := len(s.questions()) - 5; n < 10 || n > 50 { // 30, within 5 deviations
		t.Errorf("%d of 60 are copied; want half", n)
	}
}

// pausesAll reports that nothing is in flight.
func (r *rig) pausesAll() bool {
	n := int64(0)
	for _, p := range r.engine.Pools() {
		n += p.InFlight
	}
	return n == 0
}

func TestMirrorOfBodiesThatComeLate(t *testing.T) {
	s := newShadow(t, nil)
	r := mirrored(t, backend(t, echo), s.Listener.Addr().String(), ", percent: 100")
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v; want 100", line, err)
	}
	_, _ = c.r.ReadString('\n')
	for _, piece := range []string{"2\r\nfi\r\n", "3\r\nrst\r\n", "0\r\nX-T: end\r\n\r\n"} {
		c.send(piece)
	}
	if got := c.receive("POST"); got.body != "first" {
		t.Errorf("got %q", got.body)
	}
	r.awaitMirror("answered", 1)
	if asked := s.questions()[0]; !strings.Contains(asked, `"first"`) || strings.Contains(asked, "Expect") {
		t.Errorf("the copy is\n%s; want the whole content, and no Expect", asked)
	}
	c = r.dial() // one that never comes
	c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhalf")
	breakOff(c.Conn)
	r.awaitMirror("incomplete", 1)
}

func TestMirrorCopiesNothingThatIsTooLong(t *testing.T) {
	s := newShadow(t, nil)
	r := mirrored(t, backend(t, echo), s.Listener.Addr().String(), ", percent: 100")
	size := inquiry.CopyBytesMax + 1
	for i, head := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, strings.Repeat("x", size)),
	} {
		c := r.dial()
		go c.send("POST / HTTP/1.1\r\nHost: t\r\n" + head)
		if got := c.receive("POST"); len(got.body) != size {
			t.Errorf("got %d bytes; want %d", len(got.body), size)
		}
		r.awaitMirror("too_long", i+1)
	}
	if n := len(s.questions()); n != 0 {
		t.Errorf("%d copies; want none", n)
	}
}

func TestMirrorNeitherSlowsNorFailsARequest(t *testing.T) {
	release := make(chan struct{})
	for name, address := range map[string]string{
		"nobody": nobody(t),
		"resets": scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) { readHead(in); breakOff(c) }),
		"no HTTP": scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
			readHead(in)
			_, _ = io.WriteString(c, "SSH-2.0\r\n\r\n")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			r := mirrored(t, backend(t, echo), address, ", percent: 100")
			for range 3 {
				if resp, _ := r.ask("GET", "/"); resp.StatusCode != 200 || resp.Header.Get("X-Isame-Error") != "" {
					t.Errorf("got %d %v; want 200", resp.StatusCode, resp.Header)
				}
			}
			r.awaitMirror("failed", 3)
		})
	}
	s := newShadow(t, func(http.ResponseWriter, *http.Request) { <-release })
	r := mirrored(t, backend(t, echo), s.Listener.Addr().String(), ", percent: 100")
	c, began := r.dial(), time.Now()
	for range inquiry.CopiesMax + 10 {
		if got := c.get("/"); got.StatusCode != 200 {
			t.Fatalf("got %d; want 200", got.StatusCode)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v with a shadow that is silent", took)
	}
	r.awaitMirror("busy", 10)
	close(release)
	r.awaitMirror("answered", inquiry.CopiesMax)
	c.get("/")
	r.awaitMirror("answered", inquiry.CopiesMax+1)
	eventually(t, func() string { return "nothing in flight" }, r.pausesAll)
}

func TestMirrorCopiesNoUpgrade(t *testing.T) {
	s := newShadow(t, nil)
	r := mirrored(t, switched(t, upgradeAnswer, echoBack), s.Listener.Addr().String(), ", percent: 100")
	c := r.dial()
	c.send(upgradeRequest)
	if got := c.receive("GET"); got.StatusCode != 101 {
		t.Errorf("got %d; want 101", got.StatusCode)
	}
	r.ask("GET", "/")
	r.awaitMirror("answered", 1)
	if asked := s.questions(); len(asked) != 1 || strings.Contains(asked[0], "Upgrade") {
		t.Errorf("copied %q; want the plain request alone", asked)
	}
	_ = c.Close()
}

// A request that is sent twice, because the first backend fails, is copied once.
func TestMirrorCopiesARetryOnce(t *testing.T) {
	s := newShadow(t, nil)
	var tries int64
	b := scripted(t, func(n int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		if q == nil {
			return
		}
		content, _ := io.ReadAll(q.Body)
		if n == 1 {
			tries++
			breakOff(c)
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
	})
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, mirror: {pool: shadow, percent: 100}, retry: {on: [reset], attempts: 3}}}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  shadow: {backends: [{address: "`+s.Listener.Addr().String()+`"}]}
`, b)
	c := r.dial()
	c.send("PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.send("2\r\nfi\r\n")
	c.send("3\r\nrst\r\n0\r\n\r\n")
	if got := c.receive("PUT"); got.StatusCode != 200 || got.body != "first" {
		t.Errorf("got %d %q; want the content", got.StatusCode, got.body)
	}
	r.awaitMirror("answered", 1)
	if asked := s.questions(); len(asked) != 1 || !strings.Contains(asked[0], `"first"`) {
		t.Errorf("copied %q; want it once, whole", asked)
	}
}

func TestMirrorCompares(t *testing.T) {
	s := newShadow(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/status":
			w.WriteHeader(http.StatusTeapot)
		case "/body":
			_, _ = io.WriteString(w, "another")
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("same", 50_000))
	})
	b := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("same", 50_000)) })
	r := mirrored(t, b, s.Listener.Addr().String(), ", percent: 100, compare: true")
	for range 3 {
		r.ask("GET", "/same")
	}
	r.ask("GET", "/status?q", "X-Request-Id: forged")
	r.ask("HEAD", "/same")
	for range 40 {
		r.ask("GET", "/body")
	}
	for result, want := range map[string]string{"same": "4", "other_status": "1", "other_body": "40"} {
		name := `isame_mirror_compared_total{route="all",result="` + result + `"}`
		eventually(t, func() string { return fmt.Sprintf("%s %s; got %q", want, result, r.sample(name)) }, func() bool { return r.sample(name) == want })
	}
	examples := r.engine.registry.Mirror("all").Examples()
	if len(examples) != 32 {
		t.Fatalf("%d examples; want the last 32", len(examples))
	}
	last := examples[31]
	if last.Status != 200 || last.MirrorStatus != 200 || last.Target != "/body" || last.Method != "GET" || len(last.RequestID) != requestIDBytes || last.Time.IsZero() {
		t.Errorf("got %+v; want the request, with its id", last)
	}
	plain := mirrored(t, b, s.Listener.Addr().String(), ", percent: 100")
	plain.ask("GET", "/body")
	plain.awaitMirror("answered", 1)
	if got := plain.sample(`isame_mirror_compared_total{route="all",result="other_body"}`); got != "0" {
		t.Errorf("%s are compared; want none without compare", got)
	}
}

// A comparison is of what the backend has said, whatever stages make of it, and of whole
// answers only.
func TestMirrorComparesWhatBackendsSay(t *testing.T) {
	s := newShadow(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) })
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "broken\n")
			return
		}
		http.Error(w, "broken", 500)
	}))
	t.Cleanup(b.Close)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes:
  all: {pool: p, middleware: [h, m]}
  paged: {path: /paged, pool: p, middleware: [e, m]}
pools:
  p: {backends: [{address: "{{backend}}"}]}
  shadow: {backends: [{address: "`+s.Listener.Addr().String()+`"}]}
middleware:
  h: {type: headers, response: {set: {X-A: b}}}
  e: {type: error_pages, from: both, body: sorry}
  m: {type: mirror, pool: shadow, percent: 100, compare: true}
`, b.Listener.Addr().String())
	if resp, _ := r.ask("GET", "/"); resp.Header.Get("X-A") != "b" {
		t.Errorf("got %v", resp.Header)
	}
	const same = `isame_mirror_compared_total{route="all",result="same"}`
	eventually(t, func() string { return "a comparison" }, func() bool { return r.sample(same) == "1" })
	if resp, body := r.ask("GET", "/paged"); resp.StatusCode != 500 || body != "sorry" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	c := r.dial()
	c.send("GET /cut HTTP/1.1\r\nHost: t\r\n\r\n")
	_, _ = io.Copy(io.Discard, c.r)
	r.awaitMirror("answered", 2)
	eventually(t, func() string { return "nothing in flight" }, r.pausesAll)
	if got := r.sample(same) + " and " + r.sample(strings.Replace(same, "all", "paged", 1)); got != "1 and 0" {
		t.Errorf("%s are the same; want none of answers that did not come whole", got)
	}
}
