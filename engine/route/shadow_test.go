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
		{"no path is no prefix", config.Route{PathRegex: "x"}, config.Route{}, ""},
		{"unless it goes first", config.Route{PathRegex: "x"}, config.Route{Priority: 9}, "a"},
		{"an expression that goes first", config.Route{PathRegex: "x", Priority: 1}, config.Route{PathPrefix: "/"}, ""},
		{"priority hides hosts", config.Route{Path: "/x/y", Hosts: []string{"a.h"}}, config.Route{PathPrefix: "/x", Hosts: []string{"*.h"}, Priority: 1}, "a"},
		{"of the wildcard alone", config.Route{Path: "/x/y", Hosts: []string{"h"}}, config.Route{PathPrefix: "/x", Hosts: []string{"*.h"}, Priority: 1}, ""},
		{"priority hides longer prefixes", config.Route{PathPrefix: "/x/y/"}, config.Route{PathPrefix: "/x", Priority: 1}, "a"},
		{"and what is at it", config.Route{Path: "/x"}, config.Route{PathPrefix: "/x", Priority: 1}, "a"},
		{"not beside what is below", config.Route{Path: "/x"}, config.Route{PathPrefix: "/x/", Priority: 1}, ""},
		{"nor other words", config.Route{PathPrefix: "/xy"}, config.Route{PathPrefix: "/x", Priority: 1}, ""},
		{"on the same listener", config.Route{PathRegex: "x", Listeners: []string{"web"}}, config.Route{PathPrefix: "/", Listeners: []string{"web", "tls"}}, "a"},
		{"not on one more", config.Route{PathRegex: "x"}, config.Route{PathPrefix: "/", Listeners: []string{"web"}}, ""},
		{"for the same methods", config.Route{PathRegex: "x", Methods: get}, config.Route{PathPrefix: "/", Methods: []string{"GET", "PUT"}}, "a"},
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
