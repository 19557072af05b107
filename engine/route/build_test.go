package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

func TestBuildRefuses(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name   string
		routes routes
		want   []string // one for each problem, in order
	}{
		{"two paths", routes{"a": {Predicates: is{Path: "/x", PathPrefix: "/x"}}}, []string{"routes.a: only one of"}},
		{"path without slash", routes{"a": {Predicates: is{Path: "x"}}}, []string{`routes.a.path: "x" must begin with "/"`}},
		{"prefix without slash", routes{"a": {Predicates: is{PathPrefix: "x"}}}, []string{`routes.a.path_prefix: "x" must`}},
		{"bad encoding", routes{"a": {Predicates: is{Path: "/100%"}}}, []string{`routes.a.path: "/100%" is no path`}},
		{"backslash", routes{"a": {Predicates: is{PathPrefix: "/a\\b"}}}, []string{"is no path"}},
		{"bad expression", routes{"a": {Predicates: is{PathRegex: "("}}}, []string{"routes.a.path_regex: error parsing"}},
		{"unknown listener", routes{"a": {Listeners: []string{"web", "x"}}}, []string{`routes.a.listeners[1]: "x" is not a listener`}},
		{"empty host", routes{"a": {Predicates: is{Hosts: []string{""}}}}, []string{`routes.a.hosts[0]: "" is empty`}},
		{"only a dot", routes{"a": {Predicates: is{Hosts: []string{"."}}}}, []string{"is empty"}},
		{"host with port", routes{"a": {Predicates: is{Hosts: []string{"ok", "x:80"}}}}, []string{`routes.a.hosts[1]: "x:80" has a port`}},
		{"literal with port", routes{"a": {Predicates: is{Hosts: []string{"[::1]:80"}}}}, []string{"has a port"}},
		{"inner wildcard", routes{"a": {Predicates: is{Hosts: []string{"a.*.org"}}}}, []string{`may have "*" only`}},
		{"partial wildcard", routes{"a": {Predicates: is{Hosts: []string{"a*.org"}}}}, []string{`may have "*" only`}},
		{"two wildcards", routes{"a": {Predicates: is{Hosts: []string{"*.*.org"}}}}, []string{`may have "*" only`}},
		{"wildcard literal", routes{"a": {Predicates: is{Hosts: []string{"*.[::1]"}}}}, []string{"has a port"}},
		{"zone", routes{"a": {Predicates: is{Hosts: []string{"fe80::1%eth0"}}}}, []string{"has an IPv6 zone"}},
		{"bad literal", routes{"a": {Predicates: is{Hosts: []string{"[x]"}}}}, []string{"no host has"}},
		{"URL", routes{"a": {Predicates: is{Hosts: []string{"http//x"}}}}, []string{"no host has"}},
		{"long host", routes{"a": {Predicates: is{Hosts: []string{strings.Repeat("x", 300)}}}}, []string{"is longer than"}},
		{"everything at once", routes{
			"b": {Predicates: is{Path: "x", Hosts: []string{""}}},
			"a": {Predicates: is{PathRegex: "["}},
		}, []string{"routes.a.path_regex", "routes.b.hosts[0]", "routes.b.path"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			x, err := Build(test.routes, []string{"web"})
			if err == nil || x != nil {
				t.Fatalf("got %v, %v; want an error alone", x, err)
			}

			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("got %d problems; want %d:\n%v", len(lines), len(test.want), err)
			}

			for i, want := range test.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("got %q; want it to contain %q", lines[i], want)
				}
			}
		})
	}
}

