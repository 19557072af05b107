package route

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// twin is the route table as doc.go describes it and nothing more: every route
// is tried against every request, and the matching ones are sorted.
type twin struct {
	routes    routes
	listeners []string
}

// match is one way in which a route takes a request.
type match struct {
	name     string
	hostRank int // lower is more specific
	pathRank int
	route    config.Route
}

func (w *twin) lookup(q *Query) string {
	var matches []match

	for name, r := range w.routes {
		host, ok := twinHost(r.Hosts, string(q.Host))
		if !ok {
			continue
		}

		path, ok := twinPath(r, string(q.Path))
		if ok && w.holds(r, q) {
			matches = append(matches, match{name: name, hostRank: host, pathRank: path, route: r})
		}
	}

	if len(matches) == 0 {
		return "none"
	}

	return slices.MinFunc(matches, func(a, b match) int {
		return cmp.Or(
			cmp.Compare(b.route.Priority, a.route.Priority),
			cmp.Compare(a.hostRank, b.hostRank),
			cmp.Compare(a.pathRank, b.pathRank),
			cmp.Compare(twinCount(b.route), twinCount(a.route)),
			cmp.Compare(twinViaGet(a.route), twinViaGet(b.route)),
			cmp.Compare(a.name, b.name),
		)
	}).name
}

// twinHost ranks the most specific pattern that takes the host.
func twinHost(patterns []string, authority string) (rank int, ok bool) {
	host := strings.ToLower(authority)
	if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
		host = host[:i]
	}

	host = strings.TrimSuffix(host, ".")
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}

	best := 1 << 20

	for _, pattern := range patterns {
		pattern = strings.ToLower(pattern)

		switch {
		case pattern == host:
			best = 0
		case pattern == "*":
			best = min(best, 10000)
		case pattern[0] == '*' && strings.HasSuffix(host, pattern[1:]) && len(host) >= len(pattern):
			best = min(best, 1000-len(pattern))
		}
	}

	return best, best < 1<<20
}

// twinPath ranks how the route takes the path.
func twinPath(r config.Route, path string) (rank int, ok bool) {
	switch {
	case r.Path != "":
		return 0, path == r.Path
	case strings.HasSuffix(r.PathPrefix, "/"):
		return 1000 - len(r.PathPrefix), strings.HasPrefix(path, r.PathPrefix)
	case r.PathPrefix != "":
		return 1000 - len(r.PathPrefix), strings.HasPrefix(path+"/", r.PathPrefix+"/")
	case r.PathRegex != "":
		return 2000, regexp.MustCompile(r.PathRegex).MatchString(path)
	default:
		return 3000, true
	}
}

func (w *twin) holds(r config.Route, q *Query) bool {
	if len(r.Listeners) > 0 && !slices.Contains(r.Listeners, w.listeners[q.Listener]) {
		return false
	}

	method := string(q.Method)
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, method) && (method != "HEAD" || !slices.Contains(r.Methods, "GET")) {
		return false
	}

	for name, value := range r.Headers {
		if !slices.ContainsFunc(q.sent(), func(f [2]string) bool {
			return strings.EqualFold(f[0], name) && (value == "*" || f[1] == value)
		}) {
			return false
		}
	}

	values, err := url.ParseQuery(string(q.RawQuery))
	if err != nil {
		panic(err)
	}

	for name, value := range r.Query {
		if found := values[name]; len(found) == 0 || value != "*" && !slices.Contains(found, value) {
			return false
		}
	}

	return true
}

func twinCount(r config.Route) int {
	return len(r.Headers) + len(r.Query) + min(1, len(r.Methods)) + min(1, len(r.Listeners))
}

func twinViaGet(r config.Route) int {
	if slices.Contains(r.Methods, "GET") && !slices.Contains(r.Methods, "HEAD") {
		return 1
	}

	return 0
}

// draw makes routes and requests from few words, so that they meet often.
type draw struct{ *rand.Rand }

func (d draw) one(words ...string) string { return words[d.IntN(len(words))] }

// some returns up to n different words.
func (d draw) some(n int, words ...string) []string {
	var chosen []string
	for range d.IntN(n + 1) {
		if word := d.one(words...); !slices.Contains(chosen, word) {
			chosen = append(chosen, word)
		}
	}

	return chosen
}

func (d draw) pairs(n int, names ...string) map[string]string {
	pairs := map[string]string{}
	for _, name := range d.some(n, names...) {
		pairs[name] = d.one("1", "2", "*")
	}

	return pairs
}

func (d draw) path() string {
	var path strings.Builder
	for range d.IntN(4) {
		path.WriteString("/" + d.one("a", "b", "ab", "1", "A"))
	}

	if d.IntN(4) == 0 {
		path.WriteByte('/')
	}

	return path.String()
}

func (d draw) route() config.Route {
	r := config.Route{Priority: d.IntN(3)}
	if d.IntN(2) == 0 {
		r.Hosts = d.some(3, "x.org", "a.x.org", "*.x.org", "*.a.x.org", "*.org", "*", "[::1]")
	}

	switch d.IntN(5) {
	case 0:
		r.Path = "/" + strings.TrimPrefix(d.path(), "/")
	case 1, 2:
		r.PathPrefix = "/" + strings.TrimPrefix(d.path(), "/")
	case 3:
		r.PathRegex = d.one("^/a", "^/a/[ab]", "b$", "^/ab?/", "^/(a|b)/", "[0-9]", "^/$", "(?i)^/a", "^/a/b", "/a/")
	}

	if d.IntN(2) == 0 {
		r.Methods = d.some(3, "GET", "HEAD", "POST")
	}

	if d.IntN(4) == 0 {
		r.Headers = d.pairs(2, "x-a", "x-b")
	}

	if d.IntN(4) == 0 {
		r.Query = d.pairs(2, "p", "q")
	}

	if d.IntN(6) == 0 {
		r.Listeners = d.some(1, "web", "tls")
	}

	return r
}

