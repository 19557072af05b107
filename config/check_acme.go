package config

import (
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// issuers checks the acme sections of a listener, none of which may have a host of another.
func (c *checker) issuers(path string, list []ACME) {
	first := map[string]string{} // where a host stands, by its one spelling
	for i := range list {
		at := indexPath(path, i)
		c.acme(at, &list[i])
		for k, host := range list[i].Hosts {
			hostAt := indexPath(at+".hosts", k)
			was, twice := first[CertificateHost(host)]
			switch {
			case !twice:
				first[CertificateHost(host)] = hostAt
			default:
				c.reportf(hostAt, "%s is given twice, first as %s", c.quote(hostAt, host), was)
			}
		}
	}
}

// CertificateHost is the one spelling of a host that certificates are obtained for:
// lower case without a dot at its end, or an IP address as netip writes it.
func CertificateHost(text string) string {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(text, "."))
}

func (c *checker) acme(path string, a *ACME) {
	if len(a.Hosts) == 0 {
		c.reportf(path+".hosts", "must name at least one host")
	}
	for i, host := range a.Hosts {
		c.certificateHost(indexPath(path+".hosts", i), host, a.DNS != nil)
	}
	c.url(path+".directory", a.Directory)
	if strings.HasPrefix(a.Directory, "http:") {
		c.reportf(path+".directory", "%s must begin with https:// (RFC 8555 section 6.1)", c.quote(path+".directory", a.Directory))
	}
	if user, domain, ok := strings.Cut(a.Email, "@"); a.Email != "" && (!ok || user == "" || !isHostName(domain) || !isVisible(user)) {
		c.reportf(path+".email", "%s is not an e-mail address", c.quote(path+".email", a.Email))
	}
	if a.CAFile != "" {
		c.authorities(path+".ca_file", a.CAFile)
	}
	if a.Storage == "" {
		c.reportf(path+".storage", "must not be empty")
	}
	if !isVisible(a.Profile) {
		c.reportf(path+".profile", "%s is not the name of a profile", c.quote(path+".profile", a.Profile))
	}
	if a.EAB != nil {
		c.externalAccount(path+".eab", a.EAB)
	}
	if a.DNS != nil {
		c.acmeDNS(path+".dns", a.DNS)
	}
}

// certificateHost checks one of the hosts of an acme section.
func (c *checker) certificateHost(at, host string, byDNS bool) {
	ip, err := netip.ParseAddr(host)
	domain, wild := strings.CutPrefix(host, "*.")
	switch {
	case err == nil && ip.Zone() != "", err == nil && (ip.IsUnspecified() || ip.IsMulticast()):
		c.reportf(at, "%s is not an address of one machine", c.quote(at, host))
	case err == nil, isHostName(host):
	case wild && isHostName(domain) && !byDNS:
		c.reportf(at, "%s is a wildcard, which takes the challenge dns-01: see dns", c.quote(at, host))
	case wild && isHostName(domain):
	default:
		c.reportf(at, "%s is not a host name", c.quote(at, host))
	}
}

// externalAccount checks what an authority has given out.
func (c *checker) externalAccount(path string, e *ExternalAccount) {
	if !isVisible(e.KeyID) {
		c.reportf(path+".key_id", "%s is not of visible ASCII characters", c.quote(path+".key_id", e.KeyID))
	}
	if _, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(e.HMACKey), "=")); err != nil {
		c.reportf(path+".hmac_key", "is not base64url, which has letters, digits, - and _")
	}
}

// dnsKey is a key of an acme.dns section that only some providers have.
type dnsKey struct {
	name      string
	set       bool // to anything but its default, which a printed configuration has
	required  bool
	providers []string
}

