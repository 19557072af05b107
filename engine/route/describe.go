package route

import (
	"maps"
	"slices"
	"strings"
)

// Description is one route as people read it, for the admin API. It is plain
// data; the index shares it, so it must not be changed.
type Description struct {
	Name       string            `json:"name"`
	Listeners  []string          `json:"listeners,omitempty"` // none: all
	Hosts      []string          `json:"hosts"`               // as compared; "*" is every host
	Path       string            `json:"path,omitempty"`      // as compared: decoded
	PathPrefix string            `json:"path_prefix,omitempty"`
	PathRegex  string            `json:"path_regex,omitempty"`
	Methods    []string          `json:"methods,omitempty"` // none: all; GET takes HEAD too
	Headers    map[string]string `json:"headers,omitempty"`
	Query      map[string]string `json:"query,omitempty"`
	Priority   int               `json:"priority"`
	// Action is what happens to a request, such as "pool api" or "redirect 308
	// https://{host}{uri}".
	Action string `json:"action"`
	// HiddenBy is a route that takes every request this one could: the route
	// never sees one. Empty where none is known.
	HiddenBy string `json:"hidden_by,omitempty"`
}

// String is the description in one line, without the name and the action:
// "api.example.com /api/* GET,POST x-env=canary ?debug=1".
func (d *Description) String() string {
	parts := []string{strings.Join(d.Hosts, ","), d.pathText()}
	if len(d.Methods) > 0 {
		parts = append(parts, strings.Join(d.Methods, ","))
	}

	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		parts = append(parts, strings.ToLower(name)+"="+d.Headers[name])
	}

	for _, name := range slices.Sorted(maps.Keys(d.Query)) {
		parts = append(parts, "?"+name+"="+d.Query[name])
	}

	return strings.Join(parts, " ")
}

// pathText is the path rule: "/exact", "/prefix/*", "~regex" or "*".
func (d *Description) pathText() string {
	switch {
	case d.Path != "":
		return d.Path
	case d.PathPrefix != "":
		return strings.TrimSuffix(d.PathPrefix, "/") + "/*"
	case d.PathRegex != "":
		return "~" + d.PathRegex
	default:
		return "*"
	}
}

func (d *Description) kind() kind {
	switch {
	case d.Path != "":
		return kindExact
	case d.PathPrefix != "":
		return kindPrefix
	case d.PathRegex != "":
		return kindPattern
	default:
		return kindRest
	}
}
