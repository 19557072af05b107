package engine

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// sessionServer is a server as those of MCP are: it issues a session for a POST without
// one, and knows nothing of those of others.
type sessionServer struct {
	*httptest.Server

	name string
	mu   sync.Mutex
	all  map[string]bool
}

func newSessionServer(t testing.TB, name string) *sessionServer {
	t.Helper()
	s := &sessionServer{name: name, all: map[string]bool{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sessionServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := r.Header.Get("Mcp-Session-Id")
	w.Header().Set("X-Is", s.name)
	switch {
	case session == "" && r.Method == http.MethodPost:
		session = fmt.Sprintf("%s-%d", s.name, len(s.all))
		s.all[session] = true
		w.Header().Set("Mcp-Session-Id", session)
	case session == "":
	case !s.all[session] && r.Header.Get("X-Shared") == "":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(s.all, session)
		w.WriteHeader(http.StatusNoContent)
	}
	_, _ = io.WriteString(w, s.name)
}

func (s *sessionServer) address() string { return s.Listener.Addr().String() }

// sessionText is a proxy in front of some of them.
func sessionText(route, pool string, servers ...*sessionServer) string {
	var list []string
	for _, s := range servers {
		list = append(list, fmt.Sprintf("{address: %q}", s.address()))
	}
	return `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {` + route + `, middleware: [a], retry: {attempts: 3}}}
pools:
  p: {backends: [` + strings.Join(list, ", ") + `], algorithm: round_robin` + pool + `}
  q: {backends: [` + strings.Join(list, ", ") + `]}
middleware: {a: {type: affinity}}
`
}

// open opens a session, and returns it with the name of who has issued it.
func (r *rig) open() (session, by string) {
	resp, _ := r.ask("POST", "/")
	return resp.Header.Get("Mcp-Session-Id"), resp.Header.Get("X-Is")
}

func (r *rig) inSession(method, session string, more ...string) (int, string) {
	resp, _ := r.ask(method, "/", append(more, "Mcp-Session-Id: "+session)...)
	return resp.StatusCode, resp.Header.Get("X-Is")
}

func TestAffinity(t *testing.T) {
	a, b, c := newSessionServer(t, "a"), newSessionServer(t, "b"), newSessionServer(t, "c")
	text := sessionText("pool: p", "", a, b, c)
	r := start(t, text, "")
	of, byName := map[string]string{}, map[string]string{}
	for range 9 {
		session, by := r.open()
		of[session], byName[by] = by, session
	}
	if len(byName) != 3 {
		t.Fatalf("sessions of %v; want all to have some", byName)
	}
	holds := func(when string) {
		t.Helper()
		for session, by := range of {
			for range 3 {
				if status, got := r.inSession("POST", session); status != 200 || got != by {
					t.Errorf("%s: %s is asked at %s, which says %d; want %s", when, session, got, status, by)
				}
			}
		}
	}
	holds("at first")
	r.apply(text, "")
	holds("after a reload")
	if status, _ := r.inSession("DELETE", byName["a"]); status != 204 {
		t.Errorf("DELETE: got %d; want 204", status)
	}
	delete(of, byName["a"])
	seen := map[string]bool{}
	for range 9 {
		_, by := r.inSession("POST", byName["a"], "X-Shared: yes")
		seen[by] = true
	}
	if len(seen) != 3 {
		t.Errorf("a session that has ended goes to %v; want it balanced as any other request", seen)
	}
	holds("after the end of another")
}

func TestAffinityLosesADeadBackend(t *testing.T) {
	a, b := newSessionServer(t, "a"), newSessionServer(t, "b")
	r := start(t, sessionText("pool: p", "", a, b), "")
	byName := map[string]string{}
	for len(byName) < 2 {
		session, by := r.open()
		byName[by] = session
	}
	a.Close()
	if status, by := r.inSession("GET", byName["a"]); status != 404 || by != "b" {
		t.Errorf("got %d of %q; want that of the other backend, which does not know it", status, by)
	}
	session, by := r.open()
	if status, got := r.inSession("POST", session); status != 200 || by != "b" || got != "b" {
		t.Errorf("a new session: %d, issued by %s, asked at %s; want b", status, by, got)
	}
	r.apply(sessionText("pool: p", "", b), "") // it is removed
	if status, got := r.inSession("GET", byName["a"], "X-Shared: yes"); status != 200 || got != "b" {
		t.Errorf("got %d of %q; want the one that is left", status, got)
	}
	if status, got := r.inSession("POST", byName["b"]); status != 200 || got != "b" {
		t.Errorf("got %d of %q; want b", status, got)
	}
}

func TestAffinityFollowsASessionThatIsShared(t *testing.T) {
	a, b := newSessionServer(t, "a"), newSessionServer(t, "b")
	text := sessionText("pool: p", "", a, b)
	r := start(t, text, "")
	session, by := r.open()
	only := map[string]*sessionServer{"a": b, "b": a}[by] // the other one
	r.apply(sessionText("pool: p", "", only), "")
	if status, got := r.inSession("POST", session, "X-Shared: yes"); status != 200 || got != only.name {
		t.Fatalf("got %d of %s; want %s", status, got, only.name)
	}
	r.apply(text, "")
	for range 4 {
		if status, got := r.inSession("POST", session, "X-Shared: yes"); status != 200 || got != only.name {
			t.Errorf("got %d of %s; want it to stay with %s", status, got, only.name)
		}
	}
}

func TestAffinityBesideStickyAndSplit(t *testing.T) {
	for name, keys := range map[string][2]string{
		"sticky": {"pool: p", ", sticky: {}"},
		"split":  {"split: {p: 1, q: 1}", ""},
		"both":   {"split: {p: 1, q: 1}", ", sticky: {}"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newSessionServer(t, "a"), newSessionServer(t, "b")
			r := start(t, sessionText(keys[0], keys[1], a, b), "")
			of, cookies := map[string]string{}, map[string]string{}
			for range 50 {
				resp, _ := r.ask("POST", "/")
				session, by := resp.Header.Get("Mcp-Session-Id"), resp.Header.Get("X-Is")
				of[session] = by
				if cookie := resp.Header.Get("Set-Cookie"); cookie != "" {
					cookies[by], _, _ = strings.Cut(cookie, ";")
				}
			}
			for session, by := range of {
				other := map[string]string{"a": "b", "b": "a"}[by]
				if status, got := r.inSession("POST", session, "Cookie: "+cookies[other]); status != 200 || got != by {
					t.Errorf("%s with the cookie of %s: got %d of %s; want %s", session, other, status, got, by)
				}
			}
		})
	}
}

func TestAffinityByAnotherFieldForItsTime(t *testing.T) {
	servers := make([]*httptest.Server, 2)
	var list []string
	for i := range servers {
		servers[i] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Is", strconv.Itoa(i))
			if r.Header.Get("X-Work") == "" {
				w.Header().Set("X-Work", fmt.Sprint("of ", i))
			}
			if r.URL.Path == "/bad" {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		t.Cleanup(servers[i].Close)
		list = append(list, fmt.Sprintf("{address: %q}", servers[i].Listener.Addr()))
	}
	text := `
listeners: {web: {address: "127.0.0.1:0"}}
routes: {all: {pool: p, middleware: [a]}}
pools: {p: {backends: [` + strings.Join(list, ", ") + `]}}
middleware: {a: {type: affinity, response_header: X-Work, ttl: TTL}}
`
	r := start(t, strings.Replace(text, "TTL", "1h", 1), "")
	resp, _ := r.ask("GET", "/")
	work, by := resp.Header.Get("X-Work"), resp.Header.Get("X-Is")
	for range 6 {
		if resp, _ := r.ask("GET", "/", "x-work: "+work); resp.Header.Get("X-Is") != by {
			t.Errorf("got %s; want %s", resp.Header.Get("X-Is"), by)
		}
	}
	r = start(t, strings.Replace(text, "TTL", "1h", 1), "")
	for range 2 { // an error issues nothing
		r.ask("GET", "/bad")
	}
	seen := map[string]bool{}
	for range 6 {
		resp, _ := r.ask("GET", "/", "X-Work: of 0")
		seen[resp.Header.Get("X-Is")] = true
	}
	if len(seen) != 2 {
		t.Errorf("got %v; want it balanced", seen)
	}
}
