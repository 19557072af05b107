package engine

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// h3Text is a listener that speaks HTTP/3, for a.test.
func h3Text(t testing.TB) string {
	t.Helper()
	return tlsText("", ", http3: true", newPair(t, tomorrow(), "a.test"))
}

// h3TLS is what a client of a.test says.
func h3TLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: "a.test", NextProtos: []string{"h3"}}
}

// h3Transport closes its connections for sure: the library's Close leaves one open on
// which a request has failed.
type h3Transport struct {
	*http3.Transport
	mu struct {
		sync.Mutex
		dialled []*quic.Conn
	}
}

func (tr *h3Transport) Close() error {
	err := tr.Transport.Close()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, q := range tr.mu.dialled {
		_ = q.CloseWithError(0, "")
	}
	return err
}

// h3Client speaks HTTP/3 over one connection, while no request fails.
func (r *rig) h3Client() (*http.Client, *h3Transport) {
	tr := &h3Transport{}
	tr.Transport = &http3.Transport{
		TLSClientConfig: h3TLS(),
		Dial: func(ctx context.Context, _ string, c *tls.Config, o *quic.Config) (*quic.Conn, error) {
			q, err := quic.DialAddr(ctx, r.address, c, o)
			if err == nil {
				tr.mu.Lock()
				tr.mu.dialled = append(tr.mu.dialled, q)
				tr.mu.Unlock()
			}
			return q, err
		},
	}
	r.t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}, tr
}

// get3 is a GET and its answer as text.
func get3(t testing.TB, c *http.Client, path string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get("https://a.test" + path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestHTTP3BodiesBothWays(t *testing.T) {
	c, _ := start(t, h3Text(t), backend(t, echoSeen)).h3Client()
	checkBodiesBothWays(t, c, "https://a.test", 3)
}

func TestHTTP3LocalAnswersAndHEAD(t *testing.T) {
	r := start(t, strings.Replace(h3Text(t), "all: {pool: p}", "all: {path_prefix: /b, pool: p}", 1), backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "hello")
	}))
	c, _ := r.h3Client()
	if resp, body := get3(t, c, "/nowhere"); resp.StatusCode != 404 || resp.Header.Get("X-Isame-Error") != "no_route" || !strings.Contains(body, "No route") {
		t.Errorf("got %d %v %q; want no_route", resp.StatusCode, resp.Header, body)
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if resp, _ := get3(t, c, "/away"); resp.StatusCode != 308 || resp.Header.Get("Location") != "https://a.test/here" {
		t.Errorf("got %d %q; want a redirect", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp, err := c.Head("https://a.test/b")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength != 5 {
		t.Errorf("HEAD: got %d with length %d; want 200 with 5", resp.StatusCode, resp.ContentLength)
	}
	if resp, body := get3(t, c, "/b"); resp.StatusCode != 200 || body != "hello" || resp.Header.Get("Alt-Svc") != "" {
		t.Errorf("got %d %q %v; want hello", resp.StatusCode, body, resp.Header)
	}
}

func TestHTTP3Trailers(t *testing.T) {
	r := start(t, h3Text(t), backend(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set("X-Sum", q.Trailer.Get("X-Asked"))
	}))
	c, _ := r.h3Client()
	q, err := http.NewRequest(http.MethodPost, "https://a.test/", io.MultiReader(strings.NewReader("x")))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Te", "trailers")
	q.Trailer = http.Header{"X-Asked": {"42"}}
	resp, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(body) != "body" || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("got %q, trailers %v, %v; want X-Sum: 42", body, resp.Trailer, err)
	}
}

// A hundred requests at once on one connection, each with an upload and a download.
func TestHTTP3StreamsAreIndependent(t *testing.T) {
	r := start(t, h3Text(t), backend(t, echoAtOnce))
	c, _ := r.h3Client()
	get3(t, c, "/")
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			body := noise(50_000)
			resp, err := c.Post("https://a.test/", "text/plain", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, %v; want %d that are the same", len(got), err, len(body))
			}
		})
	}
	all.Wait()
	if n := r.connections(); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
}

// The answers of TCP say where HTTP/3 is, unless the backend does.
func TestAltSvc(t *testing.T) {
	r := start(t, h3Text(t), backend(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/own" {
			w.Header().Set("Alt-Svc", "clear")
		}
	}))
	_, port, _ := net.SplitHostPort(r.address)
	for _, c := range []*http.Client{r.h2TLSClient(), r.h1TLSClient()} {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for path, want := range map[string]string{"/": `h3=":` + port + `"; ma=86400`, "/away": `h3=":` + port + `"; ma=86400`, "/own": "clear"} {
			resp, err := c.Get("https://a.test" + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := strings.Join(resp.Header.Values("Alt-Svc"), " and "); got != want {
				t.Errorf("%s %s: got %q; want %q", resp.Proto, path, got, want)
			}
		}
	}
}

// h1TLSClient speaks HTTP/1.1 over TLS, and asks for a.test.
func (r *rig) h1TLSClient() *http.Client {
	c := r.h2TLSClient()
	tr, ok := c.Transport.(*http.Transport)
	if !ok {
		r.t.Fatalf("a transport of type %T", c.Transport)
	}
	tr.ForceAttemptHTTP2 = false
	tr.TLSClientConfig.NextProtos = []string{http11}
	tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return c
}
