package route

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/match"
)

var (
	errPaths    = errors.New("only one of path, path_prefix and path_regex may be set")
	errListener = errors.New("is not a listener")
)

// compile turns one route into a draft, adding its problems to the builder's.
func (b *builder) compile(d *draft, name string, r config.Route) {
	field := "routes." + name
	d.priority = r.Priority
	b.compileHosts(d, field, r.Hosts)
	b.compileExpressions(d, field, r.HostsRegex)

	if len(r.Hosts)+len(r.HostsRegex) == 0 {
		d.hosts = []match.HostPattern{anyHost()}
	}

	b.compilePath(d, field, r)
	b.compileListeners(d, field, r.Listeners)
	d.compileMethods(r.Methods)
	b.compileFurther(d, field, &r)
}

func (b *builder) compileHosts(d *draft, field string, hosts []string) {
	var met map[match.HostPattern]bool
	if len(hosts) > 1 {
		met = make(map[match.HostPattern]bool, len(hosts))
	}

	for i, text := range hosts {
		host, err := match.ParseHost(text)
		if err != nil {
			b.failValue(fmt.Sprintf("%s.hosts[%d]", field, i), text, err)

			continue
		}

		if met[host] {
			continue
		}

		d.hosts = append(d.hosts, host)
		if met != nil {
			met[host] = true
		}
	}
}

func (b *builder) compileExpressions(d *draft, field string, texts []string) {
	for i, text := range texts {
		if _, ok := b.expression(fmt.Sprintf("%s.hosts_regex[%d]", field, i), text); ok && !slices.Contains(texts[:i], text) {
			d.hosts = append(d.hosts, match.HostPattern{Name: text, Kind: match.HostExpression})
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
	normal, err := match.Path(path)
	if err != nil {
		b.failValue(field, path, err)
	}

	return normal
}

func (b *builder) compilePattern(d *draft, field, text string) {
	c, _ := b.expression(field, text)
	d.pattern, d.beginning = c.re, c.beginning
}

// expression compiles one, once for all who write it alike.
func (b *builder) expression(field, text string) (c compiled, ok bool) {
	if c, ok = b.patterns[text]; ok {
		return c, true
	}

	if c, ok = b.known[text]; !ok {
		re, err := regexp.Compile(text)
		if err != nil {
			b.fail(field, err)

			return c, false
		}

		c = compiled{re: re, beginning: literalBeginning(text)}
	}

	b.patterns[text] = c

	return c, true
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

// compileFurther compiles what is asked beyond host, path, methods and listeners.
func (b *builder) compileFurther(d *draft, field string, r *config.Route) {
	own := ownPredicates(r)

	var err error
	if d.further, err = match.New(&own); err != nil {
		b.fail(field, err)
	}

	if d.not, err = match.NewNot(r.Not); err != nil {
		b.fail(field, err)
	}

	d.own, d.excluded = own, r.Not
}

// ownPredicates are those beyond host, path and methods.
func ownPredicates(r *config.Route) config.Predicates {
	own := r.Predicates
	own.Hosts, own.HostsRegex, own.Methods = nil, nil, nil
	own.Path, own.PathPrefix, own.PathRegex = "", "", ""

	return own
}

// signature is equal for routes that take the same requests of one path. Most routes have
// theirs to themselves, so it is made when it is asked for.
func (b *builder) signature(route int32) string {
	if b.signatures == nil {
		b.signatures = make([]string, len(b.drafts))
	}

	if b.signatures[route] == "" {
		d, r := b.drafts[route], b.routes[b.names[route]]
		own := ownPredicates(&r)
		b.signatures[route] = fmt.Sprintf("%d %x %q %q %s %s",
			d.priority, d.listeners, r.PathRegex, d.methods, own.Spelling(), config.SpellingOfNot(r.Not))
	}

	return b.signatures[route]
}
