package engine

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// judge is a service that is asked for permission, and what it was asked.
type judge struct {
	*httptest.Server

	mu    sync.Mutex
	asked []string // method, target, host and fields
}

func newJudge(t testing.TB, answer http.HandlerFunc) *judge {
	t.Helper()
	j := &judge{}
	j.Server = httptest.NewServer(j.listen(answer))
	t.Cleanup(j.Close)
	return j
}

func (j *judge) listen(answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text strings.Builder
		content, _ := io.ReadAll(r.Body)
		fmt.Fprintf(&text, "%s %s %s %q\n", r.Method, r.RequestURI, r.Host, content)
		_ = r.Header.Write(&text)
		j.mu.Lock()
		j.asked = append(j.asked, text.String())
		j.mu.Unlock()
		answer(w, r)
	})
}

// questions are what was asked so far.
func (j *judge) questions() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.asked)
}

func yes(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func TestForwardAuthAsks(t *testing.T) {
	for _, tc := range []struct {
		name, keys, method, request string
		want, unwanted              []string
	}{
		{
			"what is asked about", "", "PUT", "/a%2Fb?c=d|Host: shop.test|Cookie: a=b; flag; c=\"d e\"|X-A: 1|X-A: 2",
			[]string{
				"GET /verify ", "X-Forwarded-Method: PUT\r", "X-Forwarded-Proto: http\r", "X-Forwarded-Host: shop.test\r",
				"X-Forwarded-Uri: /a%2Fb?c=d\r", "X-Forwarded-For: 127.0.0.1\r", "Cookie: a=b; flag; c=\"d e\"\r", "X-A: 1\r", "X-A: 2\r",
			},
			[]string{"shop.test \"", "fasthttp"},
		},
		{
			"what a client says of itself counts for nothing", "", "GET",
			"/|X-Forwarded-For: 6.6.6.6|X-Forwarded-Uri: /public|X-Forwarded-Method: HEAD|X-Forwarded-Host: evil|X-Forwarded-Proto: https|X_Forwarded_Uri: /public|X-Forwarded_Method: evil",
			[]string{"X-Forwarded-Uri: /\r", "X-Forwarded-Method: GET\r", "X-Forwarded-For: 127.0.0.1\r", "X-Forwarded-Proto: http\r"},
			[]string{"6.6.6.6", "/public", "evil", "https"},
		},
		{
			"what the backend is sent is asked about", "", "GET", "/public/%2e%2e/a//%2F/./b?c=..", []string{"X-Forwarded-Uri: /a//%2F/b?c=..\r"}, nil,
		},
		{"original method", "method: original", "DELETE", "/", []string{"DELETE /verify "}, nil},
		{"original method of a HEAD", "method: original", "HEAD", "/", []string{"HEAD /verify "}, nil},
		{
			"listed fields", "request_headers: [Authorization, \"X-B\", X-Forwarded-Uri]", "GET", "/|Authorization: me|X-A: 1|x-b: 2|X-B: 3|X-Forwarded-Uri: /public",
			[]string{"Authorization: me\r", "X-B: 2\r", "X-B: 3\r", "X-Forwarded-Uri: /\r"},
			[]string{"X-A", "/public", "User-Agent"},
		},
		{
			"hop by hop", "", "GET", "/|Connection: X-Hop|X-Hop: 1|Keep-Alive: 5|TE: trailers|Proxy-Authorization: x|X-A: 1",
			[]string{"X-A: 1\r"},
			[]string{"X-Hop", "Keep-Alive", "Te:", "Proxy-"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := newJudge(t, yes)
			r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"/verify\", "+tc.keys+"}", "middleware: [a]")
			target, lines := cutAsked(tc.request)
			if resp, _ := r.ask(tc.method, target, lines...); resp.StatusCode != 200 {
				t.Errorf("got %d; want 200", resp.StatusCode)
			}
			asked := j.questions()
			if len(asked) != 1 {
				t.Fatalf("asked %d times; want once", len(asked))
			}
			for _, line := range tc.want {
				if !strings.Contains(asked[0], line) {
					t.Errorf("got\n%s; want %q", asked[0], line)
				}
			}
			for _, text := range tc.unwanted {
				if strings.Contains(asked[0], text) {
					t.Errorf("got\n%s; want no %q", asked[0], text)
				}
			}
		})
	}
}

func TestForwardAuthURLTakesVariables(t *testing.T) {
	j := newJudge(t, yes)
	r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"/verify?p={path|escape}&t={header.X-T}\"}", "middleware: [a]")
	r.ask("GET", "/a/b", "X-T: c HTTP/1.1 #d")
	if got := j.questions(); len(got) != 1 || !strings.HasPrefix(got[0], "GET /verify?p=%2Fa%2Fb&t=c%20HTTP/1.1%20%23d ") {
		t.Errorf("got %q; want the path, and the field in one piece", got)
	}
}

