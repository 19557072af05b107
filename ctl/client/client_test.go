package client

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// serveOn answers with h at a listener until the test ends.
func serveOn(t *testing.T, ln net.Listener, h http.HandlerFunc) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	if err := srv.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	srv.Listener = ln
	srv.Start()
	t.Cleanup(srv.Close)
}

// connect is a client of a server that answers with h.
func connect(t *testing.T, token string, h http.HandlerFunc) *Client {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, h)
	return open(t, Options{Admin: "http://" + ln.Addr().String(), Token: token})
}

func open(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAdminAddresses(t *testing.T) {
	for admin, want := range map[string]string{
		"":                       "http://127.0.0.1:9901",
		"http://127.0.0.1:9901":  "http://127.0.0.1:9901",
		"http://127.0.0.1:9901/": "http://127.0.0.1:9901",
		"https://[::1]:9901":     "https://[::1]:9901",
		"unix:/run/isame.sock":   "http://localhost",
		"unix:///run/isame.sock": "http://localhost",
	} {
		if got := open(t, Options{Admin: admin}).base; got != want {
			t.Errorf("%q: got %q; want %q", admin, got, want)
		}
	}
	for _, admin := range []string{"127.0.0.1:9901", "ftp://h", "http://", "http://h/api", "http://user@h", "http://h?x=1", "http://h#x", "unix:", "://", "http://h\x7f"} {
		if _, err := New(Options{Admin: admin}); err == nil || !strings.Contains(err.Error(), "want http://HOST:PORT") && !strings.Contains(err.Error(), "want unix:") {
			t.Errorf("%q: got %v; want an error that shows the form", admin, err)
		}
	}
}

// seen is what a server got.
type seen struct{ line, mediaType, authorization, body string }

func TestRequests(t *testing.T) {
	var got seen
	c := connect(t, "t0ken", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = seen{r.Method + " " + r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)}
		answer := "{}"
		if strings.HasSuffix(r.URL.Path, "s") && r.URL.Path != "/api/v1/status" && r.Method == http.MethodGet {
			answer = "[]"
		}
		if _, err := io.WriteString(w, answer); err != nil {
			t.Error(err)
		}
	})
	weight := 3
	ctx := t.Context()
	const bearer = "Bearer t0ken"
	for _, e := range []struct {
		name string
		call func() error
		want seen
	}{
		{"status", func() error { _, err := c.Status(ctx); return err }, seen{authorization: bearer, line: "GET /api/v1/status"}},
		{"pools", func() error { _, err := c.Pools(ctx); return err }, seen{authorization: bearer, line: "GET /api/v1/pools"}},
		{"pool is escaped", func() error { _, err := c.Pool(ctx, "a/b ?"); return err }, seen{authorization: bearer, line: "GET /api/v1/pools/a%2Fb%20%3F"}},
		{"routes", func() error { _, err := c.Routes(ctx); return err }, seen{authorization: bearer, line: "GET /api/v1/routes"}},
		{"listeners", func() error { _, err := c.Listeners(ctx); return err }, seen{authorization: bearer, line: "GET /api/v1/listeners"}},
		{"health", func() error { return c.Health(ctx) }, seen{authorization: bearer, line: "GET /health"}},
		{"ready", func() error { return c.Ready(ctx) }, seen{authorization: bearer, line: "GET /ready"}},
		{
			"records", func() error { _, err := c.Records(ctx, url.Values{"limit": {"1"}}); return err },
			seen{authorization: bearer, line: "GET /api/v1/records?limit=1"},
		},
		{"records of an id", func() error { _, err := c.RecordsOf(ctx, "a/bs"); return err }, seen{authorization: bearer, line: "GET /api/v1/records/a%2Fbs"}},
		{"config", func() error { _, err := c.Config(ctx, "yaml"); return err }, seen{authorization: bearer, line: "GET /api/v1/config?view=effective&format=yaml"}},
		{"document", func() error { _, _, err := c.Document(ctx, "yaml"); return err }, seen{authorization: bearer, line: "GET /api/v1/config?format=yaml"}},
		{"check", func() error { _, err := c.CheckConfig(ctx, []byte("a: 1"), "application/yaml"); return err }, seen{"PUT /api/v1/config?dry_run=1", "application/yaml", bearer, "a: 1"}},
		{"reload", func() error { _, err := c.Reload(ctx, false); return err }, seen{"POST /api/v1/reload", "", bearer, ""}},
		{"reload by force", func() error { _, err := c.Reload(ctx, true); return err }, seen{"POST /api/v1/reload?force=1", "", bearer, ""}},
		{
			"apply", func() error {
				_, err := c.Apply(ctx, &Change{
					Body: []byte("a: 1"), MediaType: "application/yaml", Match: "*", Message: "a b", Confirm: time.Minute, Strict: true, Replace: true,
				})
				return err
			},
			seen{"PUT /api/v1/config?confirm=1m0s&message=a+b&replace=1&strict=1", "application/yaml", bearer, "a: 1"},
		},
		{
			"plan", func() error { _, err := c.Plan(ctx, []byte("{}"), "application/json"); return err },
			seen{"POST /api/v1/config/plan", "application/json", bearer, "{}"},
		},
		{
			"confirm", func() error { _, err := c.Confirm(ctx, 3); return err },
			seen{"POST /api/v1/config/confirm", "application/json", bearer, `{"generation":3}`},
		},
		{
			"rollback", func() error { _, err := c.Rollback(ctx, 3, "why", time.Minute); return err },
			seen{"POST /api/v1/config/rollback?confirm=1m0s&message=why", "application/json", bearer, `{"generation":3}`},
		},
		{
			"rollback to the one before", func() error { _, err := c.Rollback(ctx, 0, "", 0); return err },
			seen{"POST /api/v1/config/rollback", "application/json", bearer, "{}"},
		},
		{"generation", func() error { _, err := c.Generation(ctx, 3); return err }, seen{authorization: bearer, line: "GET /api/v1/config/history/3"}},
		{"why", func() error { _, err := c.Why(ctx, "pools.a[0]"); return err }, seen{authorization: bearer, line: "GET /api/v1/config/why?path=pools.a%5B0%5D"}},
		{
			"patch", func() error {
				_, err := c.PatchBackend(ctx, "api", "unix:/x.sock", api.BackendPatch{Weight: &weight})
				return err
			},
			seen{"PATCH /api/v1/pools/api/backends/unix:%2Fx.sock", "application/json", bearer, `{"weight":3}`},
		},
		{
			"add", func() error { _, err := c.AddBackend(ctx, "api", api.NewBackend{Address: "a:1"}); return err },
			seen{"POST /api/v1/pools/api/backends", "application/json", bearer, `{"address":"a:1"}`},
		},
		{"remove", func() error { return c.RemoveBackend(ctx, "api", "a:1") }, seen{"DELETE /api/v1/pools/api/backends/a:1", "", bearer, ""}},
	} {
		t.Run(e.name, func(t *testing.T) {
			if err := e.call(); err != nil {
				t.Fatal(err)
			}
			if got != e.want {
				t.Errorf("got %+v; want %+v", got, e.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name        string
		answer      http.HandlerFunc
		wantProblem int // 0: no problem document
		want        string
	}{
		{"problem", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.ProblemType)
			w.WriteHeader(422)
			fmt.Fprint(w, `{"title":"Unprocessable Entity","status":422,"detail":"no","errors":[{"text":"f:1:2: x: y"}]}`)
		}, 422, "no\nf:1:2: x: y"},
		{"problem of another status", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.ProblemType)
			w.WriteHeader(404)
			fmt.Fprint(w, `{"status":200,"detail":"no"}`)
		}, 0, "404"},
		{"another service", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nginx", 404) }, 0, "is it the admin endpoint of isame-lb?"},
		{"page instead of JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, 0, "is it the admin endpoint of isame-lb?"},
		{"redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v1/reload" {
				t.Errorf("followed to %s", r.URL.Path)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, 0, "307"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := connect(t, "t", c.answer).Reload(t.Context(), false)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v; want %q", err, c.want)
			}
			var p *api.Problem
			if got := errors.As(err, &p); got != (c.wantProblem != 0) || got && p.Status != c.wantProblem {
				t.Errorf("got problem %+v; want status %d", p, c.wantProblem)
			}
			if _, ok := errors.AsType[*UnreachableError](err); ok {
				t.Error("an answer is not unreachable")
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	closing := func(write string) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, write)
				_ = c.Close()
			}
		}()
		return "http://" + ln.Addr().String()
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for _, c := range []struct {
		name, admin, want string
		timeout           time.Duration
	}{
		{"closed at once", closing(""), "before the answer was complete", 0},
		{"closed in the body", closing("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), "before the answer was complete", 0},
		{"no HTTP", closing("SSH-2.0-x\r\n\r\n"), "malformed HTTP", 0},
		{"no answer", "http://" + silent.Addr().String(), "no answer in time", 20 * time.Millisecond},
		{"no socket", "unix:" + filepath.Join(t.TempDir(), "none"), "no such file", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(t, Options{Admin: c.admin, Timeout: c.timeout}).Status(t.Context())
			var u *UnreachableError
			if !errors.As(err, &u) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.admin) {
				t.Errorf("got %v; want unreachable because of %q", err, c.want)
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, ln, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"generation":3}`) })
	st, err := open(t, Options{Admin: "unix:" + path}).Status(t.Context())
	if err != nil || st.Generation != 3 {
		t.Errorf("got %+v, %v; want generation 3", st, err)
	}
}

// TestProxyOfTheEnvironmentIsNotUsed: the token must not travel through it.
func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	transport, ok := open(t, Options{}).http.Transport.(*http.Transport)
	if !ok || transport.Proxy != nil {
		t.Error("a proxy may be used")
	}
}
