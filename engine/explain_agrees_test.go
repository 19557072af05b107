package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/explain"
)

// How many tables and requests are tried; ISAME_EXPLAIN_TABLES tries other tables, and as
// many as it says.
const (
	explainTables   = 200
	explainRequests = 50
)

// What explain says is what happens: random tables of routes, and random requests over real
// sockets, of which each is explained and then sent.
func TestExplainAgreesWithWhatHappens(t *testing.T) {
	t.Parallel()
	tables, seed := explainTables, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("ISAME_EXPLAIN_TABLES")); err == nil {
		tables, seed = n, rand.Uint64()
	}
	if testing.Short() {
		tables = 20
	}
	t.Logf("seed %d", seed)
	g := newGuesser(t, seed)
	for range tables {
		g.table()
		for range explainRequests {
			g.try()
		}
		if t.Failed() {
			t.Fatalf("with the routes %s", g.text)
		}
	}
	for _, what := range []string{"forward", "404", "405", "redirect", "respond", "stage", "h2", "sure"} {
		if g.met[what] < tables*explainRequests/400 {
			t.Errorf("%q came %d times in %d: the test says little of it; all were %v", what, g.met[what], tables*explainRequests, g.met)
		}
	}
}

// tellWhatCame answers with the request line and the host, in a field, as HEAD has no
// content.
func tellWhatCame(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Came", r.Method+" "+r.RequestURI+" "+r.Host)
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		w.Header().Set("X-Backend", at.String())
	}
}

type guesser struct {
	t        *testing.T
	r        *rand.Rand
	rig      *rig
	backends []string
	text     string
	conn     *client
	streams  *http.Transport
	met      map[string]int
}

// newGuesser starts a proxy in front of four backends. What it guesses depends on the seed alone.
func newGuesser(t *testing.T, seed uint64) *guesser {
	t.Helper()
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	g := &guesser{
		t: t, r: rand.New(rand.NewPCG(seed, 2)), met: map[string]int{},
		streams: &http.Transport{Protocols: protocols, DisableCompression: true},
	}
	for range 4 {
		g.backends = append(g.backends, backend(t, tellWhatCame))
	}
	g.rig = start(t, plain, g.backends[0])
	t.Cleanup(g.streams.CloseIdleConnections) // before the proxy drains
	return g
}

func (g *guesser) one(texts ...string) string { return texts[g.r.IntN(len(texts))] }

// some is a part of a list, most times none of it.
func (g *guesser) some(texts ...string) []string {
	if g.r.IntN(5) < 3 {
		return nil
	}
	from := g.r.IntN(len(texts))
	return texts[from : from+1+g.r.IntN(len(texts)-from)]
}

// section are predicates, as the configuration has them.
func (g *guesser) section() map[string]any {
	p := map[string]any{}
	put := func(key string, list []string) {
		if list != nil {
			p[key] = list
		}
	}
	put("hosts", g.some("a.test", "*.test", "b.a.test", "app.*", "x.org"))
	if p["hosts"] == nil && g.r.IntN(6) == 0 {
		p["hosts_regex"] = []string{g.one("^[ab]", "test$")}
	}
	switch g.r.IntN(8) {
	case 0, 1:
		p["path"] = g.one("/", "/a", "/a/b", "/b/c")
	case 2, 3, 4:
		p["path_prefix"] = g.one("/", "/a", "/a/", "/a/b", "/b")
	case 5:
		p["path_regex"] = g.one("^/[ab]/", "c$", "b")
	}
	put("methods", g.some("GET", "HEAD", "POST", "TRACE", "OPTIONS"))
	put("client_ips", g.some("10.0.0.0/8", "10.1.0.0/16", "127.0.0.1"))
	put("protocol", g.some("http1", "h2"))
	if g.r.IntN(3) == 0 {
		p["headers"] = map[string]any{g.one("X-A", "X-B"): g.value()}
	}
	if g.r.IntN(4) == 0 {
		p["query"] = map[string]any{g.one("q", "r"): g.value()}
	}
	return p
}

func (g *guesser) value() any {
	return []any{"1", "*", map[string]any{"regex": "^[12]"}, map[string]any{"absent": true}}[g.r.IntN(4)]
}

func (g *guesser) route() map[string]any {
	p := g.section()
	if g.r.IntN(4) == 0 {
		if not := g.section(); len(not) > 0 {
			p["not"] = not
		}
	}
	if g.r.IntN(4) == 0 {
		p["priority"] = g.r.IntN(3) - 1
	}
	if list := g.some("filter", "no", "away", "strip", "add", "swap", "preflight", "ids"); list != nil {
		p["middleware"] = list
	}
	switch g.r.IntN(8) {
	case 0:
		p["redirect"] = map[string]any{"to": g.one("https://{host}{uri}", "https://moved.test/{path}"), "status": 307}
	case 1:
		p["respond"] = map[string]any{"status": 202, "body": "ok"}
	case 2:
		p["split"] = map[string]int{"a": 1, "b": 2}
	case 3:
		p["split"], p["split_on"] = map[string]int{"a": 1, "b": 2}, "header:X-User"
	case 4:
		p["pool"] = "hashed"
	default:
		p["pool"] = g.one("a", "b")
	}
	return p
}