func TestForwardAuthBelievesTrustedProxies(t *testing.T) {
	j := newJudge(t, yes)
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}}
routes: {all: {pool: p, middleware: [a]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {a: {type: forward_auth, url: "`+j.URL+`"}}
`, mirrorBackend(t))
	r.ask("GET", "/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test", "X-Forwarded-Uri: /public")
	got := strings.Join(j.questions(), "")
	for _, line := range []string{
		"X-Forwarded-For: 192.0.2.1, 127.0.0.1\r", "X-Forwarded-Proto: https\r", "X-Forwarded-Host: shop.test\r", "X-Forwarded-Uri: /\r",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("got\n%s; want %q", got, line)
		}
	}
}

func TestForwardAuthAdmits(t *testing.T) {
	j := newJudge(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("X-User", "ann")
		h.Set("X-Auth-Role", "cook")
		h.Set("X-Internal", "secret")
		h["Set-Cookie"] = []string{"s=1", "s2=2"}
		h.Set("X-Seen", "yes")
		w.WriteHeader(http.StatusNoContent)
	})
	b := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "own=3")
		w.Header().Add("X-Seen", "no")
		content, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%q\n", content)
		_ = r.Header.Write(w)
	})
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [a]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  a: {type: forward_auth, url: "`+j.URL+`", response_headers: [X-User, "X-Auth-*"], client_headers: [Set-Cookie, X-Seen]}
`, b)
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: t\r\nX-User: root\r\nX_User: root\r\nX-Auth-Admin: root\r\nContent-Length: 4\r\n\r\nbody")
	got := c.receive("POST")
	for _, line := range []string{"\"body\"\n", "X-User: ann\r", "X-Auth-Role: cook\r"} {
		if !strings.Contains(got.body, line) {
			t.Errorf("the backend got\n%s; want %q", got.body, line)
		}
	}
	if strings.Contains(got.body, "root") || strings.Contains(got.body, "secret") {
		t.Errorf("the backend got\n%s; want nothing that the client claims, nor what is not listed", got.body)
	}
	cookies := got.Header.Values("Set-Cookie")
	slices.Sort(cookies)
	if !slices.Equal(cookies, []string{"own=3", "s2=2", "s=1"}) || strings.Join(got.Header.Values("X-Seen"), " ") != "yes" {
		t.Errorf("the client got %v; want the cookies of both, and X-Seen of the service", got.Header)
	}
	if asked := j.questions()[0]; !strings.Contains(asked, `""`) || strings.Contains(asked, "Content-Length") {
		t.Errorf("asked\n%s; want no content", asked)
	}
}

func TestForwardAuthPassesOtherAnswersOnWhole(t *testing.T) {
	for _, tc := range []struct {
		name, method, keys, accept string
		answer                     http.HandlerFunc
		status                     int
		body                       string
		header                     http.Header
	}{
		{
			"unauthorized", "GET", "", "*/*", func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Www-Authenticate"] = []string{`Basic realm="a"`, `Bearer`}
				w.Header().Set("Content-Type", "text/x")
				w.Header().Set("Connection", "X-Hop")
				w.Header().Set("X-Hop", "1")
				w.WriteHeader(401)
				_, _ = io.WriteString(w, "who are you")
			}, 401, "who are you",
			http.Header{"Www-Authenticate": {`Basic realm="a"`, `Bearer`}, "Content-Type": {"text/x"}, "X-Isame-Error": {"auth_refused"}, "X-Hop": nil},
		},
		{
			"redirect", "GET", "", "*/*", func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Set-Cookie"] = []string{"a=1", "b=2", "a=3"}
				w.Header().Set("Location", "https://login.test/?rd=x")
				w.WriteHeader(302)
			}, 302, "", http.Header{"Location": {"https://login.test/?rd=x"}, "Set-Cookie": {"a=1", "b=2", "a=3"}},
		},
		{"not modified", "GET", "", "*/*", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, "", nil},
		{"of its own making", "GET", "", "*/*", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", 500) }, 500, "broken\n", nil},
		{"HEAD", "HEAD", "", "*/*", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, 403, "", nil},
		{
			"login for people", "GET", `redirect_401: "https://login.test/?rd={url|escape}"`, "text/html, */*", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", "a=1")
				w.Header().Set("Www-Authenticate", "Basic")
				http.Error(w, "no", http.StatusUnauthorized)
			}, 302, "", http.Header{"Location": {"https://login.test/?rd=http%3A%2F%2Ft.test%2F"}, "Set-Cookie": {"a=1"}, "Www-Authenticate": nil, "Cache-Control": {"no-store"}},
		},
		{"login after a form", "POST", `redirect_401: "/login"`, "text/html", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 303, "", http.Header{"Location": {"/login"}}},
		{"no login for programs", "GET", `redirect_401: "/login"`, "application/json", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 401, "", http.Header{"Location": nil}},
		{"no login for the forbidden", "GET", `redirect_401: "/login"`, "text/html", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403, "", http.Header{"Location": nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := newJudge(t, tc.answer)
			r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"\", "+tc.keys+"}", "middleware: [a]")
			resp, body := r.ask(tc.method, "/", "Host: t.test", "Accept: "+tc.accept)
			if resp.StatusCode != tc.status || body != tc.body {
				t.Errorf("got %d %q; want %d %q", resp.StatusCode, body, tc.status, tc.body)
			}
			for name, want := range tc.header {
				if got := resp.Header.Values(name); !slices.Equal(got, want) {
					t.Errorf("%s: got %q; want %q", name, got, want)
				}
			}
		})
	}
}