func dnsKeys(d *ACMEDNS) []dnsKey {
	const cloudflare, route53, rfc2136, exec = "cloudflare", "route53", "rfc2136", "exec"
	return []dnsKey{
		{"zone", d.Zone != "", false, []string{cloudflare, route53, rfc2136}},
		{"zone_id", d.ZoneID != "", false, []string{cloudflare, route53}},
		{"endpoint", d.Endpoint != "", false, []string{cloudflare, route53}},
		{"token", d.Token != "", true, []string{cloudflare}},
		{"region", d.Region != "", false, []string{route53}},
		{"access_key", d.AccessKey != "", false, []string{route53}},
		{"secret_key", d.SecretKey != "", false, []string{route53}},
		{"server", d.Server != "", true, []string{rfc2136}},
		{"key_name", d.KeyName != "", false, []string{rfc2136}},
		{"key_algorithm", d.KeyAlgorithm != "hmac-sha256", false, []string{rfc2136}},
		{"key_secret", d.KeySecret != "", false, []string{rfc2136}},
		{"exec", len(d.Exec) > 0, true, []string{exec}},
		{"timeout", d.Timeout != time.Minute, false, []string{exec}},
	}
}

// acmeDNS checks how challenges are answered by records.
func (c *checker) acmeDNS(path string, d *ACMEDNS) {
	for _, k := range dnsKeys(d) {
		at, theirs := joinPath(path, k.name), slices.Contains(k.providers, d.Provider)
		switch {
		case d.Provider == "": // which is reported already
		case !theirs && k.set:
			c.reportf(at, "has no effect with provider %s: it is for %s", d.Provider, strings.Join(k.providers, ", "))
		case theirs && k.required && !k.set:
			c.reportf(at, "is required with provider %s", d.Provider)
		}
	}
	for i, server := range d.Resolvers {
		c.resolver(indexPath(path+".resolvers", i), server)
	}
	if d.Zone != "" && !isHostName(d.Zone) {
		c.reportf(path+".zone", "%s is not a host name", c.quote(path+".zone", d.Zone))
	}
	if !isVisible(d.ZoneID) || strings.ContainsAny(d.ZoneID, "/?#") {
		c.reportf(path+".zone_id", "%s is not an identifier", c.quote(path+".zone_id", d.ZoneID))
	}
	if d.Endpoint != "" {
		c.url(path+".endpoint", d.Endpoint)
	}
	c.bothOrNone(path, "access_key", "secret_key", d.AccessKey != "", d.SecretKey != "")
	c.updateServer(path, d)
	if len(d.Exec) > 0 {
		c.program(path+".exec[0]", d.Exec[0])
	}
}

// program checks that a file can be run.
func (c *checker) program(path, file string) {
	if !filepath.IsAbs(file) {
		c.reportf(path, "%s must be an absolute path", c.quote(path, file))
		return
	}
	stat, err := os.Stat(file)
	switch {
	case err != nil:
		c.reportf(path, "cannot run %s: %s", c.quote(path, file), reason(err))
	case !stat.Mode().IsRegular() || stat.Mode()&0o111 == 0:
		c.reportf(path, "cannot run %s: it is not a program", c.quote(path, file))
	}
}

// updateServer checks the server and the key of rfc2136.
func (c *checker) updateServer(path string, d *ACMEDNS) {
	if a, err := parseAddress(d.Server); d.Server != "" && (err != nil || a.unix != "" || a.host == "" || a.port == 0) {
		c.reportf(path+".server", "%s is not host:port or [ip]:port", c.quote(path+".server", d.Server))
	}
	c.bothOrNone(path, "key_name", "key_secret", d.KeyName != "", d.KeySecret != "")
	if d.KeyName != "" && !isHostName(d.KeyName) {
		c.reportf(path+".key_name", "%s is not a name as in the DNS", c.quote(path+".key_name", d.KeyName))
	}
	if _, err := base64.StdEncoding.DecodeString(string(d.KeySecret)); err != nil {
		c.reportf(path+".key_secret", "is not base64")
	}
}

// bothOrNone reports one of two keys that is there without the other.
func (c *checker) bothOrNone(path, one, other string, hasOne, hasOther bool) {
	if hasOne && !hasOther {
		c.reportf(joinPath(path, other), "is required beside %s", one)
	}
	if hasOther && !hasOne {
		c.reportf(joinPath(path, one), "is required beside %s", other)
	}
}
