package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pool checks one pool.
func (c *checker) pool(path string, p *Pool) {
	if !c.given(path+".backends") && p.Discovery == nil {
		c.reportf(path, "has no backends: it needs backends or discovery")
	}
	c.backends(path+".backends", p.Backends)
	c.hashOn(path+".hash_on", p.HashOn)
	hashes := append([]string{"ip_hash", "consistent_hash", "maglev"}, c.schema.extensions.Algorithms...) // those may
	if p.HashOn != hashOnDefault && !slices.Contains(hashes, p.Algorithm) {
		c.warnf(path+".hash_on", "has no effect with the algorithm %s", p.Algorithm)
	}
	if p.Discovery != nil {
		c.discovery(path+".discovery", p.Discovery)
	}
	if p.CircuitBreaker != nil {
		c.breaker(path+".circuit_breaker", p)
	}
	if p.HealthCheck != nil {
		c.healthCheck(path+".health_check", p)
	}
	if p.Concurrency != nil {
		c.concurrency(path+".concurrency", p)
	}
	if p.Sticky != nil {
		c.sticky(path+".sticky", p.Sticky)
	}
	if size := p.Limits.HeaderBytes; size < answerHeaderMin || size > answerHeaderMax {
		c.reportf(path+".limits.header_bytes", "%s is not within %s and %s", size, Size(answerHeaderMin), Size(answerHeaderMax))
	}
	c.poolHost(path+".host", p.Host)
	c.poolTLS(path, p)
	c.poolProxyProtocol(path, p)
}

// Bounds of pools.*.limits.header_bytes. What is above the upper one would not fit what
// HTTP/2 and HTTP/3 pass on to clients.
const (
	answerHeaderMin = 1 << 10
	answerHeaderMax = 256 << 10
)

// poolProxyProtocol refuses what a connection that belongs to one client cannot do.
func (c *checker) poolProxyProtocol(path string, p *Pool) {
	if p.ProxyProtocol != "v1" && p.ProxyProtocol != "v2" {
		return
	}
	if p.Protocol != "http1" {
		c.reportf(path+".protocol", "cannot be %s beside proxy_protocol: clients would share a connection that is one's", p.Protocol)
	}
	for key, changed := range map[string]bool{
		path + ".connections.idle":    p.Connections.Idle != connectionsIdleDefault,
		path + ".connections.max_age": p.Connections.MaxAge != 0,
	} {
		if changed {
			c.reportf(key, "has no effect beside proxy_protocol: each request has a connection of its own")
		}
	}
}

// connectionsIdleDefault is the default of pools.*.connections.idle, which is
// printed with every configuration and so is no wish of anybody.
const connectionsIdleDefault = 90 * time.Second

// hashOnDefault is the default of pools.*.hash_on, which is printed as well.
const hashOnDefault = "source_ip"

// backends checks the members of a pool.
func (c *checker) backends(path string, backends []Backend) {
	first := map[string]int{}
	for i, b := range backends {
		at := indexPath(path, i)
		c.backendAddress(at+".address", b.Address)
		c.plainText(at+".zone", b.Zone)
		if was, twice := first[strings.ToLower(b.Address)]; twice && b.Address != "" {
			c.reportf(at+".address", "%s is the address of backends[%d] already", c.quote(at+".address", b.Address), was)
			continue
		}
		first[strings.ToLower(b.Address)] = i
	}
}

// breaker warns of one that may take nobody out, because the share of the members is less
// than one. With max_ejected_percent 0 that is meant; members that are found are not known,
// and all primaries may be out while backups stand by.
func (c *checker) breaker(path string, p *Pool) {
	members, percent := len(p.Backends), p.CircuitBreaker.MaxEjectedPercent
	backups := 0
	for _, b := range p.Backends {
		if b.Backup {
			backups++
		}
	}
	if members == 0 || p.Discovery != nil || 0 < backups && backups < members || percent == 0 || members*percent >= 100 {
		return
	}
	what := strconv.Itoa(members) + " backends"
	if members == 1 {
		what = "1 backend"
	}
	c.warnf(path, "has no effect: max_ejected_percent is %d, and that of %s is less than one, "+
		"so none is ever taken out; %d or more lets one be", percent, what, (99+members)/members)
}

// concurrency checks that a queue has something to wait for.
func (c *checker) concurrency(path string, p *Pool) {
	l := p.Concurrency
	limited := slices.ContainsFunc(p.Backends, func(b Backend) bool { return b.MaxRequests > 0 })
	if l.MaxQueue > 0 && l.MaxRequests == 0 && !l.Adaptive && !limited {
		c.reportf(path+".max_queue", "has no effect without max_requests, adaptive or max_requests of a backend: nothing would wait")
	}
}

