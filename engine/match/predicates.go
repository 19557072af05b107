package match

import (
	"fmt"
	"regexp"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/trust"
)

// Predicates are what has to hold together. What is not asked for always holds: the zero
// value holds for every request.
type Predicates struct {
	hosts    hosts
	path     string
	prefix   string
	pathRE   *regexp.Regexp
	methods  []string
	headers  []value // in order of name
	params   []value // in order of name
	clients  trust.Networks
	isClient bool          // clients counts
	names    []HostPattern // of TLS
	protocol Protocols
}

// part is one of the questions that predicates ask.
type part uint8

const (
	none part = iota // all of them hold
	byHost
	byPath
	byMethod
	byClient
	byProtocol
	byServerName
	byHeader
	byParam
)

// New compiles a section. The error begins with the key that is wrong.
func New(from *config.Predicates) (p Predicates, err error) {
	p = Predicates{methods: from.Methods}
	if p.path, err = Path(from.Path); err != nil {
		return p, fmt.Errorf("path: %w", err)
	}
	if p.prefix, err = Path(from.PathPrefix); err != nil {
		return p, fmt.Errorf("path_prefix: %w", err)
	}
	if p.hosts, err = newHosts(from.Hosts, from.HostsRegex); err != nil {
		return p, err
	}
	if p.names, err = parseHosts(from.SNI); err != nil {
		return p, fmt.Errorf("sni: %w", err)
	}
	if from.PathRegex != "" {
		if p.pathRE, err = regexp.Compile(from.PathRegex); err != nil {
			return p, fmt.Errorf("path_regex: %w", err)
		}
	}
	if p.headers, err = newValues(from.Headers, lowered); err != nil {
		return p, fmt.Errorf("headers: %w", err)
	}
	if p.params, err = newValues(from.Query, verbatim); err != nil {
		return p, fmt.Errorf("query: %w", err)
	}
	if p.isClient = len(from.ClientIPs) > 0; p.isClient {
		if p.clients, err = trust.ParseNetworks(from.ClientIPs); err != nil {
			return p, fmt.Errorf("client_ips: %w", err)
		}
	}
	for _, word := range from.Protocol {
		p.protocol |= protocolBits[word]
	}
	return p, nil
}

// Count is how many questions are asked: each field and each parameter is one.
func (p *Predicates) Count() int {
	n := len(p.headers) + len(p.params)
	for _, asked := range [...]bool{
		p.hosts.any(), p.path != "", p.prefix != "", p.pathRE != nil, p.methods != nil, p.isClient, p.protocol != 0, p.names != nil,
	} {
		if asked {
			n++
		}
	}
	return n
}

// Holds reports that all of them hold for the request.
func (p *Predicates) Holds(q *Request) bool {
	failed, _ := p.failed(q)
	return failed == none
}

// failed is the first part that does not hold, or none; of a header or a parameter also
// which one.
func (p *Predicates) failed(q *Request) (failed part, which int) {
	switch {
	case p.hosts.any() && !p.hosts.holds(q):
		return byHost, 0
	case !p.holdsPath(q.Path):
		return byPath, 0
	case p.methods != nil && !hasMethod(p.methods, q.Method):
		return byMethod, 0
	case p.isClient && !p.holdsClient(q):
		return byClient, 0
	case p.protocol != 0 && (q.Facts == nil || p.protocol&q.Facts.Protocols() == 0):
		return byProtocol, 0
	case p.names != nil && (q.Facts == nil || !takeHost(p.names, q.Facts.ServerName())):
		return byServerName, 0
	}
	for i := range p.headers {
		if !p.headers[i].holdsField(q) {
			return byHeader, i
		}
	}
	for i := range p.params {
		if !p.params[i].holdsParam(q) {
			return byParam, i
		}
	}
	return none, 0
}

func (p *Predicates) holdsPath(path []byte) bool {
	return (p.path == "" || p.path == string(path)) && (p.prefix == "" || underPrefix(path, p.prefix)) &&
		(p.pathRE == nil || p.pathRE.Match(path))
}

func (p *Predicates) holdsClient(q *Request) bool {
	if q.Facts == nil {
		return false
	}
	client := q.Facts.Client()
	return client.IsValid() && p.clients.Contains(client)
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
