//go:build !race

package route

import (
	"fmt"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

func TestLookupAllocatesNothing(t *testing.T) {
	r := routes{
		"header": {Predicates: is{Hosts: []string{"a.example.org"}, Path: "/x", Headers: values{"x-env": {Is: "canary"}}}},
		"param":  {Predicates: is{Hosts: []string{"a.example.org"}, Path: "/x", Query: values{"a b": {Is: "1"}}}},
		"wild":   {Predicates: is{Hosts: []string{"*.example.org"}, PathPrefix: "/api", Methods: []string{"GET"}}},
		"regex":  {Predicates: is{PathRegex: "^/v[0-9]+/(x|y)*z$"}},
		"loose":  {Predicates: is{PathRegex: "(a|b)+c"}},
		"other":  {Predicates: is{Hosts: []string{"[::1]"}}},
	}
	for i := range 100 {
		r[fmt.Sprintf("r%d", i)] = config.Route{Predicates: is{PathPrefix: fmt.Sprintf("/wide/%d/", i)}}
	}

	x := build(t, r)
	head := fields{{[]byte("Accept"), []byte("*/*")}, {[]byte("X-Env"), []byte("canary")}}
	empty, scratch := fields{}, make([]byte, 0, 64)

	for _, test := range []struct {
		host, path, query string
		head              *fields
		want              string
	}{
		{"a.example.org", "/x", "", &head, "header"},
		{"A.Example.org:80", "/x", "z=1&a+b=%31", &empty, "param"},
		{"deep.b.EXAMPLE.org.", "/api/x", "", &empty, "wild"},
		{"b.example.org", "/v12/xyxyxyz", "", &empty, "regex"},
		{"[::1]:80", "/abababc", "", &empty, "other"},
		{"", "/abababc", "", &empty, "loose"},
		{"x", "/wide/77/x", "", &empty, "r77"},
		{"x", "/nothing", "", &empty, "none"},
	} {
		method, host := []byte("GET"), []byte(test.host)
		path, query := []byte(test.path), []byte(test.query)

		got := 0
		if allocations := testing.AllocsPerRun(200, func() {
			q := Query{Listener: 1, Request: match.Request{Host: host, Method: method, Path: path, RawQuery: query, Facts: test.head, Scratch: scratch}}
			got = x.Lookup(&q)
		}); allocations != 0 {
			t.Errorf("%s%s: got %v allocations; want 0", test.host, test.path, allocations)
		}

		if x.name(got) != test.want {
			t.Errorf("%s%s: got %s; want %s", test.host, test.path, x.name(got), test.want)
		}
	}
}

func TestSplitAllocatesNothing(t *testing.T) {
	s, _, err := NewSplit(map[string]int{"a": 95, "b": 5})
	if err != nil {
		t.Fatal(err)
	}

	word := uint64(1)

	if allocations := testing.AllocsPerRun(200, func() {
		word = word*6364136223846793005 + uint64(s.Pick(word)) + uint64(s.Of(word, nil))
	}); allocations != 0 {
		t.Errorf("got %v allocations; want 0", allocations)
	}
}