// table applies other routes.
func (g *guesser) table() {
	g.t.Helper()
	g.loaded(func(c *config.Config) error { return g.rig.engine.Apply(c) })
}

// loaded is a table that use takes, of several that may be wrong.
func (g *guesser) loaded(use func(*config.Config) error) *config.Config {
	g.t.Helper()
	address := func(i ...int) []map[string]string {
		var all []map[string]string
		for _, n := range i {
			all = append(all, map[string]string{"address": g.backends[n]})
		}
		return all
	}
	var last error
	for range 1000 {
		routes := map[string]any{}
		for i := range 1 + g.r.IntN(12) {
			routes[fmt.Sprintf("r%d", i)] = g.route()
		}
		text, err := json.Marshal(map[string]any{
			"listeners": map[string]any{"web": map[string]any{"address": "127.0.0.1:0", "h2c": true, "trusted_proxies": []string{"127.0.0.1"}}},
			"routes":    routes,
			"pools": map[string]any{
				"a": map[string]any{"backends": address(0)}, "b": map[string]any{"backends": address(1), "host": "backend"},
				"hashed": map[string]any{"backends": address(1, 2, 3), "algorithm": "maglev", "hash_on": "header:X-User"},
			},
			"defaults": map[string]any{"middleware": []string{"mark"}},
			"middleware": map[string]any{
				"mark":      map[string]any{"type": "headers", "response": map[string]any{"set": map[string]string{"X-Route": "{route}"}}},
				"filter":    map[string]any{"type": "ip_filter", "deny": []string{"10.1.0.0/16"}},
				"no":        map[string]any{"type": "deny", "status": 418, "when": map[string]any{"headers": map[string]any{"X-B": "*"}}, "unless": map[string]any{"methods": []string{"POST"}}},
				"away":      map[string]any{"type": "redirect", "to": "https://other.test{uri}", "when": map[string]any{"query": map[string]any{"r": "1"}}},
				"strip":     map[string]any{"type": "rewrite", "strip_prefix": "/a"},
				"add":       map[string]any{"type": "rewrite", "add_prefix": "/new", "host": "{host}.inner"},
				"swap":      map[string]any{"type": "rewrite", "regex": "^/(a|b)/(.*)$", "with": "/$2/$1"},
				"preflight": map[string]any{"type": "cors", "allow_origins": []string{"https://a.test"}},
				"ids":       map[string]any{"type": "request_id"},
			},
			"shutdown": map[string]any{"drain": "5s"},
		})
		if err != nil {
			g.t.Fatal(err)
		}
		loaded, err := config.Load(config.Options{File: "test.json", Data: text})
		if err == nil {
			err = use(loaded.Config)
		}
		if err == nil {
			g.text = string(text)
			return loaded.Config
		}
		last = err // two routes are the same, for instance
	}
	g.t.Fatalf("no table is valid: %v", last)
	return nil
}

// question is a request that routes of these tables may take.
func (g *guesser) question() *explain.Question {
	q := &explain.Question{Method: g.one("GET", "GET", "HEAD", "POST", "OPTIONS", "TRACE")}
	q.URL = "http://" + g.one("a.test", "B.a.test:80", "app.x", "x.org", "y.org.", "[::1]") +
		g.one("/", "/a", "/a/b", "/a//b", "/a/x/../b", "/%61/b", "/a/%2e%2e/b/c", "/b/c", "/ab", "/c%2Fa", "/a/", "/../a") +
		g.one("", "", "?", "?q=1", "?r=1", "?r=%31&q=2", "?q")
	add := func(name string, values ...string) {
		if g.r.IntN(3) == 0 {
			q.Fields = append(q.Fields, explain.Field{Name: name, Value: g.one(values...)})
		}
	}
	add("X-A", "1", "2", "")
	add("x-b", "1", "12")
	add("X-User", "u1", "u2", "u3", "u4")
	add("X-Forwarded-For", "10.1.2.3", "10.2.0.1, 127.0.0.1", "11.0.0.1", "10.2.0.1, x")
	add("X-Forwarded-Proto", "https")
	add("Origin", "https://a.test")
	add("Access-Control-Request-Method", "PUT")
	if q.Method == "POST" {
		q.Fields = append(q.Fields, explain.Field{Name: "Content-Length", Value: "0"})
	}
	if g.r.IntN(40) == 0 {
		q.URL += g.one(" x", "%00", "\x01")
	}
	if g.r.IntN(4) == 0 {
		q.Protocol = explain.HTTP2
	}
	return q
}

