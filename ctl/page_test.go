package ctl

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isame-lb/isame-lb/ctl/api"
)

// routesNamed are routes with these names.
func routesNamed(names ...string) []api.RouteStatus {
	list := make([]api.RouteStatus, 0, len(names))
	for _, name := range names {
		list = append(list, api.RouteStatus{Name: name, RoutePredicates: api.RoutePredicates{Path: api.PathMatch{Kind: api.PathAny}}})
	}
	return list
}

// next is the target of Link rel=next, or "".
func next(t *testing.T, a answer) string {
	t.Helper()
	link := a.header.Get("Link")
	if link == "" {
		return ""
	}
	target, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || rest != `; rel="next"` || !strings.HasPrefix(target, "/") {
		t.Fatalf("got Link %q", link)
	}
	return target
}

// names are those of a list.
func names(t *testing.T, a answer) string {
	t.Helper()
	var list []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 {
		t.Fatalf("got %d %s: %v", a.status, a.body, err)
	}
	var text []string
	for _, item := range list {
		text = append(text, item.Name)
	}
	return strings.Join(text, " ")
}

// TestPagesSurviveChanges walks through lists that change between two pages.
func TestPagesSurviveChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []string // of the list, one for each page
		limit  int
		want   []string
	}{
		{"whole", []string{"a b c"}, 0, []string{"a b c"}},
		{"exact", []string{"a b c"}, 3, []string{"a b c"}},
		{"in two", []string{"a b c", "a b c"}, 2, []string{"a b", "c"}},
		{"empty", []string{""}, 2, []string{""}},
		{"cursor removed", []string{"a b c d", "a c d"}, 2, []string{"a b", "c d"}},
		{"before the cursor", []string{"b c d", "a aa b c d"}, 2, []string{"b c", "d"}},
		{"behind the cursor", []string{"a b d", "a b c d"}, 2, []string{"a b", "c d"}},
		{"all that was behind removed", []string{"a b c", "a"}, 2, []string{"a b", ""}},
		{"odd names", []string{"a&b=c d% é+", "a&b=c d% é+"}, 2, []string{"a&b=c d%", "é+"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var state atomic.Int32
			s := start(t, Options{Sources: Sources{Routes: func() []api.RouteStatus {
				return routesNamed(strings.Fields(c.states[state.Load()])...)
			}}})
			target := "/api/v1/routes"
			if c.limit > 0 {
				target += "?limit=" + itoa(c.limit)
			}
			for i, want := range c.want {
				state.Store(int32(i))
				got := raw(t, s, request("GET", target, "", ""))
				if list := names(t, got); list != want {
					t.Errorf("page %d: got %q; want %q", i+1, list, want)
				}
				target = next(t, got)
				if (target == "") != (i == len(c.want)-1) {
					t.Fatalf("page %d: got next %q", i+1, target)
				}
			}
		})
	}
}

func TestListsWithoutALimitAreBounded(t *testing.T) {
	var all []string
	for i := range pageMax + 1 {
		all = append(all, fmt.Sprintf("r%06d", i))
	}
	s := start(t, Options{Sources: Sources{Routes: func() []api.RouteStatus { return routesNamed(all...) }}})
	first := raw(t, s, request("GET", "/api/v1/routes", "", ""))
	if got := strings.Count(names(t, first), " ") + 1; got != pageMax {
		t.Errorf("got %d items; want %d", got, pageMax)
	}
	if got := names(t, raw(t, s, request("GET", next(t, first), "", ""))); got != all[pageMax] {
		t.Errorf("got %q; want the last one", got)
	}
}

func TestEveryListHasPages(t *testing.T) {
	s := start(t, Options{Sources: sampleSources(new([]string))})
	for path, want := range map[string]string{"/api/v1/pools": "api", "/api/v1/routes": "all", "/api/v1/listeners": "web"} {
		got := raw(t, s, request("GET", path+"?limit=1", "", ""))
		if list := names(t, got); list != want || (next(t, got) != "") != (path == "/api/v1/pools") {
			t.Errorf("%s: got %q, next %q; want %q", path, list, next(t, got), want)
		}
		if head := raw(t, s, request("HEAD", path+"?limit=1", "", "")); head.header.Get("Link") != got.header.Get("Link") {
			t.Errorf("%s: HEAD has Link %q; want %q", path, head.header.Get("Link"), got.header.Get("Link"))
		}
	}
}

