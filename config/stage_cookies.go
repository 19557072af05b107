package config

import (
	"slices"
	"strings"
)

// StageCookies changes the cookies of answers. That of sticky is another one, and has keys of its own.
type StageCookies struct {
	// Set adds cookies, by name, and replaces those of the backend with the same names. Without path they are for all paths.
	Set map[string]string `example:"{seen: \"{request_id}\"}" koanf:"set" vars:"answer"`
	// Remove takes away cookies of these names before clients see them.
	Remove []string `example:"[debug]" koanf:"remove"`
	// Path is what all cookies of the answer get as Path, but those whose names begin with __Host-; empty leaves it as it is.
	Path string `example:"/" koanf:"path"`
	// Domain is what all cookies of the answer get as Domain, but those whose names begin with __Host-; empty leaves it as it is.
	Domain string `example:"example.com" koanf:"domain"`
	// SameSite is what all cookies of the answer get as SameSite; empty leaves it as it is.
	SameSite string `enum:"strict|lax|none" example:"lax" koanf:"same_site"`
	// Secure makes all cookies of the answer Secure.
	Secure bool `koanf:"secure"`
}

// check reports what is wrong with the keys.
func (s *StageCookies) check(c *checker, path string) {
	if len(s.Set)+len(s.Remove) == 0 && s.Path+s.Domain+s.SameSite == "" && !s.Secure {
		c.warnf(path, "changes nothing: it needs one of set, remove, path, domain, same_site and secure")
	}
	for _, name := range sortedNames(s.Set) {
		at := joinPath(path+".set", name)
		c.token(at, wordCookie, name)
		if strings.ContainsAny(s.Set[name], "; ,\"\\") {
			c.reportf(at, "must not contain a space, comma, semicolon, quote or backslash")
		}
		if slices.Contains(s.Remove, name) {
			c.reportf(at, "is in remove, too")
		}
	}
	for i, name := range s.Remove {
		c.token(indexPath(path+".remove", i), wordCookie, name)
	}
	c.noDuplicates(path+".remove", s.Remove)
	if s.Path != "" && (!strings.HasPrefix(s.Path, "/") || strings.Contains(s.Path, ";")) {
		c.reportf(path+".path", "%s must begin with / and hold no semicolon", c.quote(path+".path", s.Path))
	}
	if s.Domain != "" && !isHostName(strings.TrimPrefix(s.Domain, ".")) {
		c.reportf(path+".domain", "%s is not a host name", c.quote(path+".domain", s.Domain))
	}
	if s.SameSite == "none" && !s.Secure {
		c.warnf(path+".same_site", "browsers drop cookies with none that are not Secure: secure: true")
	}
}
