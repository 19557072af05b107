package route

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

func TestLookupTakesMostSpecificHost(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"exact":   {Predicates: is{Hosts: []string{"api.example.org"}}},
		"deep":    {Predicates: is{Hosts: []string{"*.a.example.org"}}},
		"shallow": {Predicates: is{Hosts: []string{"*.example.org"}}},
		"all":     {Predicates: is{Hosts: []string{"*"}, PathPrefix: "/"}},
		"v6":      {Predicates: is{Hosts: []string{"[2001:DB8:0::1]"}}},
		"v4":      {Predicates: is{Hosts: []string{"192.0.2.1"}}},
		"mapped":  {Predicates: is{Hosts: []string{"::ffff:192.0.2.9"}}},
	})
	for request1, want := range map[string]string{
		"GET api.example.org/":                                "exact",
		"GET API.Example.ORG/":                                "exact",
		"GET api.example.org:8080/":                           "exact",
		"GET api.example.org:/":                               "exact",
		"GET api.example.org./":                               "exact",
		"GET api.example.org.:443/":                           "exact",
		"GET api.example.org../":                              "all",
		"GET b.example.org/":                                  "shallow",
		"GET B.EXAMPLE.org:80/":                               "shallow",
		"GET c.b.example.org/":                                "shallow",
		"GET x.api.example.org/":                              "shallow",
		"GET a.example.org/":                                  "shallow",
		"GET b.a.example.org/":                                "deep",
		"GET c.b.a.example.org/":                              "deep",
		"GET example.org/":                                    "all",
		"GET .example.org/":                                   "all",
		"GET badexample.org/":                                 "all",
		"GET example.org.evil/":                               "all",
		"GET [2001:db8::1]/":                                  "v6",
		"GET [2001:DB8::1]:8080/":                             "v6",
		"GET [2001:db8::2]/":                                  "all",
		"GET [api.example.org]/":                              "all",
		"GET [2001:db8::1/":                                   "all",
		"GET 192.0.2.1:80/":                                   "v4",
		"GET [::ffff:192.0.2.9]/":                             "mapped",
		"GET 1.192.0.2.1/":                                    "all",
		"GET " + strings.Repeat("x", 300) + "/":               "all",
		"GET " + strings.Repeat("x.", 200) + "a.example.org/": "all",
		"GET " + strings.Repeat("y.", 100) + "a.example.org/": "deep",
		"GET /": "all",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}
	}
}

func TestLookupTakesHostsByBeginningAndExpression(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"exact":     {Predicates: is{Hosts: []string{"app.example.org"}}},
		"below":     {Predicates: is{Hosts: []string{"*.example.org"}}},
		"deep":      {Predicates: is{Hosts: []string{"app.eu.*"}}},
		"begins":    {Predicates: is{Hosts: []string{"App.*"}}},
		"shop":      {Predicates: is{HostsRegex: []string{`^shop[0-9]+\.`, `^store\.`}}},
		"shop-api":  {Predicates: is{HostsRegex: []string{`^shop1\.`}, PathPrefix: "/api"}},
		"shop-post": {Predicates: is{HostsRegex: []string{`^shop[0-9]+\.`}, Methods: []string{"POST"}}},
		"both":      {Predicates: is{Hosts: []string{"named.test"}, HostsRegex: []string{`^also[0-9]$`}, Path: "/both"}},
		"low":       {Predicates: is{HostsRegex: []string{`^low`}}, Priority: -1},
		"all":       {Predicates: is{PathPrefix: "/"}},
	})
	for request1, want := range map[string]string{
		"GET app.example.org/":       "exact",
		"GET www.example.org/":       "below",
		"GET app.test/":              "begins",
		"GET APP.test:8080/":         "begins",
		"GET app.a.b.c.d/":           "begins",
		"GET app.eu.test/":           "deep",
		"GET app.eu/":                "begins",
		"GET app/":                   "all",
		"GET app./":                  "all",
		"GET xapp.test/":             "all",
		"GET shop7.test/api":         "shop",
		"GET SHOP7.test:80/api":      "shop",
		"GET shop1.test/api":         "shop-api",
		"GET shop1.test/apix":        "shop",
		"POST shop1.test/":           "shop-post",
		"POST shop1.test/api":        "shop-api",
		"GET store.test/":            "shop",
		"GET shop.test/":             "all",
		"GET named.test/both":        "both",
		"GET also7/both":             "both",
		"GET also77/both":            "all",
		"GET lowest/":                "all",
		"OPTIONS lowest *":           "low",
		"GET /":                      "all",
		"GET app.eu.x.example.org/":  "below",
		"GET shop1.x.example.org/a":  "below",
		"GET app.shop1.example.com/": "begins",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}

		checkExplanation(t, x, request(request1), want)
	}
}