func TestForwardAuthFailures(t *testing.T) {
	silent := newJudge(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	trickle := scripted(t, func(_ int64, c net.Conn, _ *bufio.Reader) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range tick.C { // a field now and then, so that each read is in time
			if _, err := io.WriteString(c, "X-A: b\r\n"); err != nil {
				return
			}
		}
	})
	large := newJudge(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) })
	for _, tc := range []struct{ name, url string }{
		{"nobody", "http://" + nobody(t)},
		{"silent", silent.URL},
		{"trickle", "http://" + trickle},
		{"too large", large.URL},
		{"no HTTP", "http://" + scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) { readHead(in); _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for mode, want := range map[string]string{"closed": "503 auth_unavailable", "open": "200 "} {
				r := staged(t, "a: {type: forward_auth, url: \""+tc.url+"\", timeout: 300ms, response_headers: [X-User], on_failure: "+mode+"}", "middleware: [a]")
				resp, body := r.ask("GET", "/", "X-User: root")
				if got := fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("X-Isame-Error")); got != want {
					t.Errorf("%s: got %s; want %s", mode, got, want)
				}
				if strings.Contains(body, "root") {
					t.Errorf("%s: the backend got what the client claims", mode)
				}
				if got := r.sample(`isame_middleware_total{middleware="a",outcome="failed"}`); got != "1" {
					t.Errorf("%s: %q failures are counted; want 1", mode, got)
				}
			}
		})
	}
}

func TestForwardAuthEndsWithTheClientAndTheDeadline(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	j := newJudge(t, func(_ http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() })
	r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"\", timeout: 2s}", "middleware: [a]\ntimeout: 100ms")
	began := time.Now()
	resp, _ := r.ask("GET", "/")
	if took := time.Since(began); resp.StatusCode != 503 || took > 1500*time.Millisecond {
		t.Errorf("got %d after %v; want 503 when the route's timeout has passed", resp.StatusCode, took)
	}
	<-arrived
	r = staged(t, "a: {type: forward_auth, url: \""+j.URL+"\", timeout: 2s}", "middleware: [a]")
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	<-arrived
	breakOff(c.Conn)
	eventually(t, func() string { return "the end of the exchange; got " + r.ends() },
		func() bool { return r.ends() == "client_gone client admit 1" })
}

func TestForwardAuthKeepsItsConnections(t *testing.T) {
	conns := make(chan struct{}, 100)
	j := &judge{}
	j.Server = httptest.NewUnstartedServer(j.listen(yes))
	j.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns <- struct{}{}
		}
	}
	j.Start()
	t.Cleanup(j.Close)
	r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"\"}", "middleware: [a]")
	for range 10 {
		r.ask("GET", "/")
	}
	if n := len(conns); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
	j.CloseClientConnections() // those that are kept are dead now
	if resp, _ := r.ask("GET", "/"); resp.StatusCode != 200 {
		t.Errorf("got %d; want a further question on a fresh connection", resp.StatusCode)
	}
}

