package config

import (
	"strings"
)

// StageRewrite changes the path that backends see, octet for octet what it leaves alone. The route is found before.
type StageRewrite struct {
	// StripPrefix is taken from the front of the path, by whole segments, however it is spelled; /a without /a is /, and /a/ takes
	// what is below /a only. Backends are told of it by X-Forwarded-Prefix, behind what a trusted proxy has taken off before.
	StripPrefix string `example:"/api" koanf:"strip_prefix"`
	// AddPrefix is put in front of the path.
	AddPrefix string `example:"/v1" koanf:"add_prefix" vars:"request"`
	// Regex is an RE2 expression on the path without the query; one that does not match leaves the path unchanged.
	Regex string `example:"\"^/user/([0-9]+)$\"" koanf:"regex"`
	// With is what the whole path becomes; $1 and ${1} are groups of regex, in the octets of the client. A ? begins a query, which takes
	// the place of the old one; at the end it takes it away. A path that would hold the segments . or .. then is answered with 400.
	With string `example:"/users/$1/profile" groups:"true" koanf:"with" vars:"request"`
	// Host is what backends see as Host; empty leaves it as it is.
	Host string `example:"app.internal" koanf:"host" vars:"request"`
	// Answers puts the prefix back into Location, Refresh and the Path of cookies, where they lead to the host of the request, and takes
	// add_prefix off. A Location or Refresh that names the backend instead, by its address or by what it sees as Host, and by the scheme
	// it is spoken to in, leads to the host of the request, too. It is not for backends that follow X-Forwarded-Prefix themselves.
	Answers bool `koanf:"answers"`
}

// check reports what is wrong with the keys.
func (s *StageRewrite) check(c *checker, path string) {
	with := c.given(path + ".with")
	switch {
	case s.StripPrefix+s.AddPrefix+s.Regex+s.With+s.Host == "" && !s.Answers:
		c.warnf(path, "changes nothing: it needs one of strip_prefix, add_prefix, regex, host and answers")
	case s.Regex == "" && s.With != "":
		c.reportf(path+".with", "has no effect without regex")
	case s.Regex != "" && !with:
		c.reportf(path+".with", "is required beside regex")
	case s.Regex != "" && s.StripPrefix != "":
		c.reportf(path+".strip_prefix", "cannot stand beside regex: give it a stage of its own")
	case s.Regex != "" && s.AddPrefix != "":
		c.reportf(path+".add_prefix", "cannot stand beside regex: put it into with")
	case s.Regex != "" && s.With == "":
		c.reportf(path+".with", "must not be empty: a path begins with /")
	}
	if s.StripPrefix != "" {
		c.requestPath(path+".strip_prefix", s.StripPrefix)
		c.paintedPath(path+".strip_prefix", s.StripPrefix)
	}
	c.pathTemplate(path+".add_prefix", s.AddPrefix, " ?#", false)
	c.neverBegins(path+".regex", s.Regex, '/', "it is asked of the path, which begins with /")
	parts := c.replacement(path, s.Regex, "with", s.With, varsRequest)
	if len(parts) > 0 {
		c.pathTemplate(path+".with", s.With, " #", parts[0].Variable != "")
	}
	if strings.ContainsAny(s.Host, " /?#@") {
		c.reportf(path+".host", "%s is not a host name", c.quote(path+".host", s.Host))
	}
}

// pathTemplate checks what becomes a path, or its begin, and must not hold some bytes. What
// a variable or group begins may begin with / as well.
func (c *checker) pathTemplate(path, text, without string, variable bool) {
	switch {
	case text == "":
	case !strings.HasPrefix(text, "/") && !variable:
		c.reportf(path, "%s must begin with /", c.quote(path, text))
	case strings.ContainsAny(text, without):
		c.reportf(path, "%s must hold none of %q", c.quote(path, text), without)
	}
}