// happened is what a client has got.
type happened struct {
	status                             int
	cause, location, route, came, from string
}

// try explains a request, sends it, and compares.
func (g *guesser) try() {
	g.t.Helper()
	q := g.question()
	e, err := g.rig.engine.Explain(q)
	if err != nil {
		if q.Protocol == "" {
			g.t.Errorf("%s %s: %v", q.Method, q.URL, err)
		}
		return // no stream can begin with it
	}
	got, sent := g.send(q)
	if !sent {
		return
	}
	if why := g.differs(e, &got); why != "" {
		g.t.Errorf("%s %s %v (%s): %s; got %+v; explained as %+v, %+v, %+v", q.Method, q.URL, q.Fields, q.Protocol, why, got, e, e.Forward, e.Reply)
	}
	if q.Protocol != "" {
		g.met["h2"]++
	}
}

// send sends what a question asks about; false: the client cannot.
func (g *guesser) send(q *explain.Question) (happened, bool) {
	g.t.Helper()
	to, err := q.Target()
	if err != nil {
		g.t.Fatal(err)
	}
	if q.Protocol == explain.HTTP2 {
		return g.sendStream(q, &to)
	}
	head, err := q.Head(&to, false)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.conn == nil {
		g.conn = g.rig.dial()
	}
	renew(g.conn)
	g.conn.send(string(head))
	a := g.conn.receive(q.Method)
	if a.Close {
		_ = g.conn.Close()
		g.conn = nil
	}
	return happenedIn(a.Response), true
}

// sendStream is send over HTTP/2 in clear text, by the client of the standard library.
func (g *guesser) sendStream(q *explain.Question, to *explain.Target) (happened, bool) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), q.Method, "http://"+g.rig.address+to.Path, http.NoBody)
	if err != nil || request.URL.RequestURI() != to.Path {
		return happened{}, false // it would send another one
	}
	request.Host = to.Authority
	for _, f := range q.Fields {
		if f.Name != "Content-Length" {
			request.Header.Add(f.Name, f.Value)
		}
	}
	a, err := g.streams.RoundTrip(request)
	if err != nil {
		g.t.Fatalf("%s %s over HTTP/2: %v", q.Method, q.URL, err)
	}
	defer func() { _ = a.Body.Close() }()
	return happenedIn(a), true
}

func happenedIn(a *http.Response) happened {
	return happened{
		status: a.StatusCode, cause: a.Header.Get("X-Isame-Error"), location: a.Header.Get("Location"),
		route: a.Header.Get("X-Route"), came: a.Header.Get("X-Came"), from: a.Header.Get("X-Backend"),
	}
}

// differs says where an explanation and what has happened do not agree.
func (g *guesser) differs(e *explain.Explanation, got *happened) string {
	if name := routeName(e); got.route != "" && got.route != name {
		return "it is route " + got.route
	}
	if r := e.Reply; r != nil {
		g.note(e)
		switch {
		case got.from != "":
			return "a backend was asked"
		case r.Status != got.status, r.Cause != got.cause, r.Location != got.location:
			return "the answer is another one"
		}
		return ""
	}
	g.met["forward"]++
	f := e.Forward
	switch {
	case f == nil, got.from == "":
		return "no backend was asked"
	case got.route == "":
		return "there is no mark of a route"
	case got.came != f.Method+" "+f.Target+" "+f.Host && !g.isDrawnHost(f, got):
		return "the backend saw something else"
	}
	return g.picked(f, got.from)
}

// isDrawnHost reports that only the host differs, as one of several pools was drawn: one
// names its backend there.
func (g *guesser) isDrawnHost(f *explain.Forward, got *happened) bool {
	return len(f.Pools) > 1 && strings.HasPrefix(got.came, f.Method+" "+f.Target+" ")
}

// picked says that nobody has foreseen the backend.
func (g *guesser) picked(f *explain.Forward, address string) string {
	for i := range f.Pools {
		p := &f.Pools[i]
		there := slices.ContainsFunc(p.Members, func(m explain.Member) bool { return m.Address == address && m.Share > 0 })
		if there && p.Pick != "" && p.Share == 1 {
			g.met["sure"]++
		}
		if there && (p.Pick == "" || p.Pick == address) {
			return ""
		}
	}
	return "another backend was asked: " + address
}

// note counts what was met.
func (g *guesser) note(e *explain.Explanation) {
	switch r := e.Reply; {
	case strings.HasPrefix(r.By, "stage "):
		g.met["stage"]++
	case r.Status == http.StatusTemporaryRedirect:
		g.met["redirect"]++
	case r.Status == http.StatusAccepted:
		g.met["respond"]++
	default:
		g.met[strconv.Itoa(r.Status)]++
	}
}

func routeName(e *explain.Explanation) string {
	if e.Route == nil {
		return ""
	}
	return e.Route.Name
}
