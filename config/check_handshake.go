package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// handshakes checks what a listener offers in handshakes, and the terms of single names.
func (c *checker) handshakes(path string, t *ListenerTLS) {
	if t.MaxVersion == version12 && t.MinVersion == version13 {
		c.reportf(path+".max_version", "1.2 is below min_version, which is 1.3")
	}
	for i, name := range t.CipherSuites {
		c.cipherSuite(indexPath(path+".cipher_suites", i), name)
	}
	c.noDuplicates(path+".cipher_suites", t.CipherSuites)
	for i, name := range t.Curves {
		if at := indexPath(path+".curves", i); Curve(name) == 0 {
			c.reportf(at, "%s is none of %s%s", c.quote(at, name), strings.Join(curves(), ", "), DidYouMean(name, curves()))
		}
	}
	c.noDuplicates(path+".curves", t.Curves)
	c.hostTerms(path, t)
	speaks12 := t.speaks12()
	if len(t.CipherSuites) > 0 && !speaks12 {
		c.reportf(path+".cipher_suites", "has no effect while min_version is 1.3: it is about TLS 1.2")
	}
	if len(t.Curves) > 0 && speaks12 && !slices.ContainsFunc(t.Curves, func(name string) bool { return !isHybrid(name) }) {
		c.reportf(path+".curves", "leaves nothing to TLS 1.2, which has no hybrids: name X25519 or P-256 beside them, "+
			"or set min_version: \"1.3\"")
	}
	if t.MaxVersion == version12 && slices.ContainsFunc(t.Curves, isHybrid) {
		c.warnf(path+".curves", "hybrids have no effect while max_version is 1.2")
	}
}

// speaks12 reports that some name may be asked for by TLS 1.2.
func (t *ListenerTLS) speaks12() bool {
	if t.MinVersion != version13 {
		return true
	}
	for _, h := range t.Hosts {
		if h.MinVersion == version12 {
			return true
		}
	}
	return false
}

// cipherSuite checks the name of a suite of TLS 1.2.
func (c *checker) cipherSuite(path, name string) {
	switch known := suiteAmong(tls.CipherSuites(), name); {
	case CipherSuite(name) != 0:
	case known != nil:
		c.reportf(path, "%s is a suite of TLS 1.3, whose three are always on: cipher_suites is about TLS 1.2", c.quote(path, name))
	case suiteAmong(tls.InsecureCipherSuites(), name) != nil:
		c.reportf(path, "%s is insecure: it lacks forward secrecy, or its cipher is broken", c.quote(path, name))
	default:
		c.reportf(path, "%s is no cipher suite: IANA names are meant, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256%s",
			c.quote(path, name), DidYouMean(name, suites12()))
	}
}

// hostTerms checks the terms of single names.
func (c *checker) hostTerms(path string, t *ListenerTLS) {
	first := map[string]string{}
	for _, name := range sortedNames(t.Hosts) {
		at, h := joinPath(path+".hosts", name), t.Hosts[name]
		if !isHostName(strings.TrimPrefix(name, "*.")) {
			c.reportf(at, "%q is neither a host name nor one with a wildcard in front, such as *.example.org", name)
			continue
		}
		folded := strings.TrimSuffix(strings.ToLower(name), ".")
		if was := first[folded]; was != "" {
			c.reportf(at, "is the same name as %q", was)
		}
		first[folded] = name
		if h.ClientAuth == nil && h.MinVersion == "" && !c.broken[at+".min_version"] {
			c.reportf(at, "says nothing: it needs client_auth or min_version")
		}
		if h.ClientAuth != nil {
			c.clientAuth(at+".client_auth", h.ClientAuth)
		}
		if h.MinVersion == version13 && t.MaxVersion == version12 {
			c.reportf(at+".min_version", "1.3 is above tls.max_version, which is 1.2")
		}
	}
}
