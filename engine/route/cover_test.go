package route

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

func TestCovers(t *testing.T) {
	t.Parallel()

	header := func(m config.Match) is { return is{Headers: values{"X-A": m}} }

	for _, test := range []struct {
		name   string
		p, q   is
		covers bool
	}{
		{"nothing covers all", is{}, is{Path: "/x", Hosts: []string{"h"}}, true},
		{"all do not cover less", is{Path: "/x"}, is{}, false},
		{"a wildcard covers a name", is{Hosts: []string{"*.h"}}, is{Hosts: []string{"a.b.h"}}, true},
		{"not its domain", is{Hosts: []string{"*.h"}}, is{Hosts: []string{"h"}}, false},
		{"a star covers every host", is{Hosts: []string{"*"}}, is{HostsRegex: []string{"x"}}, true},
		{"an expression covers itself", is{HostsRegex: []string{"x", "y"}}, is{HostsRegex: []string{"y"}}, true},
		{"and no name", is{HostsRegex: []string{"x"}}, is{Hosts: []string{"x"}}, false},
		{"a prefix covers what is below", is{PathPrefix: "/a"}, is{PathPrefix: "/a/b/"}, true},
		{"and itself", is{PathPrefix: "/a"}, is{Path: "/a"}, true},
		{"not what is beside", is{PathPrefix: "/a"}, is{Path: "/ab"}, false},
		{"with a slash not itself", is{PathPrefix: "/a/"}, is{Path: "/a"}, false},
		{"whatever the spelling", is{Path: "/%61"}, is{Path: "/a"}, true},
		{"an expression covers the same one", is{PathRegex: "x"}, is{PathRegex: "x"}, true},
		{"and no path", is{PathRegex: "x"}, is{Path: "/x"}, false},
		{"GET covers HEAD", is{Methods: []string{"GET"}}, is{Methods: []string{"HEAD"}}, true},
		{"HEAD not GET", is{Methods: []string{"HEAD"}}, is{Methods: []string{"GET"}}, false},
		{"any value covers one", header(config.Match{Is: "*"}), is{Headers: values{"x-a": {Is: "1"}}}, true},
		{"and an expression", header(config.Match{Is: "*"}), header(config.Match{Regex: "a"}), true},
		{"not an absent one", header(config.Match{Is: "*"}), header(config.Match{Absent: true}), false},
		{"one value not another", header(config.Match{Is: "1"}), header(config.Match{Is: "2"}), false},
		{"a network covers a part", is{ClientIPs: []string{"10.0.0.0/8"}}, is{ClientIPs: []string{"10.1.0.0/16", "10.2.3.4"}}, true},
		{"not another", is{ClientIPs: []string{"10.0.0.0/8"}}, is{ClientIPs: []string{"10.1.0.0/16", "11.0.0.1"}}, false},
		{"names of TLS", is{SNI: []string{"*.h"}}, is{SNI: []string{"a.h"}}, true},
		{"words", is{Protocol: []string{"h2", "h3"}}, is{Protocol: []string{"h3"}}, true},
		{"not fewer words", is{Protocol: []string{"h3"}}, is{Protocol: []string{"h2", "h3"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			if got := covers(&test.p, &test.q); got != test.covers {
				t.Errorf("got %v; want %v", got, test.covers)
			}
		})
	}
}

// some makes predicates of few values, so that they meet.
func some(r *rand.Rand) (p is) {
	pick := func(texts ...string) []string {
		if r.IntN(3) > 0 {
			return nil
		}

		return texts[r.IntN(len(texts)):]
	}
	p.Hosts, p.Methods = pick("a.h", "*.h", "b.a.h", "*"), pick("GET", "HEAD", "POST")
	p.ClientIPs, p.SNI, p.Protocol = pick("10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"), pick("a.h", "*.h"), pick("http1", "h2")

	switch r.IntN(5) {
	case 0:
		p.Path = []string{"/a", "/a/b", "/ab"}[r.IntN(3)]
	case 1:
		p.PathPrefix = []string{"/a", "/a/", "/"}[r.IntN(3)]
	case 2:
		p.PathRegex = []string{"a", "^/a$"}[r.IntN(2)]
	}

	if r.IntN(3) == 0 {
		p.Headers = values{[]string{"X-A", "x-a", "x-b"}[r.IntN(3)]: []config.Match{{Is: "1"}, {Is: "*"}, {Regex: "^1"}, {Absent: true}}[r.IntN(4)]}
	}

	return p
}

// someRequest is a request of the same values.
func someRequest(r *rand.Rand) *match.Request {
	one := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	q := request(fmt.Sprintf("%s %s%s", one("GET", "HEAD", "POST"), one("a.h", "h", "b.a.h", "x"), one("/", "/a", "/a/b", "/ab")))
	f := &facts{protocol: match.HTTP1}
	q.Facts = f
	f.client = netip.MustParseAddr(one("10.1.1.1", "10.2.2.2", "11.0.0.1"))
	f.sni = one("a.h", "b.h", "")

	if r.IntN(2) == 0 {
		f.protocol = match.HTTP2
	}

	if r.IntN(2) == 0 {
		f.say(one("x-a", "X-B"), one("1", "12", "2"))
	}

	return &q.Request
}

// What is said to be covered is: no request is of the one and not of the other.
func TestCoversIsTrueOfRequests(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(1, 2))
	covered := 0

	for range 20_000 {
		p, q := some(r), some(r)
		if !covers(&p, &q) {
			continue
		}

		covered++
		wide, err := match.New(&p)
		narrow, errNarrow := match.New(&q)

		if err != nil || errNarrow != nil {
			t.Fatal(err, errNarrow)
		}

		for range 20 {
			if a := someRequest(r); narrow.Holds(a) && !wide.Holds(a) {
				t.Fatalf("%+v is said to cover %+v; %s %s%s is of the second one only", p, q, a.Method, a.Host, a.Path)
			}
		}
	}

	if covered < 1000 {
		t.Errorf("only %d pairs were covered: the test says nothing", covered)
	}
}

