package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestListsAreReadToTheirEnd follows the pages of a list, and nobody who leads elsewhere.
func TestListsAreReadToTheirEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		link string // of the first page
		want string // the names, or the error
	}{
		{"one page", "", "a"},
		{"two pages", `</api/v1/pools?after=x>; rel="next"`, "a b"},
		{"another relation", `</api/v1/pools?after=x>; rel="prev"`, "a"},
		{"another host", `<http://evil.example/pools>; rel="next"`, "a"},
		{"another host without scheme", `<//evil.example/pools>; rel="next"`, "a"},
		{"no end", `</api/v1/pools>; rel="next"`, "more than 100 pages"},
		{"refused", `</api/v1/none>; rel="next"`, "gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := connect(t, "t", func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/api/v1/pools":
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(404)
					fmt.Fprint(w, `{"status":404,"detail":"gone"}`)
				case r.URL.RawQuery != "":
					fmt.Fprint(w, `[{"name":"b"}]`)
				default:
					if c.link != "" {
						w.Header().Set("Link", c.link)
					}
					fmt.Fprint(w, `[{"name":"a"}]`)
				}
			})
			pools, err := cl.Pools(t.Context())
			names := make([]string, 0, len(pools))
			for _, p := range pools {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
