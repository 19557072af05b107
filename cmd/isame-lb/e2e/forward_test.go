package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// toPool forwards everything to backends.
func toPool(backends ...*backend) string {
	return header + "routes: {all: {pool: p}}\npools: {p: {backends: " + members(backends...) + "}}\n"
}

func toAddress(address string) string {
	return header + "routes: {all: {pool: p}}\npools: {p: {backends: [{address: \"" + address + "\"}]}}\n"
}

func TestForwardedFields(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, toPool(b))
	s := get(t, p.url("/x"), "Host", "shop.example:81", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https",
		"X-Forwarded-Host", "evil.example", "X-Own", "kept").wantStatus(t, 200).seen(t)
	for _, c := range []struct{ name, got, want string }{
		{"Host is kept", s.Host, "shop.example:81"},
		{"X-Forwarded-For of a stranger is dropped", strings.Join(s.Header["X-Forwarded-For"], "|"), "127.0.0.1"},
		{"X-Forwarded-Proto of a stranger is dropped", strings.Join(s.Header["X-Forwarded-Proto"], "|"), "http"},
		{"X-Forwarded-Host is the Host", strings.Join(s.Header["X-Forwarded-Host"], "|"), "shop.example:81"},
		{"own fields pass", s.Header.Get("X-Own"), "kept"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q; want %q", c.name, c.got, c.want)
		}
	}
	if s.Header.Get("Via") == "" || s.Header.Get("X-Request-Id") == "" {
		t.Errorf("Via or X-Request-Id is missing: %v", s.Header)
	}
}

func TestTrustedProxyIsBelieved(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, strings.Replace(toPool(b), `{address: "127.0.0.1:0"}}`, `{address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8]}}`, 1))
	s := get(t, p.url("/"), "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "https", "X-Request-Id", "id-of-the-edge").
		wantStatus(t, 200).seen(t)
	if got := s.Header.Get("X-Forwarded-For"); !strings.HasPrefix(got, "203.0.113.7") {
		t.Errorf("X-Forwarded-For: got %q; want the client first", got)
	}
	if got := s.Header.Get("X-Forwarded-Proto"); got != "https" {
		t.Errorf("X-Forwarded-Proto: got %q; want https", got)
	}
	if got := s.Header.Get("X-Request-Id"); got != "id-of-the-edge" {
		t.Errorf("X-Request-Id: got %q; want it kept", got)
	}
}

func TestHopByHopFieldsStayHere(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "X-Reply-Hop")
		w.Header().Set("X-Reply-Hop", "1")
		w.Header().Set("Keep-Alive", "timeout=3")
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.Header().Set("X-Reply", "kept")
		for name := range r.Header {
			w.Header().Add("X-Saw", name)
		}
	})
	p := start(t, toPool(b))
	a := get(t, p.url("/"), "Connection", "X-Hop, Te", "X-Hop", "1", "Te", "gzip", "Proxy-Authorization", "Basic eDp5",
		"Keep-Alive", "300", "Proxy-Connection", "keep-alive", "X-End", "kept").wantStatus(t, 200)
	saw := a.header.Values("X-Saw")
	for _, name := range []string{"Connection", "X-Hop", "Te", "Proxy-Authorization", "Keep-Alive", "Proxy-Connection"} {
		if slices.Contains(saw, name) {
			t.Errorf("the backend saw %s", name)
		}
	}
	if !slices.Contains(saw, "X-End") {
		t.Error("an end-to-end field did not reach the backend")
	}
	for _, name := range []string{"X-Reply-Hop", "Keep-Alive", "Proxy-Authenticate"} {
		if a.header.Get(name) != "" {
			t.Errorf("the client got %s", name)
		}
	}
	if a.header.Get("X-Reply") != "kept" {
		t.Error("an end-to-end field did not reach the client")
	}
}

// TestTargetPassesByteForByte compares with what stands on the backend's wire.
func TestTargetPassesByteForByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, target, want string }{
		{"query", "/a?b=c&d=%20e+f&&=", "/a?b=c&d=%20e+f&&="},
		{"encoded slash", "/a%2Fb%5Cc", "/a%2Fb%5Cc"},
		{"lower case escapes", "/%c3%a9", "/%c3%a9"},
		{"double slash", "//a//b", "//a//b"},
		{"sub-delims", "/a;b=1,2(3)'!*$:@", "/a;b=1,2(3)'!*$:@"},
		{"dot segments are resolved", "/a/../b/./c", "/b/c"},
		{"encoded dot segments are resolved", "/a/%2e%2e/b", "/b"},
		{"never above the root", "/../../b", "/b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newRawBackend(t, always(okResponse))
			p := start(t, toAddress(b.address))
			a := dial(t, p.address()).send("GET " + c.target + " HTTP/1.1\r\nHost: a\r\n\r\n").response("GET")
			a.wantStatus(t, 200)
			if line, _, _ := strings.Cut(b.seen(), "\r\n"); line != "GET "+c.want+" HTTP/1.1" {
				t.Errorf("the backend saw %q; want target %q", line, c.want)
			}
		})
	}
}

