package stage

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/trust"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// Condition says for which requests a stage runs: where all predicates hold of one of its
// clauses. The zero value has none and holds for nothing.
type Condition struct{ clauses []clause }

// clause are predicates that have to hold together. Lists that are empty say nothing.
type clause struct {
	hosts    []hostPattern
	hostsRE  []*regexp.Regexp
	path     string
	prefix   string
	pathRE   *regexp.Regexp
	methods  []string
	headers  []match
	params   []match
	clients  trust.Networks
	isClient bool // clients counts
	protocol protocols
	names    []hostPattern // of TLS
	not      []clause
}

// match is what the value of a field or a parameter has to be.
type match struct {
	name   Name
	of     string
	is     string
	re     *regexp.Regexp
	any    bool
	absent bool
}

// hostPattern is an exact name, or what it begins or ends with.
type hostPattern struct {
	text     string
	from, to bool // a star stands in front, or behind
}

// protocols is a set of them.
type protocols uint8

const (
	isHTTP1 protocols = 1 << iota
	isHTTP2
	isHTTP3
	isCall
	isUpgrade
)

var protocolBits = map[string]protocols{"http1": isHTTP1, "h2": isHTTP2, "h3": isHTTP3, "grpc": isCall, "websocket": isUpgrade}

// NewCondition compiles a list of sections, of which one has to hold.
func NewCondition(sections []config.Condition) (Condition, error) {
	clauses, err := newClauses(sections)
	return Condition{clauses: clauses}, err
}

// IsEmpty reports that there are no clauses.
func (o *Condition) IsEmpty() bool { return len(o.clauses) == 0 }

// newClauses compiles sections; one without predicates does nothing.
func newClauses(sections []config.Condition) (all []clause, err error) {
	for i := range sections {
		from := &sections[i]
		if len(from.Not) == 0 && isBlank(&from.Predicates) {
			continue
		}
		o, err := newClause(&from.Predicates)
		if err != nil {
			return nil, err
		}
		for j := range from.Not {
			if isBlank(&from.Not[j]) {
				continue
			}
			not, err := newClause(&from.Not[j])
			if err != nil {
				return nil, fmt.Errorf("not: %w", err)
			}
			o.not = append(o.not, not)
		}
		all = append(all, o)
	}
	return all, nil
}

func isBlank(p *config.Predicates) bool { return reflect.DeepEqual(*p, config.Predicates{}) }

func newClause(from *config.Predicates) (o clause, err error) {
	o = clause{path: from.Path, prefix: from.PathPrefix, methods: from.Methods, hosts: hostPatterns(from.Hosts), names: hostPatterns(from.SNI)}
	for _, text := range from.HostsRegex {
		re, err := regexp.Compile(text)
		if err != nil {
			return o, fmt.Errorf("hosts_regex: %w", err)
		}
		o.hostsRE = append(o.hostsRE, re)
	}
	if from.PathRegex != "" {
		if o.pathRE, err = regexp.Compile(from.PathRegex); err != nil {
			return o, fmt.Errorf("path_regex: %w", err)
		}
	}
	if o.headers, err = newMatches(from.Headers); err != nil {
		return o, fmt.Errorf("headers: %w", err)
	}
	if o.params, err = newMatches(from.Query); err != nil {
		return o, fmt.Errorf("query: %w", err)
	}
	if o.isClient = len(from.ClientIPs) > 0; o.isClient {
		if o.clients, err = trust.ParseNetworks(from.ClientIPs); err != nil {
			return o, fmt.Errorf("client_ips: %w", err)
		}
	}
	for _, word := range from.Protocol {
		o.protocol |= protocolBits[word]
	}
	return o, nil
}

func newMatches(from map[string]config.Match) (all []match, err error) {
	for name, m := range from {
		w := match{name: NewName(name), of: name, is: m.Is, any: m.Is == "*", absent: m.Absent}
		if m.Regex != "" {
			if w.re, err = regexp.Compile(m.Regex); err != nil {
				return nil, err //nolint:wrapcheck // it names the expression
			}
		}
		all = append(all, w)
	}
	return all, nil
}

