package config

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// StageCORS tells browsers which other origins may ask, in place of what the backend says. Preflights are answered before
// any other stage of the route runs, wherever it stands.
type StageCORS struct {
	// AllowOrigins are origins such as https://app.example.com, https://*.example.com for all names below one, null, or * for all.
	// Without any nothing is said and no preflight answered.
	AllowOrigins []string `example:"[\"https://app.example.com\"]" koanf:"allow_origins"`
	// AllowMethods are the methods that may be used; empty means GET, HEAD and POST, * any. Alone, without origins, they do nothing.
	AllowMethods []string `example:"[GET, POST, PUT, DELETE]" koanf:"allow_methods"`
	// AllowHeaders are the request fields that may be sent; * allows any, Authorization too, and with credentials echoes what was asked.
	AllowHeaders []string `example:"[Content-Type, Authorization]" koanf:"allow_headers"`
	// ExposeHeaders are the fields of the answer that scripts may read.
	ExposeHeaders []string `example:"[ETag]" koanf:"expose_headers"`
	// AllowCredentials lets cookies and logins go along.
	AllowCredentials bool `koanf:"allow_credentials"`
	// MaxAge is how long browsers may keep the answer to a preflight, in whole seconds.
	MaxAge time.Duration `default:"10m" koanf:"max_age"`
}

// check reports what is wrong with the keys.
func (s *StageCORS) check(c *checker, path string) {
	for i, origin := range s.AllowOrigins {
		c.origin(indexPath(path+".allow_origins", i), origin)
	}
	c.noDuplicates(path+".allow_origins", lowered(s.AllowOrigins))
	if s.AllowCredentials && slices.Contains(s.AllowOrigins, "*") {
		c.reportf(path+".allow_credentials", "cannot stand beside the origin *: any site could act for whoever is logged in")
	}
	for i, method := range s.AllowMethods {
		if method != "*" {
			c.method(indexPath(path+".allow_methods", i), method)
		}
	}
	c.noDuplicates(path+".allow_methods", s.AllowMethods)
	for key, names := range map[string][]string{path + ".allow_headers": s.AllowHeaders, path + ".expose_headers": s.ExposeHeaders} {
		for i, name := range names {
			if name != "*" {
				c.token(indexPath(key, i), "header field", name)
			}
		}
		c.noDuplicates(key, lowered(names))
	}
	if s.MaxAge%time.Second != 0 {
		c.reportf(path+".max_age", "%s is not a whole number of seconds", FormatDuration(s.MaxAge))
	}
	if len(s.AllowOrigins) == 0 {
		c.corsWithoutOrigins(path, s)
	}
}

// corsWithoutOrigins warns of what does nothing.
func (c *checker) corsWithoutOrigins(path string, s *StageCORS) {
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"allow_methods", len(s.AllowMethods) > 0},
		{"allow_headers", len(s.AllowHeaders) > 0},
		{"expose_headers", len(s.ExposeHeaders) > 0},
		{"allow_credentials", s.AllowCredentials},
	} {
		if k.given {
			c.warnf(path+"."+k.key, "has no effect without allow_origins")
			return
		}
	}
	c.warnf(path, "has no effect without allow_origins")
}

// origin checks what an Origin field may be like.
func (c *checker) origin(path, text string) {
	scheme, host, ok := strings.Cut(text, "://")
	if text == "*" || text == "null" {
		return
	}
	host = strings.TrimPrefix(host, "*.")
	name, port, hasPort := strings.Cut(strings.TrimPrefix(host, "["), ":")
	if rest, isIPv6 := strings.CutPrefix(host, "["); isIPv6 {
		name, port, hasPort = strings.Cut(rest, "]:")
		name = strings.TrimSuffix(name, "]")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || !isToken(scheme) || !isHost(name) || hasPort && (err != nil || number == 0) {
		c.reportf(path, "%s is not an origin such as https://app.example.com, without a path", c.quote(path, text))
	}
}
