package route

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/wire"
)

var (
	errPaths    = errors.New("only one of path, path_prefix and path_regex may be set")
	errSlash    = errors.New(`must begin with "/"`)
	errPath     = errors.New("is no path a request can have: see %XX, backslashes and control characters")
	errListener = errors.New("is not a listener")
)

// compile turns one route into a draft, adding its problems to the builder's.
func (b *builder) compile(d *draft, name string, r config.Route) {
	field := "routes." + name
	d.priority = r.Priority
	b.compileHosts(d, field, r.Hosts)
	b.compilePath(d, field, r)
	b.compileListeners(d, field, r.Listeners)
	d.compileMethods(r.Methods)
	d.headers = wants(r.Headers, strings.ToLower)
	d.params = wants(r.Query, func(name string) string { return name })
	d.signature = d.sign(r.PathRegex)
}

func (b *builder) compileHosts(d *draft, field string, hosts []string) {
	if len(hosts) == 0 {
		d.hosts = []hostPattern{anyHost()}

		return
	}

	met := make(map[hostPattern]bool, len(hosts))

	for i, text := range hosts {
		host, err := parseHost(text)
		if err != nil {
			b.failValue(fmt.Sprintf("%s.hosts[%d]", field, i), text, err)

			continue
		}

		if !met[host] {
			met[host] = true
			d.hosts = append(d.hosts, host)
		}
	}
}

func (b *builder) compilePath(d *draft, field string, r config.Route) {
	set := 0

	for _, text := range []string{r.Path, r.PathPrefix, r.PathRegex} {
		if text != "" {
			set++
		}
	}

	if set > 1 {
		b.fail(field, errPaths)

		return
	}

	switch {
	case r.Path != "":
		d.kind = kindExact
		d.path = b.normalise(field+".path", r.Path)
	case r.PathPrefix != "":
		d.kind = kindPrefix
		d.path = b.normalise(field+".path_prefix", r.PathPrefix)
	case r.PathRegex != "":
		d.kind = kindPattern
		b.compilePattern(d, field+".path_regex", r.PathRegex)
	default:
		d.kind = kindRest
	}
}

// normalise brings a path into the spelling requests are matched in, so that
// "/caf%C3%A9" and "/a//b" are not paths that no request ever has.
func (b *builder) normalise(field, path string) string {
	match, _, err := wire.NormalizePath(nil, []byte(path))

	switch {
	case path[0] != '/':
		b.failValue(field, path, errSlash)
	case err != nil:
		b.failValue(field, path, errPath)
	}

	return string(match)
}

func (b *builder) compilePattern(d *draft, field, expression string) {
	c, ok := b.patterns[expression]
	if !ok {
		re, err := regexp.Compile(expression)
		if err != nil {
			b.fail(field, err)

			return
		}

		c = compiled{re: re, beginning: literalBeginning(expression)}
		b.patterns[expression] = c
	}

	d.pattern, d.beginning = c.re, c.beginning
}

func (b *builder) compileListeners(d *draft, field string, names []string) {
	if len(names) == 0 {
		return
	}

	d.listeners = make([]uint64, len(b.listeners)/64+1)

	for i, name := range names {
		number, ok := b.listeners[name]
		if !ok {
			b.failValue(fmt.Sprintf("%s.listeners[%d]", field, i), name, errListener)

			continue
		}

		d.listeners[number/64] |= 1 << (number % 64)
	}
}

func (d *draft) compileMethods(methods []string) {
	if len(methods) == 0 {
		return
	}

	d.methods = slices.Clone(methods)

	if slices.Contains(methods, "GET") && !slices.Contains(methods, "HEAD") {
		d.viaGet = true
		d.methods = append(d.methods, "HEAD")
	}

	slices.Sort(d.methods)
	d.methods = slices.Compact(d.methods)
}

// wants are headers or query parameters in the order of their names.
func wants(from map[string]string, canonical func(string) string) []want {
	list := make([]want, 0, len(from))
	for name, value := range from {
		list = append(list, want{name: canonical(name), value: value, any: value == "*"})
	}

	slices.SortFunc(list, func(v, w want) int {
		return cmp.Or(cmp.Compare(v.name, w.name), cmp.Compare(v.value, w.value))
	})

	return list
}

// sign is what a route asks beyond host and path, in one spelling.
func (d *draft) sign(expression string) string {
	var s strings.Builder

	fmt.Fprintf(&s, "%d %x %q %q", d.priority, d.listeners, expression, d.methods)

	for _, list := range [][]want{d.headers, d.params} {
		s.WriteString(" |")

		for _, w := range list {
			s.WriteString(strconv.Quote(w.name) + "=" + strconv.Quote(w.value))
		}
	}

	return s.String()
}

func describe(name string, r config.Route, from *draft) Description {
	d := Description{
		Name:       name,
		Listeners:  slices.Clone(r.Listeners),
		Hosts:      make([]string, 0, len(from.hosts)),
		Path:       "",
		PathPrefix: "",
		PathRegex:  r.PathRegex,
		Methods:    slices.Clone(r.Methods),
		Headers:    maps.Clone(r.Headers),
		Query:      maps.Clone(r.Query),
		Priority:   r.Priority,
		Action:     action(r),
		HiddenBy:   "",
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

	return d
}

// action names what a route does with a request.
func action(r config.Route) string {
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