// hashOn checks the key of hashing, sticky and rate-limiting decisions.
func (c *checker) hashOn(path, text string, more ...string) {
	plain := append([]string{"source_ip", wordPath}, more...)
	if slices.Contains(plain, text) {
		return
	}
	what, name, _ := strings.Cut(text, ":")
	switch {
	case what != wordHeader && what != wordCookie && what != wordQuery || !strings.Contains(text, ":"):
		c.reportf(path, "%s is none of %s, header:NAME, cookie:NAME and query:NAME%s",
			c.quote(path, text), strings.Join(plain, ", "), DidYouMean(text, plain))
	case what == wordQuery:
		if name == "" || !keyIsPlain(name) {
			c.reportf(path, "%s names no parameter: write query:NAME", c.quote(path, text))
		}
	case !isToken(name):
		c.reportf(path, "%s names no %s: write %s:NAME", c.quote(path, text), what, what)
	}
}

func (c *checker) discovery(path string, d *Discovery) {
	if d.DNS == nil {
		c.reportf(path, "is empty: it needs dns")
		return
	}
	path += ".dns"
	if !isHostName(d.DNS.Name) {
		c.reportf(path+".name", "%s is not a host name", c.quote(path+".name", d.DNS.Name))
	}
	if d.DNS.Type == "SRV" && d.DNS.Port != 0 {
		c.reportf(path+".port", "has no effect: SRV records carry their own ports")
	}
	if d.DNS.Type != "SRV" && d.DNS.Port == 0 {
		c.reportf(path+".port", "is required for records of type %s", d.DNS.Type)
	}
	if d.DNS.Resolver != "" {
		c.resolver(path+".resolver", d.DNS.Resolver)
	}
}

// resolver checks the address of a name server; a name would have to be resolved
// before anything can be.
func (c *checker) resolver(path, text string) {
	a, err := netip.ParseAddrPort(text)
	if err != nil || a.Port() == 0 {
		c.reportf(path, "%s is not ip:port or [ip]:port", c.quote(path, text))
	}
}

// statusRange checks a status code or a range of them.
func (c *checker) statusRange(path, text string) {
	from, to, isRange := strings.Cut(text, "-")
	low, ok := status(from)
	high := low
	if isRange {
		var okTo bool
		high, okTo = status(to)
		ok = ok && okTo
	}
	switch {
	case ok && low > high:
		c.reportf(path, "%s ends before it begins%s", c.quote(path, text), didYouMean(quoted(to+"-"+from)))
	case ok:
	case len(text) == 3 && text[0] >= '1' && text[0] <= '5' && strings.EqualFold(text[1:], "xx"):
		c.reportf(path, "%s is not a status%s", c.quote(path, text), didYouMean(quoted(text[:1]+"00-"+text[:1]+"99")))
	default:
		c.reportf(path, "%s is neither a status from 100 to 599 nor a range such as 200-299", c.quote(path, text))
	}
}

// poolTLS checks how the backends are spoken to.
func (c *checker) poolTLS(path string, p *Pool) {
	if p.Protocol == "h2c" && p.TLS.Enabled {
		c.reportf(path+".protocol", "h2c is HTTP/2 in clear text, which tls excludes (did you mean \"h2\"?)")
	}
	if p.Protocol == "h2" && !p.TLS.Enabled {
		c.reportf(path+".protocol", "h2 needs tls.enabled (did you mean \"h2c\"?)")
	}
	t, path := p.TLS, path+".tls"
	if !t.Enabled {
		return
	}
	if t.ServerName != "" && !isHost(t.ServerName) {
		c.reportf(path+".server_name", "%s is not a host name", c.quote(path+".server_name", t.ServerName))
	}
	if t.CAFile != "" {
		c.authorities(path+".ca_file", t.CAFile)
	}
	c.certificateNames(path, p.Backends, &t)
	if t.CAFile != "" && t.InsecureSkipVerify {
		c.reportf(path+".insecure_skip_verify", "cannot stand beside ca_file: with it no certificate is verified")
	}
	c.optionalKeyPair(path, t.CertFile, t.KeyFile)
}

// certificateNames checks that every backend has a name to be verified by.
func (c *checker) certificateNames(path string, backends []Backend, t *PoolTLS) {
	if t.ServerName != "" || t.InsecureSkipVerify {
		return
	}
	for i, b := range backends {
		if isUnix(b.Address) {
			c.reportf(path+".server_name", "is required: backends[%d] is a unix socket, which has no name to verify its certificate by", i)
		}
	}
}

// optionalKeyPair checks a certificate and key of which both or none are given.
func (c *checker) optionalKeyPair(path, certFile, keyFile string) {
	switch {
	case certFile != "" && keyFile != "":
		c.keyPair(path, certFile, keyFile)
	case certFile != "":
		c.reportf(path+".key_file", "is required beside cert_file")
	case keyFile != "":
		c.reportf(path+".cert_file", "is required beside key_file")
	}
}
