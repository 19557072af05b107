package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
)

// Description is one route as people read it, for the admin API. It is plain
// data; the index shares it, so it must not be changed.
type Description struct {
	Name      string   `json:"name"`
	Listeners []string `json:"listeners,omitempty"` // none: all
	// Hosts are as compared: "*" is every host, an expression has "~" in front.
	Hosts      []string `json:"hosts"`
	Path       string   `json:"path,omitempty"` // as compared: decoded
	PathPrefix string   `json:"path_prefix,omitempty"`
	PathRegex  string   `json:"path_regex,omitempty"`
	Methods    []string `json:"methods,omitempty"` // none: all; GET takes HEAD too
	// Further are the other predicates, such as "x-env = "canary"" or "not /health/*".
	Further  []string `json:"further,omitempty"`
	Priority int      `json:"priority"`
	// Action is what happens to a request, such as "pool api" or "redirect 308
	// https://{host}{uri}".
	Action string `json:"action"`
	// HiddenBy is a route that takes every request this one could: the route
	// never sees one. Empty where none is known.
	HiddenBy string `json:"hidden_by,omitempty"`
	// Dead says why the route can take no request at all, empty where it can: then no other
	// one is to blame.
	Dead string `json:"dead,omitempty"`
	// TiedWith is a route that goes before this one for the requests that both take only
	// because of its name. Empty where none is known.
	TiedWith string `json:"tied_with,omitempty"`
}

// String is the description in one line, without the name and the action:
// "api.example.com /api/* GET,POST x-env=canary ?debug=1".
func (d *Description) String() string {
	parts := []string{strings.Join(d.Hosts, ","), d.pathText()}
	if len(d.Methods) > 0 {
		parts = append(parts, strings.Join(d.Methods, ","))
	}

	return strings.Join(append(parts, d.Further...), " ")
}

// pathText is the path rule: "/exact", "/prefix/*", "~regex" or "*".
func (d *Description) pathText() string { return pathText(d.Path, d.PathPrefix, d.PathRegex) }

func pathText(path, prefix, regex string) string {
	switch {
	case path != "":
		return path
	case prefix != "":
		return strings.TrimSuffix(prefix, "/") + "/*"
	case regex != "":
		return "~" + regex
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

func describe(name string, r *config.Route, from *draft) Description {
	d := Description{
		Name:      name,
		Listeners: slices.Clone(r.Listeners),
		Hosts:     make([]string, 0, len(from.hosts)),
		PathRegex: r.PathRegex,
		Methods:   slices.Clone(r.Methods),
		Further:   furtherOf(&r.Predicates),
		Priority:  r.Priority,
		Action:    action(r),
	}

	switch from.kind {
	case kindExact:
		d.Path = from.path
	case kindPrefix:
		d.PathPrefix = from.path
	case kindPattern, kindRest:
	}

	for _, host := range from.hosts {
		d.Hosts = append(d.Hosts, host.String())
	}

	for i := range r.Not {
		if text := sectionOf(&r.Not[i]); text != "" {
			d.Further = append(d.Further, "not "+text)
		}
	}

	return d
}

// furtherOf are predicates beyond hosts, path and methods.
func furtherOf(p *config.Predicates) (parts []string) {
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		parts = append(parts, matchOf(strings.ToLower(name), p.Headers[name]))
	}

	for _, name := range slices.Sorted(maps.Keys(p.Query)) {
		parts = append(parts, matchOf("?"+name, p.Query[name]))
	}

	for _, list := range []struct {
		key   string
		texts []string
	}{{"client_ips", p.ClientIPs}, {"sni", p.SNI}, {"protocol", p.Protocol}} {
		if len(list.texts) > 0 {
			parts = append(parts, list.key+"="+strings.Join(list.texts, ","))
		}
	}

	return parts
}

// matchOf is what a field or a parameter has to be like.
func matchOf(name string, m config.Match) string {
	switch {
	case m.Absent:
		return "!" + name
	case m.Regex != "":
		return name + "~" + m.Regex
	default:
		return name + "=" + m.Is
	}
}

// sectionOf is a section of not in one line, "" where it asks for nothing.
func sectionOf(p *config.Predicates) string {
	hosts := slices.Clone(p.Hosts)
	for _, text := range p.HostsRegex {
		hosts = append(hosts, "~"+text)
	}

	parts := furtherOf(p)
	if len(p.Methods) > 0 {
		parts = slices.Insert(parts, 0, strings.Join(p.Methods, ","))
	}

	if path := pathText(p.Path, p.PathPrefix, p.PathRegex); path != "*" {
		parts = slices.Insert(parts, 0, path)
	}

	if len(hosts) > 0 {
		parts = slices.Insert(parts, 0, strings.Join(hosts, ","))
	}

	return strings.Join(parts, " ")
}

// action names what a route does with a request.
func action(r *config.Route) string {
	switch {
	case r.Redirect != nil:
		return fmt.Sprintf("redirect %d %s", r.Redirect.Status, r.Redirect.To)
	case r.Respond != nil:
		return fmt.Sprintf("respond %d", r.Respond.Status)
	case r.Files != nil:
		return "files " + r.Files.Root
	case len(r.Split) > 0:
		shares := make([]string, 0, len(r.Split))
		for _, pool := range slices.Sorted(maps.Keys(r.Split)) {
			shares = append(shares, fmt.Sprintf("%s=%d", pool, r.Split[pool]))
		}

		return "split " + strings.Join(shares, ",")
	default:
		return "pool " + r.Pool
	}
}
