package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

// explanation is Explain in lines of "name verdict: reason".
func explanation(x *Index, q *Query) []string {
	var lines []string

	x.Explain(q, func(s Step) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", s.Name, s.Verdict, s.Reason))
	})

	return lines
}

func TestExplainNamesThePredicateThatFailed(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"a-listener": {Predicates: is{Path: "/"}, Listeners: []string{"tls"}, Priority: 9},
		"b-method":   {Predicates: is{Path: "/", Methods: []string{"POST", "GET"}}, Priority: 8},
		"c-header":   {Predicates: is{Path: "/", Headers: values{"X-A": {Is: "*"}, "X-B": {Is: "1"}}}, Priority: 7},
		"d-param":    {Predicates: is{Path: "/", Query: values{"p": {Is: "a b"}}}, Priority: 6},
		"e-regex":    {Predicates: is{PathRegex: "^/x"}},
		"f-regex":    {Predicates: is{PathRegex: "x$"}},
		"g-rest":     {},
		"h-rest":     {Priority: -1},
		"i-rest":     {Priority: -2},
	})
	want := []string{
		`a-listener failed: listener "web" is not one of tls`,
		`b-method failed: method "PUT" is not one of GET, HEAD, POST`,
		`c-header failed: there is no header x-b`,
		`d-param failed: query parameter p is "a", not "a b"`,
		`f-regex failed: path "/" does not match "x$"`,
		`g-rest won: goes before route "h-rest": priority 0 is higher than -1`,
		`h-rest lost: matches as well, but comes later`,
	}

	if got := explanation(x, request("PUT h/?p=a x-a:2")); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	if got := explanation(x, request("PUT h/"))[2]; got != "c-header failed: there is no header x-a" {
		t.Errorf("got %q; want the first header that is missing", got)
	}

	q := request("PUT h/")

	q.Listener = 7
	if got := explanation(x, q)[0]; got != "a-listener failed: listener number 7 is not one of tls" {
		t.Errorf("got %q; want the number of the unknown listener", got)
	}
}

func TestExplainSaysWhyTheWinnerGoesBefore(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		why     string
		first   config.Route
		second  config.Route
		request string
	}{
		{`host "a.x.org" is more specific than "*.x.org"`, config.Route{Predicates: is{Hosts: []string{"a.x.org"}}}, config.Route{Predicates: is{Hosts: []string{"*.x.org"}}}, "GET A.x.org:80/"},
		{`host "*.x.org" is more specific than "*"`, config.Route{Predicates: is{Hosts: []string{"*.x.org"}}}, config.Route{Predicates: is{Path: "/"}}, "GET a.x.org/"},
		{"an exact path goes before a path prefix", config.Route{Predicates: is{Path: "/a"}}, config.Route{Predicates: is{PathPrefix: "/a"}}, "GET h/a"},
		{"a path prefix goes before a regular expression", config.Route{Predicates: is{PathPrefix: "/"}}, config.Route{Predicates: is{PathRegex: "/a"}}, "GET h/a"},
		{"a regular expression goes before a route without a path", config.Route{Predicates: is{PathRegex: "/a"}}, config.Route{}, "GET h/a"},
		{`prefix "/a/b" is longer than "/a"`, config.Route{Predicates: is{PathPrefix: "/a/b"}}, config.Route{Predicates: is{PathPrefix: "/a"}}, "GET h/a/b"},
		{"priority 1 is higher than 0", config.Route{Predicates: is{PathPrefix: "/a"}, Priority: 1}, config.Route{Predicates: is{PathPrefix: "/a/b"}}, "GET h/a/b"},
		{`prefix "/a/" is longer than "/a"`, config.Route{Predicates: is{PathPrefix: "/a/"}}, config.Route{Predicates: is{PathPrefix: "/a"}}, "GET h/a/b"},
		{"priority 1 is higher than 0", config.Route{Priority: 1}, config.Route{Predicates: is{Methods: []string{"GET"}}}, "GET h/"},
		{"it has 1 further predicates, not 0", config.Route{Predicates: is{Methods: []string{"GET"}}}, config.Route{}, "GET h/"},
		{"it names HEAD, the other one takes it because of GET", config.Route{Predicates: is{Methods: []string{"HEAD"}}}, config.Route{Predicates: is{Methods: []string{"GET"}}}, "HEAD h/"},
		{"equally specific, so the name decides", config.Route{Predicates: is{PathRegex: "a"}}, config.Route{Predicates: is{PathRegex: "^/a"}}, "GET h/a"},
	} {
		t.Run(test.why, func(t *testing.T) {
			t.Parallel()

			// The names disagree with the order, except where they decide it.
			names := [2]string{"z", "a"}
			if strings.Contains(test.why, "name decides") {
				names = [2]string{"a", "z"}
			}

			x := build(t, routes{names[0]: test.first, names[1]: test.second})
			want := fmt.Sprintf("%s won: goes before route %q: %s", names[0], names[1], test.why)

			if got := explanation(x, request(test.request)); len(got) != 2 || got[0] != want {
				t.Errorf("got %q; want %q first", got, want)
			}
		})
	}
}