func TestBuildRefusesRoutesThatTakeTheSameRequests(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name string
		a, b config.Route
		want bool // refused
	}{
		{"nothing asked", config.Route{}, config.Route{}, true},
		{"star is no host", config.Route{Predicates: is{Hosts: []string{"*"}}}, config.Route{}, true},
		{"same path", config.Route{Predicates: is{Path: "/x"}}, config.Route{Predicates: is{Path: "/x"}}, true},
		{"same path encoded", config.Route{Predicates: is{Path: "/a/./%7eb"}}, config.Route{Predicates: is{Path: "/a//~b"}}, true},
		{"path and prefix", config.Route{Predicates: is{Path: "/x"}}, config.Route{Predicates: is{PathPrefix: "/x"}}, false},
		{"prefix with and without slash", config.Route{Predicates: is{PathPrefix: "/x/"}}, config.Route{Predicates: is{PathPrefix: "/x"}}, false},
		{"other priority", config.Route{Priority: 1}, config.Route{}, false},
		{"one host in common", config.Route{Predicates: is{Hosts: []string{"x", "y"}}}, config.Route{Predicates: is{Hosts: []string{"Y.", "z"}}}, true},
		{"host and wildcard", config.Route{Predicates: is{Hosts: []string{"x.y"}}}, config.Route{Predicates: is{Hosts: []string{"*.y"}}}, false},
		{"another expression of hosts", config.Route{Predicates: is{HostsRegex: []string{"^a"}}}, config.Route{Predicates: is{HostsRegex: []string{"^b"}}}, false},
		{"another expression of hosts, a path", config.Route{Predicates: is{HostsRegex: []string{"^a"}, Path: "/x/y"}}, config.Route{Predicates: is{HostsRegex: []string{"^b"}, Path: "/x/y"}}, false},
		{"one expression of hosts in common", config.Route{Predicates: is{HostsRegex: []string{"^a", "^b"}, Path: "/x"}}, config.Route{Predicates: is{HostsRegex: []string{"^c", "^b"}, Path: "/x"}}, true},
		{"other networks", config.Route{Predicates: is{ClientIPs: []string{"10.0.0.0/8"}}}, config.Route{Predicates: is{ClientIPs: []string{"11.0.0.0/8"}}}, false},
		{"other nots", config.Route{Not: []is{{Path: "/a"}}}, config.Route{Not: []is{{Path: "/b"}}}, false},
		{"nots in another order", config.Route{Not: []is{{Path: "/a"}, {Path: "/b"}}}, config.Route{Not: []is{{Path: "/b"}, {Path: "/a"}}}, true},
		{"methods in another order", config.Route{Predicates: is{Methods: []string{"PUT", "POST"}}}, config.Route{Predicates: is{Methods: []string{"POST", "PUT", "PUT"}}}, true},
		{"GET takes HEAD", config.Route{Predicates: is{Methods: []string{"GET"}}}, config.Route{Predicates: is{Methods: []string{"GET", "HEAD"}}}, true},
		{"overlapping methods", config.Route{Predicates: is{Methods: []string{"GET"}}}, config.Route{Predicates: is{Methods: []string{"GET", "PUT"}}}, false},
		{"headers in another case", config.Route{Predicates: is{Headers: values{"X-A": {Is: "1"}}}}, config.Route{Predicates: is{Headers: values{"x-a": {Is: "1"}}}}, true},
		{"other value", config.Route{Predicates: is{Headers: values{"X-A": {Is: "1"}}}}, config.Route{Predicates: is{Headers: values{"X-A": {Is: "2"}}}}, false},
		{"header and parameter", config.Route{Predicates: is{Headers: values{"a": {Is: "1"}}}}, config.Route{Predicates: is{Query: values{"a": {Is: "1"}}}}, false},
		{"parameters have case", config.Route{Predicates: is{Query: values{"A": {Is: "1"}}}}, config.Route{Predicates: is{Query: values{"a": {Is: "1"}}}}, false},
		{"same expression", config.Route{Predicates: is{PathRegex: "^/x"}}, config.Route{Predicates: is{PathRegex: "^/x"}}, true},
		{"other expression", config.Route{Predicates: is{PathRegex: "^/x"}}, config.Route{Predicates: is{PathRegex: "^/x.*"}}, false},
		{"listeners in another order", config.Route{Listeners: []string{"web", "tls"}}, config.Route{Listeners: []string{"tls", "web"}}, true},
		{"one listener and all", config.Route{Listeners: []string{"web"}}, config.Route{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			_, err := Build(routes{"a": test.a, "b": test.b}, []string{"web", "tls"})
			if refused := err != nil; refused != test.want {
				t.Fatalf("got %v; want refused %v", err, test.want)
			}

			if err != nil && err.Error() != "routes.b: takes exactly the same requests as routes.a: give one of them another priority or a further predicate" {
				t.Errorf("got %q; want both names, once", err)
			}
		})
	}
}

func TestBuildAcceptsAHostTwice(t *testing.T) {
	t.Parallel()

	x := build(t, routes{"a": {Predicates: is{Hosts: []string{"Example.org", "example.org.", "*", "*"}}}})
	if got := x.Description(0).Hosts; !slices.Equal(got, []string{"example.org", "*"}) {
		t.Errorf("got %v; want each host once", got)
	}
}