func TestLookupChecksTheConnection(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"office":    {Predicates: is{ClientIPs: []string{"10.0.0.0/8", "2001:db8::1"}}},
		"sni":       {Predicates: is{Path: "/sni", SNI: []string{"a.test", "*.b.test"}}},
		"websocket": {Predicates: is{Path: "/ws", Protocol: []string{"websocket"}}},
		"h2":        {Predicates: is{Path: "/ws", Protocol: []string{"h2", "h3"}}},
		"rest":      {},
	})
	for request1, want := range map[string]string{
		"GET / @client:10.1.2.3":    "office",
		"GET / @client:2001:db8::1": "office",
		"GET / @client:11.1.2.3":    "rest",
		"GET /":                     "rest",
		"GET /sni @sni:A.test":      "sni",
		"GET /sni @sni:x.b.test":    "sni",
		"GET /sni @sni:b.test":      "rest",
		"GET /sni":                  "rest",
		"GET /ws @websocket:1":      "websocket",
		"GET /ws @h2:1":             "h2",
		"GET /ws":                   "rest",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}
	}
}

func TestLookupLeavesWhatIsExcluded(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"one": {Predicates: is{PathPrefix: "/one"}, Not: []is{{PathPrefix: "/one/%78", Methods: []string{"GET"}}}},
		"or":  {Predicates: is{PathPrefix: "/or"}, Not: []is{{Hosts: []string{"*.evil"}}, {Headers: values{"x": {Absent: true}}}}},
		"nil": {Predicates: is{PathPrefix: "/nil"}, Not: []is{{}}},
		"all": {Priority: -1},
	})
	for request1, want := range map[string]string{
		"GET /one":         "one",
		"GET /one/x":       "all",
		"GET /one/x/y":     "all",
		"HEAD /one/x":      "all",
		"POST /one/x":      "one",
		"GET h/or x:1":     "or",
		"GET h/or":         "all",
		"GET a.evil/or x:": "all",
		"GET /nil":         "nil",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}

		checkExplanation(t, x, request(request1), want)
	}
}

