package config

import "strings"

// conditions checks when or unless of a stage.
func (c *checker) conditions(path string, list []Condition) {
	for i := range list {
		at := indexPath(path, i)
		c.predicates(at, &list[i].Predicates)
		c.excluded(at, list[i].Not)
	}
}

// excluded checks the sections of not.
func (c *checker) excluded(path string, list []Predicates) {
	for i := range list {
		c.predicates(indexPath(path+".not", i), &list[i])
	}
}

// predicates checks which requests are meant.
func (c *checker) predicates(path string, p *Predicates) {
	c.paths(path, [3]string{p.Path, p.PathPrefix, p.PathRegex})
	for i, host := range p.Hosts {
		c.hostPattern(indexPath(path+".hosts", i), host)
	}
	c.noDuplicates(path+".hosts", lowered(p.Hosts))
	for i, expression := range p.HostsRegex {
		at := indexPath(path+".hosts_regex", i)
		if expression == "" {
			c.reportf(at, "must not be empty")
		}
		c.regex(at, expression)
	}
	c.methods(path+".methods", p.Methods)
	c.matches(path+".headers", p.Headers, "header field")
	c.matches(path+".query", p.Query, "")
	c.networks(path+".client_ips", p.ClientIPs)
	for i, name := range p.SNI {
		if at := indexPath(path+".sni", i); !isHostName(strings.TrimPrefix(name, "*.")) {
			c.reportf(at, "%s is neither a host name nor one such as \"*.example.org\"", c.quote(at, name))
		}
	}
	c.noDuplicates(path+".sni", lowered(p.SNI))
	c.noDuplicates(path+".protocol", p.Protocol)
}

// hostPattern checks an exact host, or one with a wildcard for its first or last labels.
func (c *checker) hostPattern(path, host string) {
	if name, ok := strings.CutSuffix(host, ".*"); ok && isHostName(name) {
		return
	}
	c.routeHost(path, host)
}

// matches checks what fields or parameters must be like.
func (c *checker) matches(path string, matches map[string]Match, field string) {
	first := map[string]string{}
	for _, name := range sortedNames(matches) {
		at := joinPath(path, name)
		m := matches[name]
		if field == "" && name == "" {
			c.reportf(at, "a parameter must have a name")
			continue
		}
		if field != "" && !c.token(at, field, name) {
			continue
		}
		if was, twice := first[strings.ToLower(name)]; twice && field != "" {
			c.reportf(at, "is the same field as %q", was)
			continue
		}
		first[strings.ToLower(name)] = name
		c.oneMatch(at, &m)
	}
}

// oneMatch checks that a match says one thing.
func (c *checker) oneMatch(path string, m *Match) {
	var keys []string
	for _, k := range []struct {
		key   string
		given bool
	}{{"is", c.given(path + ".is")}, {"regex", m.Regex != ""}, {"absent", m.Absent}} {
		if k.given {
			keys = append(keys, k.key)
		}
	}
	switch len(keys) {
	case 0:
		if !c.broken[path] && !c.broken[path+".regex"] && !c.broken[path+".absent"] {
			c.reportf(path, "says nothing: it needs one of is, regex and absent: true")
		}
	case 1:
		c.plainText(path+".is", m.Is)
		c.regex(path+".regex", m.Regex)
	default:
		c.reportf(path+"."+keys[1], "cannot stand beside %s", keys[0])
	}
}