func TestRepeatedFieldsAndValuesPass(t *testing.T) {
	b := newRawBackend(t, always("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-B: 1\r\nSet-Cookie: b=\"x y\";c=\r\nX-B: 2\r\nContent-Length: 0\r\n"+
		"Date: Mon, 02 Jan 2006 15:04:05 GMT\r\nServer: mine\r\n\r\n"))
	p := start(t, toAddress(b.address))
	a := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\ncookie: a=1; b=\"x y\";c=\r\nX-A: 2\r\nX-High: caf\xe9\r\n\r\n").response("GET")
	a.wantStatus(t, 200)
	for _, c := range []struct {
		name string
		want []string
	}{
		{"Set-Cookie", []string{"a=1", `b="x y";c=`}},
		{"X-B", []string{"1", "2"}},
		{"Date", []string{"Mon, 02 Jan 2006 15:04:05 GMT"}},
		{"Server", []string{"mine"}},
	} {
		if got := a.header.Values(c.name); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q; want %q", c.name, got, c.want)
		}
	}
	saw, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.seen())))
	if err != nil {
		t.Fatalf("the backend saw %q: %v", b.seen(), err)
	}
	if got := saw.Header.Values("X-A"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("X-A: the backend saw %q; want 1, 2", got)
	}
	if got := saw.Header.Get("Cookie"); got != `a=1; b="x y";c=` {
		t.Errorf("Cookie: the backend saw %q", got)
	}
	if got := saw.Header.Get("X-High"); got != "caf\xe9" {
		t.Errorf("high bytes: the backend saw %q", got)
	}
}

func TestMethodsAndBodies(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, toPool(b))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"} {
		t.Run(method, func(t *testing.T) {
			s := exchange(t, request(t, method, p.url("/m"), "the body")).wantStatus(t, 200).seen(t)
			if s.Method != method || s.Body != "the body" {
				t.Errorf("the backend saw %s with body %q", s.Method, s.Body)
			}
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		a := exchange(t, request(t, "HEAD", p.url("/m"), "")).wantStatus(t, 200)
		if len(a.body) != 0 || a.header.Get("X-Backend") != b.address {
			t.Errorf("got %d bytes, header %v; want no body, the backend's header", len(a.body), a.header)
		}
	})
	t.Run("chunked", func(t *testing.T) {
		r := request(t, "POST", p.url("/m"), "")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("part one, "), strings.NewReader("part two")))
		r.ContentLength = -1
		if s := exchange(t, r).wantStatus(t, 200).seen(t); s.Body != "part one, part two" {
			t.Errorf("the backend saw %q", s.Body)
		}
	})
}

func TestStatusesWithoutBody(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(http.StatusNoContent)
		case "/304":
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(http.StatusNotModified)
		default:
			_, _ = io.WriteString(w, "next")
		}
	})
	p := start(t, toPool(b))
	c := dial(t, p.address())
	for _, path := range []string{"/204", "/304"} {
		a := c.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n").response("GET")
		if want := path[1:]; strconv.Itoa(a.status) != want || len(a.body) != 0 {
			t.Errorf("%s: got %d with %q", path, a.status, a.body)
		}
		// The connection still is where the proxy thinks it is.
		if next := c.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").response("GET"); string(next.body) != "next" {
			t.Errorf("after %s: got %q; want the next answer", path, next.body)
		}
	}
}

// TestLargeBodiesBothWays sends 32 MiB up and down at the same time.
func TestLargeBodiesBothWays(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	p := start(t, toPool(b))
	const size = 32 << 20
	for _, c := range []struct {
		name   string
		length int64
	}{{"fixed length", size}, {"chunked", -1}} {
		t.Run(c.name, func(t *testing.T) {
			sent, got := sha256.New(), sha256.New()
			r := request(t, "POST", p.url("/echo"), "")
			r.Body = io.NopCloser(io.TeeReader(io.LimitReader(rand.Reader, size), sent))
			r.ContentLength = c.length
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if n, err := io.Copy(got, response.Body); n != size || err != nil {
				t.Fatalf("got %d bytes, error %v; want %d", n, err, size)
			}
			if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
				t.Error("the bytes that came back are others")
			}
		})
	}
}