func hostPatterns(hosts []string) (all []hostPattern) {
	for _, text := range hosts {
		h := hostPattern{text: strings.ToLower(text)}
		if rest, ok := strings.CutPrefix(h.text, "*"); ok {
			h.text, h.from = rest, true
		} else if rest, ok := strings.CutSuffix(h.text, "*"); ok {
			h.text, h.to = rest, true
		}
		all = append(all, h)
	}
	return all
}

// Holds reports that one of the clauses holds for the request.
func (o *Condition) Holds(c *Call) bool { return anyHolds(o.clauses, c) }

func anyHolds(clauses []clause, c *Call) bool {
	for i := range clauses {
		if clauses[i].holds(c) {
			return true
		}
	}
	return false
}

func (o *clause) holds(c *Call) bool {
	switch {
	case o.hasHosts() && !o.holdsHost(c),
		o.path != "" && o.path != string(c.Path),
		o.prefix != "" && !underPrefix(c.Path, o.prefix),
		o.pathRE != nil && !o.pathRE.Match(c.Path),
		o.methods != nil && !hasMethod(o.methods, c.Head.Method),
		o.isClient && (!c.Client().IsValid() || !o.clients.Trusts(c.Client())),
		o.protocol != 0 && o.protocol&protocolsOf(c) == 0,
		o.names != nil && !matchesHost(o.names, c.ServerName()):
		return false
	}
	for i := range o.headers {
		if !o.headers[i].holdsField(c) {
			return false
		}
	}
	for i := range o.params {
		m := &o.params[i]
		value := affinity.Parameter(c.Head.Query, m.of)
		if !m.holds(value, value != nil) {
			return false
		}
	}
	return !anyHolds(o.not, c)
}

func (o *clause) hasHosts() bool { return o.hosts != nil || o.hostsRE != nil }

func (o *clause) holdsHost(c *Call) bool {
	host := wire.HostName(c.Head.Host)
	if matchesHost(o.hosts, host) {
		return true
	}
	if len(o.hostsRE) > 0 {
		c.Scratch = appendLower(c.Scratch[:0], host)
	}
	for _, re := range o.hostsRE {
		if re.Match(c.Scratch) {
			return true
		}
	}
	return false
}

// matchesHost compares without regard to case.
func matchesHost[T string | []byte](patterns []hostPattern, host T) bool {
	for i := range patterns {
		p := &patterns[i]
		at := 0
		switch {
		case len(host) < len(p.text), !p.from && !p.to && len(host) != len(p.text):
			continue
		case p.from:
			at = len(host) - len(p.text)
		}
		if (p.from || p.to) && len(host) == len(p.text) {
			continue // the star stands for a label at least
		}
		if equalLower(host, at, p.text) {
			return true
		}
	}
	return false
}

func equalLower[T string | []byte](host T, at int, lowered string) bool {
	for i := range len(lowered) {
		c := host[at+i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lowered[i] {
			return false
		}
	}
	return true
}

// underPrefix reports that path is prefix, or below it: whole segments.
func underPrefix(path []byte, prefix string) bool {
	if len(path) < len(prefix) || string(path[:len(prefix)]) != prefix {
		return false
	}
	return len(path) == len(prefix) || prefix[len(prefix)-1] == '/' || path[len(prefix)] == '/'
}

// hasMethod reports that a method is in the list; GET takes HEAD along.
func hasMethod(list []string, method []byte) bool {
	for i := range list {
		if list[i] == string(method) || list[i] == "GET" && string(method) == "HEAD" {
			return true
		}
	}
	return false
}

func protocolsOf(c *Call) (all protocols) {
	switch c.Protocol() {
	case "HTTP/2":
		all = isHTTP2
	case "HTTP/3":
		all = isHTTP3
	default:
		all = isHTTP1
	}
	if c.IsCall() {
		all |= isCall
	}
	if c.Upgrades() {
		all |= isUpgrade
	}
	return all
}

func (m *match) holdsField(c *Call) bool {
	value := c.Field(&m.name)
	if m.holds(value, value != nil) {
		return true
	}
	if value == nil || m.absent {
		return false
	}
	found := false
	c.Request.Each(&m.name, func(other []byte) bool {
		found = m.holds(other, true)
		return !found
	})
	return found
}

func (m *match) holds(value []byte, there bool) bool {
	switch {
	case m.absent:
		return !there
	case !there:
		return false
	case m.any:
		return true
	case m.re != nil:
		return m.re.Match(value)
	}
	return string(value) == m.is
}
