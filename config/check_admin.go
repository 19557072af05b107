package config

import (
	"slices"
	"strings"
)

// admin checks the endpoint of the API.
func (c *checker) admin(a *Admin) {
	c.adminTLS(a)
	c.adminTokens(a)
	for i, host := range a.AllowedHosts {
		at := indexPath("admin.allowed_hosts", i)
		if !isHost(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")) {
			c.reportf(at, "%s is not a host name without scheme and port", c.quote(at, host))
		}
	}
	c.noDuplicates("admin.allowed_hosts", lowered(a.AllowedHosts))
	if a.Address == "" {
		return
	}
	address, ok := c.anyAddress("admin.address", a.Address)
	if ok && !address.isLoopback() && a.Token == "" && len(a.Tokens) == 0 && !c.broken["admin.token"] && !c.broken["admin.tokens"] {
		c.reportf("admin.address", "%s can be reached from other machines: set admin.token, or bind 127.0.0.1",
			c.quote("admin.address", a.Address))
	}
}

// localAuthor is who makes changes without a name, as logs and the history have it.
const localAuthor = "local"

// adminTokens checks that each token can be sent, and is told from the others.
func (c *checker) adminTokens(a *Admin) {
	first := map[Secret]string{}
	c.adminSecret("admin.token", a.Token, first)
	for i, t := range a.Tokens {
		at := indexPath("admin.tokens", i)
		c.adminSecret(at+".secret", t.Secret, first)
		switch {
		case t.Name == localAuthor:
			c.reportf(at+".name", "%s is the word for whoever has no name", c.quote(at+".name", t.Name))
		case !isVisible(strings.ReplaceAll(t.Name, " ", "")):
			c.reportf(at+".name", "must be of visible ASCII characters and spaces")
		}
	}
}

// adminSecret checks one secret; first are those that were seen, with their paths.
func (c *checker) adminSecret(at string, secret Secret, first map[Secret]string) {
	was, twice := first[secret]
	switch {
	case secret == "": // absent, or reported already
	case !isVisible(string(secret)):
		c.reportf(at, "must be of visible ASCII characters without spaces, so that it fits a header field")
	case twice:
		c.reportf(at, "is the secret of %s already", was)
	default:
		first[secret] = at
	}
}

// adminTLS checks the files of the endpoint, and that somebody could speak to it.
func (c *checker) adminTLS(a *Admin) {
	t := &a.TLS
	c.optionalKeyPair("admin.tls", t.CertFile, t.KeyFile)
	if t.ClientCAFile != "" {
		c.authorities("admin.tls.client_ca_file", t.ClientCAFile)
		if t.CertFile == "" && t.KeyFile == "" {
			c.reportf("admin.tls.cert_file", "is required beside client_ca_file")
		}
	}
	if strings.HasPrefix(a.Address, unixPrefix) && t.CertFile != "" {
		c.reportf("admin.tls.cert_file", "is not for a unix socket, which is spoken to in clear text")
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