func TestForwardAuthRemembers(t *testing.T) {
	j := newJudge(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "ann":
			w.Header().Set("X-User", "ann")
		case "bob":
			w.Header().Set("X-User", "bob")
			w.Header().Set("Set-Cookie", "s=1")
		default:
			w.WriteHeader(401)
		}
	})
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [a]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  a: {type: forward_auth, url: "` + j.URL + `", cache: 1h, request_headers: [Authorization], response_headers: [X-User], client_headers: [Set-Cookie]}
`
	b := mirrorBackend(t)
	r := start(t, text, b)
	for _, step := range []struct {
		who, target string
		want        string
		asked       int
	}{
		{"ann", "/", "200 ann", 1},
		{"ann", "/", "200 ann", 1},
		{"ann", "/other", "200 ann", 2}, // may be another matter
		{"eve", "/", "401 ", 3},
		{"eve", "/", "401 ", 4}, // she may be let in soon
		{"bob", "/", "200 bob", 5},
		{"bob", "/", "200 bob", 6}, // a cookie is for one
		{"ann", "/", "200 ann", 6},
		{"reload", "", "", 6},
		{"ann", "/", "200 ann", 6},
	} {
		if step.who == "reload" {
			r.apply(text, b)
			continue
		}
		resp, body := r.ask("GET", step.target, "Authorization: "+step.who, "X-User: root")
		_, user, _ := strings.Cut(body, "X-User: ")
		user, _, _ = strings.Cut(user, "\r")
		if got := fmt.Sprint(resp.StatusCode, " ", user); got != step.want || len(j.questions()) != step.asked {
			t.Errorf("%s %s: got %s after %d questions; want %s after %d", step.who, step.target, got, len(j.questions()), step.want, step.asked)
		}
	}
}

func TestForwardAuthSpeaksTLS(t *testing.T) {
	server, ours := newPair(t, tomorrow(), "auth.test"), newPair(t, tomorrow(), "proxy.test")
	j := &judge{}
	j.Server = httptest.NewUnstartedServer(j.listen(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 || r.TLS.PeerCertificates[0].DNSNames[0] != "proxy.test" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	j.TLS = &tls.Config{Certificates: []tls.Certificate{server.certificate}, ClientAuth: tls.RequestClientCert}
	j.StartTLS()
	t.Cleanup(j.Close)
	shown := fmt.Sprintf(`cert_file: %q, key_file: %q`, ours.certFile, ours.keyFile)
	for _, tc := range []struct {
		name, tls string
		want      int
	}{
		{"all is well", fmt.Sprintf(`ca_file: %q, server_name: auth.test, `, server.certFile) + shown, 200},
		{"it does not know us", fmt.Sprintf(`ca_file: %q, server_name: auth.test`, server.certFile), 403},
		{"another authority", "server_name: auth.test, " + shown, 503},
		{"another name", fmt.Sprintf(`ca_file: %q, `, server.certFile) + shown, 503},
		{"whatever it is", "insecure_skip_verify: true, " + shown, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := staged(t, "a: {type: forward_auth, url: \""+j.URL+"\", tls: {"+tc.tls+"}}", "middleware: [a]")
			if resp, _ := r.ask("GET", "/"); resp.StatusCode != tc.want {
				t.Errorf("got %d; want %d", resp.StatusCode, tc.want)
			}
		})
	}
}

func TestForwardAuthAnswersCalls(t *testing.T) {
	j := newJudge(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) })
	text := strings.Replace(overH2C, "all: {pool: p", "all: {middleware: [a], pool: p", 1) + "middleware: {a: {type: forward_auth, url: \"" + j.URL + "\"}}\n"
	r := start(t, text, h2Backend(t, nil, func(http.ResponseWriter, *http.Request) { t.Error("the backend was asked") }))
	if resp := r.call(t, r.h2Client(), "/", ""); resp.StatusCode != 200 || resp.Header.Get("Grpc-Status") != "14" {
		t.Errorf("got %d %v; want grpc-status 14", resp.StatusCode, resp.Header)
	}
}

func TestForwardAuthBeforeAnUpgrade(t *testing.T) {
	j := newJudge(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-User", "ann")
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(401)
		}
	})
	users := make(chan string, 2)
	address := scripted(t, func(_ int64, c net.Conn, in *bufio.Reader) {
		q := readHead(in)
		users <- q.Header.Get("X-User")
		_, _ = io.WriteString(c, acceptTo(q, upgradeAnswer))
		echoBack(c, in)
	})
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [a]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware: {a: {type: forward_auth, url: "`+j.URL+`", response_headers: [X-User]}}
`, address)
	c := r.dial()
	c.send(upgradeRequest)
	if got := c.receive("GET"); got.StatusCode != 401 {
		t.Errorf("got %d; want 401", got.StatusCode)
	}
	c = r.dial()
	c.send(strings.Replace(upgradeRequest, "\r\n", "\r\nAuthorization: me\r\n", 1))
	if got := c.receive("GET"); got.StatusCode != 101 || <-users != "ann" {
		t.Errorf("got %d; want 101, and the name of the user at the backend", got.StatusCode)
	}
	for i, asked := range j.questions() {
		if strings.Contains(asked, "Upgrade") || strings.Contains(asked, "Connection") {
			t.Errorf("question %d is\n%s; want it not to switch", i, asked)
		}
	}
	_ = c.Close()
}

// sample is the value of a metric with its labels, or "".
func (r *rig) sample(name string) string {
	var text strings.Builder
	r.engine.registry.WriteMetrics(&text, "")
	for line := range strings.Lines(text.String()) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