func TestLookupTakesMostSpecificPath(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"exact":      {Predicates: is{Path: "/api/users"}},
		"slash":      {Predicates: is{Path: "/api/users/"}},
		"root":       {Predicates: is{Path: "/"}},
		"api":        {Predicates: is{PathPrefix: "/api"}},
		"below":      {Predicates: is{PathPrefix: "/api/"}},
		"deep":       {Predicates: is{PathPrefix: "/api/users/x"}},
		"only":       {Predicates: is{PathPrefix: "/only/"}},
		"encoded":    {Predicates: is{Path: "/caf%C3%A9/a%2fb/%7e"}},
		"merged":     {Predicates: is{PathPrefix: "/m//./n/"}},
		"version":    {Predicates: is{PathRegex: "^/v[0-9]+/"}},
		"shadow":     {Predicates: is{PathRegex: "^/api"}},
		"number":     {Predicates: is{PathRegex: "[0-9]$"}},
		"everything": {},
	})
	for request1, want := range map[string]string{
		"GET /":                             "root",
		"GET /api":                          "api",
		"GET /api/":                         "below",
		"GET /api/x":                        "below",
		"GET /api/x/y/z":                    "below",
		"GET /apix":                         "shadow",
		"GET /API":                          "everything",
		"GET /api/users":                    "exact",
		"GET /api/users/":                   "slash",
		"GET /api/users/x":                  "deep",
		"GET /api/users/x/y":                "deep",
		"GET /api/users/xy":                 "below",
		"GET /api/users/y/x":                "below",
		"GET /only":                         "everything",
		"GET /only/":                        "only",
		"GET /only/x":                       "only",
		"GET /café/a%2Fb/~":                 "encoded",
		"GET /caf%C3%A9/a%2fb/~":            "everything",
		"GET /m/n/x":                        "merged",
		"GET /m/n":                          "everything",
		"GET /v1/":                          "version",
		"GET /v/":                           "everything",
		"GET /x/v1/":                        "everything",
		"GET /x/v1":                         "number",
		"GET /" + strings.Repeat("/", 5000): "everything",
		"OPTIONS host *":                    "everything",
		"GET host":                          "everything",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}
	}
}

func TestLookupFallsBackWhenPredicatesFail(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"host-post":  {Predicates: is{Hosts: []string{"a.example.org"}, Path: "/x", Methods: []string{"POST"}}},
		"host-sub":   {Predicates: is{Hosts: []string{"a.example.org"}, PathPrefix: "/x", Methods: []string{"PUT"}}},
		"host-root":  {Predicates: is{Hosts: []string{"a.example.org"}, PathPrefix: "/", Headers: values{"X-Env": {Is: "canary"}}}},
		"host-regex": {Predicates: is{Hosts: []string{"a.example.org"}, PathRegex: "^/x", Query: values{"debug": {Is: "1"}}}},
		"wild":       {Predicates: is{Hosts: []string{"*.example.org"}, Methods: []string{"DELETE"}}},
		"any":        {Predicates: is{PathPrefix: "/x", Methods: []string{"PATCH"}}},
	})
	for request1, want := range map[string]string{
		"POST a.example.org/x":                "host-post",
		"PUT a.example.org/x":                 "host-sub",
		"GET a.example.org/x x-env:canary":    "host-root",
		"GET a.example.org/x?debug=1":         "host-regex",
		"DELETE a.example.org/x":              "wild",
		"PATCH a.example.org/x":               "any",
		"GET a.example.org/x":                 "none",
		"PATCH elsewhere/x":                   "any",
		"POST elsewhere/x":                    "none",
		"POST a.example.org/x x-env:canary":   "host-post",
		"DELETE a.example.org/x x-env:canary": "host-root",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}
	}
}