// TestStreamIsFlushed reads the first event before the backend sends the second.
func TestStreamIsFlushed(t *testing.T) {
	proceed := make(chan struct{})
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-proceed
		_, _ = io.WriteString(w, "data: two\n\n")
	})
	p := start(t, toPool(b))
	response, err := http.DefaultClient.Do(request(t, "GET", p.url("/events"), ""))
	if err != nil {
		close(proceed)
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	first, err := lines.ReadString('\n')
	close(proceed)
	if err != nil || first != "data: one\n" {
		t.Fatalf("got %q, %v; want the first event", first, err)
	}
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "\ndata: two\n\n" {
		t.Errorf("got %q, %v; want the second event", rest, err)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, toPool(b))
	c := dial(t, p.address())
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
	for _, want := range []string{"/1", "/2", "/3"} {
		if s := c.response("GET").seen(t); s.URI != want {
			t.Errorf("got the answer to %s; want %s", s.URI, want)
		}
	}
}

func TestOldClients(t *testing.T) {
	b := newBackend(t, func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"one, ", "two, ", "three"} {
			_, _ = io.WriteString(w, part)
			_ = http.NewResponseController(w).Flush() // chunked for HTTP/1.1
		}
	})
	p := start(t, toPool(b))
	c := dial(t, p.address()).send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	a := c.response("GET").wantStatus(t, 200)
	if string(a.body) != "one, two, three" || a.header.Get("Transfer-Encoding") != "" {
		t.Errorf("got %q, header %v; want the plain body", a.body, a.header)
	}
	c.wantClosed()
}

func TestConnectionCloseIsKept(t *testing.T) {
	b := newBackend(t, nil)
	p := start(t, toPool(b))
	c := dial(t, p.address()).send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if a := c.response("GET").wantStatus(t, 200); !a.closes {
		t.Errorf("the answer does not say Connection: close: %v", a.header)
	}
	c.wantClosed()
}

// TestNginxBackends forwards to a real nginx by socket and port, with curl.
func TestNginxBackends(t *testing.T) {
	n := startNginx(t)
	for _, c := range []struct{ name, address string }{
		{"tcp", n.address},
		{"unix socket", "unix:" + n.socket},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, toAddress(c.address))
			page := curl(t, "-i", "-H", "Host: shop.example", p.url("/hello?x=%20y"))
			for _, want := range []string{"HTTP/1.1 200 OK", "X-Backend: nginx", "nginx GET /hello?x=%20y host=shop.example xff=127.0.0.1"} {
				if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
					t.Errorf("curl got %q; want %q in it", page, want)
				}
			}
			if got := curl(t, p.url("/big")); got != string(n.big) {
				t.Errorf("big file: got %d bytes; want %d, the same", len(got), len(n.big))
			}
			// Several transfers over one connection of curl, also with a body.
			upload := filepath.Join(t.TempDir(), "upload")
			if err := os.WriteFile(upload, n.big, 0o600); err != nil {
				t.Fatal(err)
			}
			out := curl(t, "-w", "%{http_code} %{num_connects}\n", "-o", "/dev/null", "--data-binary", "@"+upload, p.url("/post"),
				"-o", "/dev/null", p.url("/post"))
			if out != "200 1\n200 0\n" {
				t.Errorf("two posts by curl: got %q; want two 200 over one connection", out)
			}
			if got := curl(t, "-o", "/dev/null", "-w", "%{http_code}", "--http1.0", p.url("/old")); got != "200" {
				t.Errorf("curl --http1.0: got %s; want 200", got)
			}
		})
	}
}

func TestUnixListener(t *testing.T) {
	b := newBackend(t, nil)
	socket := filepath.Join(t.TempDir(), "web.sock")
	p := start(t, `
listeners: {web: {address: "unix:`+socket+`"}}
admin: {address: "127.0.0.1:0"}
routes: {all: {pool: p}}
pools: {p: {backends: `+members(b)+`}}
`)
	page := curl(t, "-i", "--unix-socket", socket, "http://any/thing")
	if !strings.Contains(page, "200 OK") || !strings.Contains(page, `"/thing"`) {
		t.Errorf("curl got %q; want an answer of the backend", page)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	p.finish()
	if _, err := net.Dial("unix", socket); err == nil {
		t.Error("the socket still accepts after the end")
	}
}
