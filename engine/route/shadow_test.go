package route

import (
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

func TestDescriptionNamesWhatHidesARoute(t *testing.T) {
	t.Parallel()

	get := []string{"GET"}

	for _, test := range []struct {
		name string
		b    config.Route // whether it is hidden is asked
		a    config.Route
		want string
	}{
		{"prefix / hides expressions", config.Route{PathRegex: "^/v[0-9]/"}, config.Route{PathPrefix: "/"}, "a"},
		{"not those of another host", config.Route{PathRegex: "^/v[0-9]/", Hosts: []string{"h"}}, config.Route{PathPrefix: "/"}, ""},
		{"nor of one host more", config.Route{PathRegex: "x", Hosts: []string{"h", "i"}}, config.Route{PathPrefix: "/", Hosts: []string{"h"}}, ""},
		{"but of both", config.Route{PathRegex: "x", Hosts: []string{"h", "i"}}, config.Route{PathPrefix: "/", Hosts: []string{"h", "i"}}, "a"},
		{"not when it asks for a method", config.Route{PathRegex: "x"}, config.Route{PathPrefix: "/", Methods: get}, ""},
		{"a longer prefix hides nothing", config.Route{PathRegex: "x"}, config.Route{PathPrefix: "/x"}, ""},
		{"no path is no prefix", config.Route{PathRegex: "x"}, config.Route{Priority: 9}, ""},
		{"OPTIONS * passes the prefix /", config.Route{}, config.Route{PathPrefix: "/"}, ""},
		{"priority hides predicates", config.Route{Path: "/x", Methods: get}, config.Route{Path: "/x", Priority: 1}, "a"},
		{"in prefixes", config.Route{PathPrefix: "/x", Methods: get}, config.Route{PathPrefix: "/x", Priority: 1}, "a"},
		{"in prefixes of what is below", config.Route{PathPrefix: "/x/", Methods: get}, config.Route{PathPrefix: "/x/", Priority: 1}, "a"},
		{"without a path", config.Route{Methods: get}, config.Route{Priority: 1}, "a"},
		{"predicates come first", config.Route{Path: "/x", Methods: get}, config.Route{Path: "/x"}, ""},
		{"and hide nothing", config.Route{Path: "/x"}, config.Route{Path: "/x", Methods: get}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()

			x := build(t, routes{"a": test.a, "b": test.b})
			if got := x.Description(1).HiddenBy; got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}

			if got := x.Description(0).HiddenBy; got != "" {
				t.Errorf("the other one: got %q; want nothing", got)
			}
		})
	}
}