func TestLookupOrdersEquallySpecificRoutes(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name    string
		routes  routes
		request string
		want    string
	}{
		{"priority before predicates", routes{
			"a": {Predicates: is{Path: "/", Methods: []string{"GET"}}},
			"b": {Predicates: is{Path: "/"}, Priority: 1},
		}, "GET /", "b"},
		{"negative priority", routes{"a": {Predicates: is{Path: "/"}, Priority: -1}, "b": {Predicates: is{Path: "/"}}}, "GET /", "b"},
		{"priority before a longer prefix", routes{
			"a": {Predicates: is{PathPrefix: "/x"}, Priority: 9},
			"b": {Predicates: is{PathPrefix: "/x/y"}},
		}, "GET /x/y", "a"},
		{"priority before the host", routes{
			"a": {Predicates: is{PathPrefix: "/.git"}, Priority: 9},
			"b": {Predicates: is{Hosts: []string{"h"}}},
		}, "GET h/.git/x", "a"},
		{"an expression before the prefix /", routes{
			"a": {Predicates: is{PathRegex: "\\.php$"}, Priority: 1},
			"b": {Predicates: is{PathPrefix: "/"}},
		}, "GET /x.php", "a"},
		{"and what it does not match", routes{
			"a": {Predicates: is{PathRegex: "\\.php$"}, Priority: 1},
			"b": {Predicates: is{PathPrefix: "/"}},
		}, "GET /x", "b"},
		{"each priority in turn", routes{
			"a": {Predicates: is{PathPrefix: "/", Methods: []string{"POST"}}, Priority: 3},
			"b": {Predicates: is{PathPrefix: "/x"}, Priority: 2},
			"c": {Predicates: is{Hosts: []string{"h"}}, Priority: 1},
			"d": {},
			"e": {Predicates: is{Path: "/y"}, Priority: -1},
		}, "GET h/y", "c"},
		{"more predicates first", routes{
			"a": {Predicates: is{Path: "/", Methods: []string{"GET"}}},
			"b": {Predicates: is{Path: "/", Methods: []string{"GET"}, Headers: values{"a": {Is: "1"}}}},
			"c": {Predicates: is{Path: "/"}},
		}, "GET / a:1", "b"},
		{"methods count one", routes{
			"a": {Predicates: is{Path: "/", Headers: values{"a": {Is: "1"}, "b": {Is: "2"}}}},
			"b": {Predicates: is{Path: "/", Methods: []string{"GET", "POST", "PUT"}}},
		}, "GET / a:1 b:2", "a"},
		{"listeners count", routes{"a": {Predicates: is{Path: "/"}}, "b": {Predicates: is{Path: "/"}, Listeners: []string{"web"}}}, "GET /", "b"},
		{"name last", routes{
			"b": {Predicates: is{Path: "/", Methods: []string{"GET", "PUT"}}},
			"a": {Predicates: is{Path: "/", Methods: []string{"GET", "POST"}}},
		}, "GET /", "a"},
		{"patterns by priority", routes{
			"a": {Predicates: is{PathRegex: "^/x/[a-z]+$"}},
			"b": {Predicates: is{PathRegex: "x"}, Priority: 1},
		}, "GET /x/y", "b"},
		{"patterns by predicates", routes{
			"a": {Predicates: is{PathRegex: "^/x/[a-z]+$"}},
			"b": {Predicates: is{PathRegex: "x", Methods: []string{"GET"}}},
		}, "GET /x/y", "b"},
		{"patterns by name", routes{"b": {Predicates: is{PathRegex: "^/x/"}}, "a": {Predicates: is{PathRegex: "x"}}}, "GET /x/y", "a"},
		{"named HEAD first", routes{
			"a": {Predicates: is{Path: "/", Methods: []string{"GET"}}},
			"b": {Predicates: is{Path: "/", Methods: []string{"HEAD"}}},
		}, "HEAD /", "b"},
		{"GET takes HEAD", routes{"a": {Predicates: is{Path: "/", Methods: []string{"POST", "GET"}}}}, "HEAD /", "a"},
		{"HEAD takes no GET", routes{"a": {Predicates: is{Path: "/", Methods: []string{"HEAD"}}}}, "GET /", "none"},
		{"methods have case", routes{"a": {Predicates: is{Path: "/", Methods: []string{"GET"}}}}, "get /", "none"},
		{"unusual method", routes{"a": {Predicates: is{Path: "/", Methods: []string{"PROPFIND"}}}}, "PROPFIND /", "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			x := build(t, test.routes)
			if got := x.name(x.Lookup(request(test.request))); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
		})
	}
}