func (d draw) query() *Query {
	host := d.one("x.org", "a.x.org", "A.X.org", "b.a.x.org", "c.b.x.org", "org", "y.org", "z", "[::1]", "")
	head := make(header, 0, 2)

	for range d.IntN(3) {
		head = append(head, [2]string{d.one("x-a", "X-A", "X-b"), d.one("1", "2", "3")})
	}

	params := make([]string, 0, 2)
	for range d.IntN(3) {
		params = append(params, d.one("p", "q", "%70")+"="+d.one("1", "2", "%31"))
	}

	path := d.path()
	if path == "" {
		path = d.one("/", "*")
	}

	return &Query{
		Listener: d.IntN(2),
		Host:     []byte(host + d.one("", "", ":80")),
		Method:   []byte(d.one("GET", "HEAD", "POST", "PUT")),
		Path:     []byte(path),
		RawQuery: []byte(strings.Join(params, "&")),
		Head:     &head,
	}
}

// compareWithTwin builds random routes and asks both tables random requests. It
// returns the number of requests that found a route.
func compareWithTwin(t *testing.T, seed uint64, count, requests int) (found int) {
	t.Helper()

	d := draw{rand.New(rand.NewPCG(seed, 1))}
	w := twin{routes: routes{}, listeners: []string{"web", "tls"}}

	for i := range count {
		name := fmt.Sprintf("r%02d", i)
		w.routes[name] = d.route()

		if _, err := Build(w.routes, w.listeners); err != nil {
			delete(w.routes, name) // Takes the same requests as another one.
		}
	}

	x, err := Build(w.routes, w.listeners)
	if err != nil {
		t.Fatal(err)
	}

	for range requests {
		q := d.query()

		number := x.Lookup(q)
		got, want := x.name(number), w.lookup(q)
		if got != want {
			t.Fatalf("seed %d: %s %s%s?%s %v: got %s (%+v); want %s (%+v)", seed, q.Method, q.Host, q.Path, q.RawQuery, q.sent(),
				got, w.routes[got], want, w.routes[want])
		}

		checkExplanation(t, x, q, want)

		if want != "none" {
			found++

			if by := x.Description(number).HiddenBy; by != "" && string(q.Path) != "*" { // the engine answers "OPTIONS *" itself
				t.Fatalf("seed %d: %s takes a request, but is said to be hidden by %s", seed, want, by)
			}
		}
	}

	return found
}

// checkExplanation asks that Explain and Lookup agree.
func checkExplanation(t *testing.T, x *Index, q *Query, want string) {
	t.Helper()

	winner := "none"
	explained := x.Explain(q, func(s Step) {
		if s.Verdict == Won {
			winner = s.Name
		}

		if s.Reason == "" || (s.Verdict == Lost && winner == "none") {
			t.Errorf("%s: step %+v after winner %s", want, s, winner)
		}
	})

	if winner != want || x.name(explained) != want {
		t.Errorf("explained %s, returned %s; want %s", winner, x.name(explained), want)
	}
}

func TestLookupAgreesWithTwin(t *testing.T) {
	t.Parallel()

	found, asked := 0, 0
	for seed := range uint64(150) {
		found += compareWithTwin(t, seed, 1+int(seed)%40, 200)
		asked += 200
	}

	if found < asked/4 || found > asked*99/100 {
		t.Errorf("%d of %d requests found a route; the draw is too one-sided to test anything", found, asked)
	}
}

func FuzzLookupAgreesWithTwin(f *testing.F) {
	f.Add(uint64(1), uint8(5))
	f.Fuzz(func(t *testing.T, seed uint64, count uint8) {
		compareWithTwin(t, seed, int(count)%50, 50)
	})
}

// Bytes of any kind must neither panic nor find what the twin does not; here
// only the first is asked, and that Lookup and Explain agree.
func FuzzLookup(f *testing.F) {
	x := build(f, routes{
		"host":   {Hosts: []string{"a.example.org", "[::1]"}, PathPrefix: "/api/"},
		"wild":   {Hosts: []string{"*.example.org"}, Path: "/x", Methods: []string{"GET"}},
		"regex":  {PathRegex: "^/v[0-9]+/"},
		"param":  {Path: "/", Query: map[string]string{"debug": "1"}},
		"header": {PathPrefix: "/h", Headers: map[string]string{"x-env": "canary"}},
		"rest":   {Listeners: []string{"web"}},
	})

	f.Add(0, "GET", "a.example.org:80", "/api/x", "debug=%31", "X-Env", "canary")
	f.Add(1, "HEAD", "[::1", "*", "%", "", "")
	f.Add(-1, "", "..example.org.", "//", "&&=", "x", "y")
	f.Fuzz(func(t *testing.T, listener int, method, host, path, query, name, value string) {
		q := Query{
			Listener: listener, Method: []byte(method), Host: []byte(host), Path: []byte(path),
			RawQuery: []byte(query), Head: &header{{name, value}},
		}
		checkExplanation(t, x, &q, x.name(x.Lookup(&q)))
	})
}