func TestExplainStep(t *testing.T) {
	t.Parallel()

	x := build(t, routes{"a": {Predicates: is{Hosts: []string{"*.example.org", "*"}, PathPrefix: "/api/"}}, "b": {Predicates: is{Path: "/b"}}, "c": {}})

	var steps []Step

	got := x.Explain(request("GET www.example.org/api/x"), func(s Step) { steps = append(steps, s) })
	if got != 0 || len(steps) != 2 {
		t.Fatalf("got route %d and %+v; want route 0 and one more", got, steps)
	}

	// The winner's wider host is no candidate against itself.
	for i, want := range []Step{
		{Path: "/api/*", Route: 0, Name: "a", Host: "*.example.org", Verdict: Won},
		{Path: "*", Route: 2, Name: "c", Host: "*", Verdict: Lost},
	} {
		s := steps[i]

		s.Reason, s.site = "", 0
		if s != want {
			t.Errorf("step %d: got %+v; want %+v", i, s, want)
		}
	}
}

func TestExplainWithoutMatch(t *testing.T) {
	t.Parallel()

	x := build(t, routes{"a": {Predicates: is{Hosts: []string{"h"}}}})
	if got := explanation(x, request("GET other/")); len(got) != 0 {
		t.Errorf("got %q; want no candidate", got)
	}

	if got := explanation(x, request("GET h/")); !slices.Equal(got, []string{"a won: the only route that matches"}) {
		t.Errorf("got %q; want the only one", got)
	}

	var zero *Index
	if got := zero.Explain(request("GET h/"), func(Step) { t.Error("visited") }); got != -1 {
		t.Errorf("got %d; want -1", got)
	}
}

// Thousands of candidates in one place must not make an answer of megabytes.
func TestExplainIsBounded(t *testing.T) {
	t.Parallel()

	r := routes{}
	for i := range explainStepsMax + 10 {
		r[fmt.Sprintf("r%d", i)] = config.Route{Predicates: is{Path: "/", Headers: values{"x": {Is: strconv.Itoa(i)}}}, Priority: -i}
	}

	x := build(t, r)
	last := strconv.Itoa(explainStepsMax + 9)
	visited := 0

	got := x.Explain(request("GET / x:"+last), func(Step) { visited++ })
	if x.name(got) != "r"+last || visited != explainStepsMax {
		t.Errorf("got %s after %d steps; want r%s after %d", x.name(got), visited, last, explainStepsMax)
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"api":      {Predicates: is{Hosts: []string{"API.example.org.", "*.Example.org", "::1"}, PathPrefix: "/api/", Methods: []string{"GET"}, Headers: values{"X-Env": {Is: "canary"}}, Query: values{"debug": {Is: "1"}}}, Listeners: []string{"web"}, Priority: 3, Pool: "p"},
		"files":    {Predicates: is{Path: "/files"}, Files: &config.Files{Root: "/srv"}},
		"exact":    {Predicates: is{Path: "/x"}, Split: map[string]int{"b": 5, "a": 95}},
		"hello":    {Predicates: is{PathRegex: "^/v"}, Respond: &config.Respond{Status: 204}},
		"redirect": {Redirect: &config.Redirect{To: "https://{host}{uri}", Status: 308}},
	})
	for i, want := range []string{
		"api.example.org,*.example.org,[::1] /api/* GET x-env=canary ?debug=1 -> pool p",
		"* /x -> split a=95,b=5",
		"* /files -> files /srv",
		"* ~^/v -> respond 204",
		"* * -> redirect 308 https://{host}{uri}",
	} {
		d := x.Description(i)
		if got := d.String() + " -> " + d.Action; got != want || d.Name != x.Names()[i] {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}