func TestLookupChecksHeaders(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"both":    {Predicates: is{Path: "/", Headers: values{"X-A": {Is: "1"}, "x-b": {Is: "two"}}}},
		"present": {Predicates: is{Path: "/", Headers: values{"X-Any": {Is: "*"}}}},
		"empty":   {Predicates: is{Path: "/", Headers: values{"X-Empty": {Is: ""}}}},
		"bot":     {Predicates: is{Path: "/", Headers: values{"User-Agent": {Regex: "(?i)bot"}, "X-Known": {Absent: true}}}},
	})
	for request1, want := range map[string]string{
		"GET / x-a:1 X-B:two":         "both",
		"GET / X-A:0 x-a:1 X-B:two":   "both",
		"GET / x-a:1 X-B:TWO":         "none",
		"GET / x-a:1":                 "none",
		"GET / x-a:1 x-bb:two":        "none",
		"GET / x-any:":                "present",
		"GET / X-ANY:whatever":        "present",
		"GET / x-empty:":              "empty",
		"GET / x-empty:x":             "none",
		"GET /":                       "none",
		"GET / x_any:1":               "none",
		"GET / x-a:1 x-b:two x-any:1": "both",
		"GET / user-agent:aBOT":       "bot",
		"GET / user-agent:browser":    "none",

		"GET / user-agent:bot x-known:": "none",
	} {
		if got := x.name(x.Lookup(request(request1))); got != want {
			t.Errorf("%s: got %s; want %s", request1, got, want)
		}
	}

	q := request("GET /")
	q.Facts = nil

	if got := x.Lookup(q); got != -1 {
		t.Errorf("without a header: got %s; want none", x.name(got))
	}
}

func TestLookupChecksListener(t *testing.T) {
	t.Parallel()

	names := make([]string, 130)
	for i := range names {
		names[i] = fmt.Sprintf("l%03d", i)
	}

	x, err := Build(routes{
		"low":  {Listeners: []string{"l000", "l063"}},
		"high": {Listeners: []string{"l064", "l129"}},
		"all":  {},
	}, names)
	if err != nil {
		t.Fatal(err)
	}

	for listener, want := range map[int]string{
		0: "low", 63: "low", 64: "high", 129: "high", 1: "all", 128: "all", 130: "all", 1000: "all", -1: "all",
	} {
		q := request("GET /")

		q.Listener = listener
		if got := x.name(x.Lookup(q)); got != want {
			t.Errorf("listener %d: got %s; want %s", listener, got, want)
		}
	}
}

func TestLookupWithoutRoutes(t *testing.T) {
	t.Parallel()

	var zero Index

	for name, x := range map[string]*Index{"nil": nil, "zero": &zero, "built": build(t, nil)} {
		if got := x.Lookup(request("GET host/")); got != -1 || x.Len() != 0 || len(x.Names()) != 0 {
			t.Errorf("%s: got route %d, %d routes; want -1 and 0", name, got, x.Len())
		}
	}
}

// The tree keeps few children in a row and many in a map: both must answer
// alike on either side of the border.
func TestLookupAtEveryFan(t *testing.T) {
	t.Parallel()

	for fan := 1; fan <= fanNarrow+3; fan++ {
		r := routes{}
		for i := range fan {
			r[fmt.Sprintf("r%d", i)] = config.Route{Predicates: is{PathPrefix: fmt.Sprintf("/p/%d", i)}}
		}

		x := build(t, r)
		for i := range fan {
			want := fmt.Sprintf("r%d", i)
			if got := x.name(x.Lookup(request("GET /p/" + want[1:] + "/x"))); got != want {
				t.Errorf("fan %d: got %s; want %s", fan, got, want)
			}
		}

		if got := x.Lookup(request("GET /p/none")); got != -1 {
			t.Errorf("fan %d: got %s; want none", fan, x.name(got))
		}
	}
}

// One index serves all shards; the race detector watches.
func TestLookupFromManyGoroutines(t *testing.T) {
	t.Parallel()

	x := build(t, routes{
		"a": {Predicates: is{Hosts: []string{"*.example.org"}, PathRegex: "^/v[0-9]+/.*[a-z]$"}},
		"b": {Predicates: is{Path: "/", Headers: values{"x": {Is: "1"}}}},
	})

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				if got := x.name(x.Lookup(request("GET X.example.org/v1/xyz"))); got != "a" {
					t.Errorf("got %s; want a", got)
				}

				x.Explain(request("GET / x:1"), func(Step) {})
			}
		})
	}

	group.Wait()
}