func TestBuildKeepsNothingOfTheConfiguration(t *testing.T) {
	t.Parallel()

	r := routes{"a": {Predicates: is{Hosts: []string{"h"}, Methods: []string{"PUT", "GET"}, Headers: values{"x": {Is: "1"}}}}}
	listeners := []string{"web"}

	x, err := Build(r, listeners)
	if err != nil {
		t.Fatal(err)
	}

	r["a"].Methods[0], r["a"].Hosts[0], r["a"].Headers["x"], listeners[0] = "X", "X", config.Match{Is: "X"}, "X"

	if got := x.Lookup(request("PUT h/ x:1")); got != 0 {
		t.Error("a change of the configuration reached the index")
	}

	d := x.Description(0)
	if got := d.String(); got != "h * PUT,GET x=1" {
		t.Errorf("got %q; want the description as built", got)
	}
}

func TestLiteralBeginning(t *testing.T) {
	t.Parallel()

	for expression, want := range map[string]string{
		"^/v[0-9]+/":      "/v",
		`\A/v`:            "/v",
		"^/api/users$":    "/api/users",
		"^/(users)/[0-9]": "/users/",
		"^(/a/b)c":        "/a/bc",
		"^(?:/a|/b)":      "/",
		"^/a|^/b":         "",
		"^/ab?":           "/a",
		"^/ab*c":          "/a",
		"^/a{2}b":         "/aab",
		"^(/a)+":          "",
		"/v[0-9]":         "",
		"(?m)^/v":         "",
		"(?i)^/v":         "",
		"^/x(?i)y":        "/x",
		"^(?i:/x)y":       "",
		"^":               "",
		"":                "",
		"^/\uFFFDx":       "",
		"^/caf\u00e9/":    "/café/",
		"^/a\\.b":         "/a.b",
		"^()/a":           "/a",
		"(":               "",
		"^[/]a":           "/a",
		`\b^/a`:           "",
	} {
		got := literalBeginning(expression)
		if got == want {
			continue
		}

		// The parser may know more; what it says must still be sound.
		t.Errorf("%s: got %q; want %q", expression, got, want)
	}
}

// A path that an expression matches must begin with its literal beginning:
// otherwise a lookup would pass it by.
func FuzzLiteralBeginning(f *testing.F) {
	f.Add("^/v[0-9]+/", "/v1/")
	f.Add("^/a|^/b", "/b")
	f.Add("^/\uFFFDx", "/\xffx")
	f.Add("(?i)^/K", "/\u212a")
	f.Add("(?s)^/a.b$", "/a\nb")
	f.Fuzz(func(t *testing.T, expression, path string) {
		re, err := regexp.Compile(expression)
		if err != nil {
			t.Skip()
		}

		if beginning := literalBeginning(expression); re.MatchString(path) && !strings.HasPrefix(path, beginning) {
			t.Errorf("%q matches %q, which does not begin with %q", expression, path, beginning)
		}
	})
}

// The chain of literal beginnings must hold exactly those a path has.
func TestPatternsFindEveryBeginning(t *testing.T) {
	t.Parallel()

	beginnings := []string{"", "/", "/a", "/a/", "/a/b", "/a/c", "/ab", "/b", "/b/a", "/\xff", "/a/b/c/d"}

	order := make([]entry, len(beginnings))
	for i := range order {
		order[i] = newEntry(int32(i), true)
	}

	p := newPatterns(order, func(route int32) string { return beginnings[route] })

	for _, path := range []string{
		"", "*", "/", "/a", "/a/b", "/a/b/c", "/a/b/c/d/e", "/a/d", "/abc", "/ac", "/b/", "/b/ab", "/c", "/\xff\xff", "/a/b\xff",
	} {
		var got, want []string

		at, from := p.find([]byte(path)), int32(0)
		for {
			rank := p.next(at, from)
			if rank == none {
				break
			}

			got = append(got, beginnings[p.entries[rank].route()])
			from = rank + 1
		}

		for _, beginning := range beginnings {
			if strings.HasPrefix(path, beginning) {
				want = append(want, beginning)
			}
		}

		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: got %q; want %q", path, got, want)
		}
	}
}
