package route

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

// twin is the route table as doc.go describes it and nothing more: every route
// is tried against every request, and the matching ones are sorted.
type twin struct {
	routes    routes
	listeners []string
}

// taking is one way in which a route takes a request.
type taking struct {
	name     string
	hostRank int // lower is more specific
	pathRank int
	route    config.Route
}

func (w *twin) lookup(q *Query) string {
	var matches []taking

	for name, r := range w.routes {
		host, ok := twinHost(r.Hosts, r.HostsRegex, string(q.Host))
		if !ok {
			continue
		}

		path, ok := twinPath(&r.Predicates, string(q.Path))
		if ok && w.holds(r, q) {
			matches = append(matches, taking{name: name, hostRank: host, pathRank: path, route: r})
		}
	}

	if len(matches) == 0 {
		return "none"
	}

	return slices.MinFunc(matches, func(a, b taking) int {
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
func twinHost(patterns, expressions []string, authority string) (rank int, ok bool) {
	host := strings.ToLower(authority)
	if i := strings.LastIndex(host, ":"); i > strings.LastIndex(host, "]") {
		host = host[:i]
	}

	host = strings.TrimSuffix(host, ".")
	if len(patterns)+len(expressions) == 0 {
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
		case strings.HasSuffix(pattern, ".*") && strings.HasPrefix(host, pattern[:len(pattern)-1]) && len(host) >= len(pattern):
			best = min(best, 2000-len(pattern))
		}
	}

	for _, expression := range expressions {
		if host != "" && regexp.MustCompile(expression).MatchString(host) {
			best = min(best, 5000)
		}
	}

	return best, best < 1<<20
}

// twinPath ranks how the route takes the path.
func twinPath(r *config.Predicates, path string) (rank int, ok bool) {
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

	return twinFurther(&r.Predicates, q) && !slices.ContainsFunc(r.Not, func(p config.Predicates) bool { return twinHolds(&p, q) })
}

// twinHolds is asked of a section of not, which {} is not.
func twinHolds(p *config.Predicates, q *Query) bool {
	if reflect.DeepEqual(*p, config.Predicates{}) {
		return false
	}

	_, host := twinHost(p.Hosts, p.HostsRegex, string(q.Host))
	_, path := twinPath(p, string(q.Path))

	return host && path && (len(p.Methods) == 0 || slices.Contains(p.Methods, string(q.Method))) && twinFurther(p, q)
}

func twinFurther(p *config.Predicates, q *Query) bool {
	for name, m := range p.Headers {
		var found []string

		for _, f := range q.sent() {
			if strings.EqualFold(f[0], name) {
				found = append(found, f[1])
			}
		}

		if !twinMatch(m, found) {
			return false
		}
	}

	values, err := url.ParseQuery(string(q.RawQuery))
	if err != nil {
		panic(err)
	}

	for name, m := range p.Query {
		if !twinMatch(m, values[name]) {
			return false
		}
	}

	f := q.Facts.(*facts) //nolint:errcheck // those of the test

	return (len(p.SNI) == 0 || slices.Contains(p.SNI, f.sni)) &&
		(len(p.ClientIPs) == 0 || f.client.IsValid() && slices.ContainsFunc(p.ClientIPs, func(n string) bool { return netip.MustParsePrefix(n).Contains(f.client) })) &&
		(len(p.Protocol) == 0 || slices.Contains(p.Protocol, map[match.Protocols]string{match.HTTP1: "http1", match.HTTP2: "h2"}[f.protocol]))
}

func twinMatch(m config.Match, found []string) bool {
	if m.Absent {
		return len(found) == 0
	}

	return slices.ContainsFunc(found, func(value string) bool {
		return m.Regex == "" && (m.Is == "*" || m.Is == value) || m.Regex != "" && regexp.MustCompile(m.Regex).MatchString(value)
	})
}

func twinCount(r config.Route) int {
	nots := 0

	for i := range r.Not {
		if !reflect.DeepEqual(r.Not[i], config.Predicates{}) {
			nots++
		}
	}

	return len(r.Headers) + len(r.Query) + min(1, len(r.Methods)) + min(1, len(r.Listeners)) +
		min(1, len(r.SNI)) + min(1, len(r.ClientIPs)) + min(1, len(r.Protocol)) + nots
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

func (d draw) pairs(n int, names ...string) values {
	pairs := values{}
	for _, name := range d.some(n, names...) {
		pairs[name] = []config.Match{{Is: "1"}, {Is: "2"}, {Is: "*"}, {Regex: "[12]"}, {Absent: true}}[d.IntN(5)]
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
		r.Hosts = d.some(3, "x.org", "a.x.org", "*.x.org", "*.a.x.org", "*.org", "*", "[::1]", "a.*", "b.a.*", "x.*")
	}

	if d.IntN(4) == 0 {
		r.HostsRegex = d.some(2, "^a", "^a[.]x", "org$", "^[ab].*[.]x[.]org$", "z", "^b")
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

	switch d.IntN(16) {
	case 0:
		r.SNI = d.some(2, "s.org", "t.org")
	case 1:
		r.ClientIPs = d.some(2, "10.0.0.0/8", "192.0.2.0/24")
	case 2:
		r.Protocol = d.some(2, "http1", "h2")
	case 3, 4:
		r.Not = []config.Predicates{d.section()}
	}

	if d.IntN(6) == 0 {
		r.Listeners = d.some(1, "web", "tls")
	}

	return r
}

// section is one of not; some ask for nothing.
func (d draw) section() (p config.Predicates) {
	switch d.IntN(5) {
	case 0:
		p.PathPrefix = "/" + strings.TrimPrefix(d.path(), "/")
	case 1:
		p.Hosts, p.Methods = d.some(2, "x.org", "*.x.org", "a.*"), d.some(1, "POST", "PUT")
	case 2:
		p.Headers = d.pairs(1, "x-a", "x-b")
	case 3:
		p.HostsRegex = d.some(1, "^a", "org$")
	}

	return p
}

func (d draw) query() *Query {
	host := d.one("x.org", "a.x.org", "A.X.org", "b.a.x.org", "c.b.x.org", "org", "y.org", "z", "[::1]", "")
	f := &facts{
		protocol: []match.Protocols{match.HTTP1, match.HTTP2}[d.IntN(2)], sni: d.one("", "s.org", "t.org"),
		client: []netip.Addr{{}, netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("192.0.2.1")}[d.IntN(3)],
	}

	for range d.IntN(3) {
		f.header = append(f.header, [2]string{d.one("x-a", "X-A", "X-b"), d.one("1", "2", "3")})
	}

	params := make([]string, 0, 2)
	for range d.IntN(3) {
		params = append(params, d.one("p", "q", "%70")+"="+d.one("1", "2", "%31"))
	}

	path := d.path()
	if path == "" {
		path = d.one("/", "*")
	}

	return &Query{Listener: d.IntN(2), Request: match.Request{
		Host:     []byte(host + d.one("", "", ":80")),
		Method:   []byte(d.one("GET", "HEAD", "POST", "PUT")),
		Path:     []byte(path),
		RawQuery: []byte(strings.Join(params, "&")),
		Facts:    f,
	}}
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
				t.Fatalf("seed %d: %s (%+v) takes %s %s%s, but is said to be hidden by %s (%+v)",
					seed, want, w.routes[want], q.Method, q.Host, q.Path, by, w.routes[by])
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
		"host":   {Predicates: is{Hosts: []string{"a.example.org", "[::1]"}, PathPrefix: "/api/"}},
		"wild":   {Predicates: is{Hosts: []string{"*.example.org"}, Path: "/x", Methods: []string{"GET"}}},
		"regex":  {Predicates: is{PathRegex: "^/v[0-9]+/"}},
		"param":  {Predicates: is{Path: "/", Query: values{"debug": {Is: "1"}}}},
		"header": {Predicates: is{PathPrefix: "/h", Headers: values{"x-env": {Is: "canary"}}}},
		"rest":   {Listeners: []string{"web"}},
	})

	f.Add(0, "GET", "a.example.org:80", "/api/x", "debug=%31", "X-Env", "canary")
	f.Add(1, "HEAD", "[::1", "*", "%", "", "")
	f.Add(-1, "", "..example.org.", "//", "&&=", "x", "y")
	f.Fuzz(func(t *testing.T, listener int, method, host, path, query, name, value string) {
		q := Query{Listener: listener, Request: match.Request{
			Method: []byte(method), Host: []byte(host), Path: []byte(path),
			RawQuery: []byte(query), Facts: &facts{header: header{{name, value}}},
		}}
		checkExplanation(t, x, &q, x.name(x.Lookup(&q)))
	})
}
