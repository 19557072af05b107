package config

import (
	"slices"
	"strings"
)

// admin checks the endpoint of the API.
func (c *checker) admin(a *Admin) {
	c.optionalKeyPair("admin.tls", a.TLS.CertFile, a.TLS.KeyFile)
	for i, host := range a.AllowedHosts {
		at := indexPath("admin.allowed_hosts", i)
		if !isHost(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")) {
			c.reportf(at, "%s is not a host name without scheme and port", c.quote(at, host))
		}
	}
	c.noDuplicates("admin.allowed_hosts", lowered(a.AllowedHosts))
	if strings.ContainsFunc(string(a.Token), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		c.reportf("admin.token", "must be of visible ASCII characters without spaces, so that it fits a header field")
	}
	if a.Address == "" {
		return
	}
	address, ok := c.anyAddress("admin.address", a.Address)
	if ok && !address.isLoopback() && a.Token == "" && !c.broken["admin.token"] {
		c.reportf("admin.address", "%s can be reached from other machines: set admin.token, or bind 127.0.0.1",
			c.quote("admin.address", a.Address))
	}
}

// metrics checks where the exposition stands among the paths of the admin endpoint.
func (c *checker) metrics(m *Metrics) {
	c.requestPath("metrics.path", m.Path)
	taken := slices.Contains([]string{"/", "/health", "/ready", "/api"}, m.Path) || strings.HasPrefix(m.Path, "/api/")
	if taken {
		c.reportf("metrics.path", "%s is a path of the admin API", c.quote("metrics.path", m.Path))
	}
}