// TestEveryListTakesALimit looks at all reads that answer with a list: a new one must have pages, too.
func TestEveryListTakesALimit(t *testing.T) {
	s := start(t, Options{Sources: sampleSources(new([]string))})
	for _, e := range s.endpoints {
		if v := e.doc.answers[200]; v == nil || e.isChange() || reflect.TypeOf(v).Kind() != reflect.Slice || reflect.TypeOf(v) == reflect.TypeFor[rawAnswer]() {
			continue
		}
		path := strings.NewReplacer("{request-id}", "a1").Replace(e.pattern)
		for _, key := range []string{keyLimit, keyAfter} {
			if _, there := e.doc.query[key]; !there {
				t.Errorf("%s %s has a list and no ?%s", e.method, e.pattern, key)
			}
		}
		got := raw(t, s, request("GET", path+"?limit=1", "", ""))
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(got.body), &list); err != nil || got.status != 200 || len(list) > 1 {
			t.Errorf("%s?limit=1: got %d %s; want one item at most", path, got.status, got.body)
		}
		if got = raw(t, s, request("GET", path+"?limit=0", "", "")); got.status != 400 {
			t.Errorf("%s?limit=0: got %d; want 400", path, got.status)
		}
	}
}

// TestCertificatesInPages has several of one name.
func TestCertificatesInPages(t *testing.T) {
	list := []api.Certificate{
		{Listener: "b", Name: "a.test", File: "2.pem"}, {Listener: "b", Name: "a.test", File: "1.pem"}, {Listener: "a", Name: "z.test"}, {Listener: "c", Name: "a.test", File: "1.pem"},
	}
	s := start(t, Options{Sources: Sources{Certificates: func() []api.Certificate { return slices.Clone(list) }}})
	var got []string
	for target := "/api/v1/certificates?limit=1"; target != ""; {
		a := raw(t, s, request("GET", target, "", ""))
		var page []api.Certificate
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || len(page) != 1 {
			t.Fatalf("got %s, %v", a.body, err)
		}
		got = append(got, page[0].Listener+page[0].File)
		target = next(t, a)
	}
	if want := []string{"b1.pem", "b2.pem", "c1.pem", "a"}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestParametersOfLists(t *testing.T) {
	s := start(t, Options{Sources: sampleSources(new([]string))})
	for query, want := range map[string]string{
		"limit=0": "1 to 1000", "limit=1001": "1 to 1000", "limit=-1": "1 to 1000", "limit=+1": "1 to 1000", "limit=01": "1 to 1000",
		"limit=": "1 to 1000", "limit": "1 to 1000", "limit=1&limit=2": "twice", "after=": "no cursor", "after=%20": "no cursor", "after=a": "no cursor",
		"offset=3": "after, limit", "limitt=1": `did you mean \"limit\"`, "limit=1;after=b": "1 to 1000", "%6cimit=2&x=1": `\"x\"`, "=1": "not known",
	} {
		got := raw(t, s, request("GET", "/api/v1/pools?"+query, "", ""))
		if got.status != 400 || !strings.Contains(got.body, want) || !strings.Contains(got.body, `"code":"unknown_parameter"`) {
			t.Errorf("%s: got %d %s; want 400 with %s", query, got.status, got.body, want)
		}
	}
	for _, query := range []string{"", "limit=1000", "%6cimit=2", "&limit=2&"} {
		if got := raw(t, s, request("GET", "/api/v1/pools?"+query, "", "")); got.status != 200 {
			t.Errorf("%s: got %d %s; want 200", query, got.status, got.body)
		}
	}
}

// TestEveryCallKnowsItsParameters sends one that nobody knows.
func TestEveryCallKnowsItsParameters(t *testing.T) {
	var changes []string
	s := start(t, Options{MetricsPath: "/metrics", Sources: sampleSources(&changes)})
	for _, e := range s.endpoints {
		path := strings.NewReplacer("{pool}", "api", "{address}", "10.0.0.1:8080").Replace(e.pattern)
		if got := raw(t, s, request(e.method, path+"?surprise=secret", "", "")); got.status != 400 || strings.Contains(got.body, "secret") {
			t.Errorf("%s %s: got %d %s; want 400 without the value", e.method, path, got.status, got.body)
		}
	}
	if len(changes) > 0 {
		t.Errorf("refused, but done: %v", changes)
	}
}
