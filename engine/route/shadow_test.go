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
		{"prefix / hides expressions", config.Route{Predicates: is{PathRegex: "^/v[0-9]/"}}, config.Route{Predicates: is{PathPrefix: "/"}}, "a"},
		{"not those of another host", config.Route{Predicates: is{PathRegex: "^/v[0-9]/", Hosts: []string{"h"}}}, config.Route{Predicates: is{PathPrefix: "/"}}, ""},
		{"nor of one host more", config.Route{Predicates: is{PathRegex: "x", Hosts: []string{"h", "i"}}}, config.Route{Predicates: is{PathPrefix: "/", Hosts: []string{"h"}}}, ""},
		{"but of both", config.Route{Predicates: is{PathRegex: "x", Hosts: []string{"h", "i"}}}, config.Route{Predicates: is{PathPrefix: "/", Hosts: []string{"h", "i"}}}, "a"},
		{"not when it asks for a method", config.Route{Predicates: is{PathRegex: "x"}}, config.Route{Predicates: is{PathPrefix: "/", Methods: get}}, ""},
		{"a longer prefix hides nothing", config.Route{Predicates: is{PathRegex: "x"}}, config.Route{Predicates: is{PathPrefix: "/x"}}, ""},
		{"no path is no prefix", config.Route{Predicates: is{PathRegex: "x"}}, config.Route{}, ""},
		{"unless it goes first", config.Route{Predicates: is{PathRegex: "x"}}, config.Route{Priority: 9}, "a"},
		{"an expression that goes first", config.Route{Predicates: is{PathRegex: "x"}, Priority: 1}, config.Route{Predicates: is{PathPrefix: "/"}}, ""},
		{"priority hides hosts", config.Route{Predicates: is{Path: "/x/y", Hosts: []string{"a.h"}}}, config.Route{Predicates: is{PathPrefix: "/x", Hosts: []string{"*.h"}}, Priority: 1}, "a"},
		{"of the wildcard alone", config.Route{Predicates: is{Path: "/x/y", Hosts: []string{"h"}}}, config.Route{Predicates: is{PathPrefix: "/x", Hosts: []string{"*.h"}}, Priority: 1}, ""},
		{"priority hides longer prefixes", config.Route{Predicates: is{PathPrefix: "/x/y/"}}, config.Route{Predicates: is{PathPrefix: "/x"}, Priority: 1}, "a"},
		{"and what is at it", config.Route{Predicates: is{Path: "/x"}}, config.Route{Predicates: is{PathPrefix: "/x"}, Priority: 1}, "a"},
		{"not beside what is below", config.Route{Predicates: is{Path: "/x"}}, config.Route{Predicates: is{PathPrefix: "/x/"}, Priority: 1}, ""},
		{"nor other words", config.Route{Predicates: is{PathPrefix: "/xy"}}, config.Route{Predicates: is{PathPrefix: "/x"}, Priority: 1}, ""},
		{"on the same listener", config.Route{Predicates: is{PathRegex: "x"}, Listeners: []string{"web"}}, config.Route{Predicates: is{PathPrefix: "/"}, Listeners: []string{"web", "tls"}}, "a"},
		{"not on one more", config.Route{Predicates: is{PathRegex: "x"}}, config.Route{Predicates: is{PathPrefix: "/"}, Listeners: []string{"web"}}, ""},
		{"for the same methods", config.Route{Predicates: is{PathRegex: "x", Methods: get}}, config.Route{Predicates: is{PathPrefix: "/", Methods: []string{"GET", "PUT"}}}, "a"},
		{"OPTIONS * passes the prefix /", config.Route{}, config.Route{Predicates: is{PathPrefix: "/"}}, ""},
		{"priority hides predicates", config.Route{Predicates: is{Path: "/x", Methods: get}}, config.Route{Predicates: is{Path: "/x"}, Priority: 1}, "a"},
		{"in prefixes", config.Route{Predicates: is{PathPrefix: "/x", Methods: get}}, config.Route{Predicates: is{PathPrefix: "/x"}, Priority: 1}, "a"},
		{"in prefixes of what is below", config.Route{Predicates: is{PathPrefix: "/x/", Methods: get}}, config.Route{Predicates: is{PathPrefix: "/x/"}, Priority: 1}, "a"},
		{"without a path", config.Route{Predicates: is{Methods: get}}, config.Route{Priority: 1}, "a"},
		{"predicates come first", config.Route{Predicates: is{Path: "/x", Methods: get}}, config.Route{Predicates: is{Path: "/x"}}, ""},
		{"and hide nothing", config.Route{Predicates: is{Path: "/x"}}, config.Route{Predicates: is{Path: "/x", Methods: get}}, ""},
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
