package config

import (
	"slices"
	"strings"
)

const (
	portClear = 80
	portTLS   = 443
)

// strangePorts warns of backends at the port of another protocol than their pool speaks: its
// members are spoken to alike, where other proxies have a scheme for each.
func (c *checker) strangePorts() {
	for _, name := range sortedNames(c.cfg.Pools) {
		p := c.cfg.Pools[name]
		path := joinPath("pools", name)
		for i, b := range p.Backends {
			a, err := parseAddress(b.Address)
			at := indexPath(path+".backends", i) + ".address"
			switch {
			case err != nil || a.unix != "":
			case a.port == portTLS && !p.TLS.Enabled:
				c.warnf(at, "443 is the port of https, and the pool speaks clear text: tls.enabled is for all of its members")
			case a.port == portClear && p.TLS.Enabled:
				c.warnf(at, "80 is the port of clear text, and the pool speaks TLS: tls.enabled is for all of its members")
			}
		}
	}
}

// hiddenAdmin warns of hosts that lead to the admin endpoint, which does not answer to them.
func (c *checker) hiddenAdmin() {
	admin, err := parseAddress(c.cfg.Admin.Address)
	if c.cfg.Admin.Address == "" || err != nil || admin.unix != "" { // by a socket it answers to every host
		return
	}
	for _, name := range sortedNames(c.cfg.Routes) {
		r := c.cfg.Routes[name]
		i := slices.IndexFunc(r.poolNames(), func(pool string) bool { return c.isAdmin(c.cfg.Pools[pool], admin) })
		if i < 0 || c.namesHost(name) {
			continue
		}
		for k, host := range r.Hosts {
			if !strings.Contains(host, "*") && !c.admits(host, admin) {
				c.warnf(indexPath(joinPath("routes", name)+".hosts", k), "is refused by the admin endpoint, to which pools.%s leads: "+
					"it has to stand in admin.allowed_hosts", r.poolNames()[i])
			}
		}
	}
}

// isAdmin reports a pool of the admin endpoint that hands on the Host of clients.
func (c *checker) isAdmin(p Pool, admin address) bool {
	return (p.Host == HostKeep || p.Host == "") && slices.ContainsFunc(p.Backends, func(b Backend) bool {
		a, err := parseAddress(b.Address)
		return err == nil && a.unix == "" && a.port == admin.port &&
			(strings.EqualFold(a.host, admin.host) || a.isLoopback() && (admin.isLoopback() || admin.isWildcard()))
	})
}

// admits reports that the admin endpoint answers requests for a host.
func (c *checker) admits(host string, admin address) bool {
	own := address{host: bareHost(host)}
	return own.isLoopback() || own.host == bareHost(admin.host) ||
		slices.ContainsFunc(c.cfg.Admin.AllowedHosts, func(allowed string) bool { return bareHost(allowed) == own.host })
}

// bareHost is a host without what may be spelled in two ways.
func bareHost(host string) string {
	return strings.TrimSuffix(strings.Trim(strings.ToLower(host), "[]"), ".")
}

// namesHost reports that a stage of a route says what backends see as Host.
func (c *checker) namesHost(route string) bool {
	return slices.ContainsFunc(c.cfg.Links(route), func(l Link) bool {
		switch s := c.cfg.Middleware[l.Name].Stage.(type) {
		case *StageRewrite:
			return s.Host != ""
		case *StageHeaders:
			return slices.ContainsFunc(sortedNames(s.Request.Set), func(name string) bool { return strings.EqualFold(name, wordHost) })
		}
		return false
	})
}