func TestDescriptionNamesDeadRoutesAndTies(t *testing.T) {
	t.Parallel()

	both := func(key string, m config.Match) config.Route {
		return config.Route{Predicates: is{Path: "/x", Headers: values{key: m}}}
	}

	for _, test := range []struct {
		name             string
		a, b             config.Route
		hidden, tied, is string // of b
	}{
		{"picky routes hide pickier ones", config.Route{Predicates: is{PathPrefix: "/x", Headers: values{"h": {Is: "*"}}}, Priority: 1}, both("H", config.Match{Is: "1"}), "a", "", ""},
		{"not others", config.Route{Predicates: is{PathPrefix: "/x", Headers: values{"h": {Is: "2"}}}, Priority: 1}, both("h", config.Match{Is: "1"}), "", "", ""},
		{"nor all", config.Route{Predicates: is{PathPrefix: "/x", Headers: values{"h": {Is: "2"}}}, Priority: 1}, config.Route{Predicates: is{Path: "/x"}}, "", "", ""},
		{"what is excluded is left", config.Route{Predicates: is{PathPrefix: "/"}, Not: []is{{Methods: []string{"GET"}}}, Priority: 1}, config.Route{Predicates: is{Path: "/x"}}, "", "", ""},
		{"unless both exclude it", config.Route{Predicates: is{PathPrefix: "/"}, Not: []is{{Methods: []string{"PUT"}}}, Priority: 1}, config.Route{Predicates: is{Path: "/x"}, Not: []is{{Methods: []string{"PUT", "POST"}}}}, "a", "", ""},
		{"networks", config.Route{Predicates: is{ClientIPs: []string{"10.0.0.0/8"}}, Priority: 1}, config.Route{Predicates: is{Path: "/x", ClientIPs: []string{"10.1.1.1"}}}, "a", "", ""},
		{"two headers tie", both("a", config.Match{Is: "1"}), both("b", config.Match{Is: "1"}), "", "a", ""},
		{"two values do not", both("a", config.Match{Is: "1"}), both("A", config.Match{Is: "2"}), "", "", ""},
		{"nor absent and present", both("a", config.Match{Is: "*"}), both("a", config.Match{Absent: true}), "", "", ""},
		{"expressions may", both("a", config.Match{Regex: "1"}), both("a", config.Match{Regex: "2"}), "", "a", ""},
		{"other methods do not", config.Route{Predicates: is{Methods: []string{"POST"}}}, config.Route{Predicates: is{Methods: []string{"PUT"}}}, "", "", ""},
		{"some of the same do", config.Route{Predicates: is{Methods: []string{"POST", "PUT"}}}, config.Route{Predicates: is{Methods: []string{"PUT", "DELETE"}}}, "", "a", ""},
		{"all of the same are hidden", config.Route{Predicates: is{Methods: []string{"POST", "PUT"}}}, config.Route{Predicates: is{Methods: []string{"PUT"}}}, "a", "", ""},
		{"priority unties", config.Route{Predicates: is{Methods: []string{"GET", "PUT"}}, Priority: 1}, config.Route{Predicates: is{Methods: []string{"PUT", "POST"}}}, "", "", ""},
		{"networks apart do not tie", config.Route{Predicates: is{ClientIPs: []string{"10.0.0.0/8"}}}, config.Route{Predicates: is{ClientIPs: []string{"11.0.0.0/8"}}}, "", "", ""},
		{"not unties", config.Route{Predicates: is{Headers: values{"a": {Is: "1"}, "c": {Is: "1"}}}}, config.Route{Predicates: is{Headers: values{"b": {Is: "1"}}}, Not: []is{{Headers: values{"a": {Is: "1"}}}}}, "", "", ""},
		{"not takes all away", config.Route{}, config.Route{Predicates: is{Path: "/x/y"}, Not: []is{{PathPrefix: "/x"}}}, "", "", "its not excludes all that it takes"},
		{"a blank one nothing", config.Route{}, config.Route{Predicates: is{Path: "/x/y"}, Not: []is{{}}}, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			d := build(t, routes{"a": test.a, "b": test.b}).Description(1)
			if d.HiddenBy != test.hidden || d.TiedWith != test.tied || d.Dead != test.is {
				t.Errorf("got hidden by %q, tied with %q, dead %q; want %q, %q, %q", d.HiddenBy, d.TiedWith, d.Dead, test.hidden, test.tied, test.is)
			}
		})
	}
}
