package config

import "strings"

// The words of pools.*.sticky.
const (
	SameSiteLax    = "lax"
	SameSiteStrict = "strict"
	SameSiteNone   = "none"

	SecureAuto   = "auto"
	SecureAlways = "always"
	SecureNever  = "never"
)

// sticky checks a cookie that browsers are to take.
func (c *checker) sticky(path string, s *Sticky) {
	if s.Cookie != "" {
		c.token(path+".cookie", wordCookie, s.Cookie)
	}
	switch at := path + ".path"; {
	case !c.plainText(at, s.Path):
	case !strings.HasPrefix(s.Path, "/"):
		c.reportf(at, "%s must begin with /", c.quote(at, s.Path))
	case strings.Contains(s.Path, ";"):
		c.reportf(at, "%s must not contain a semicolon, which ends it", c.quote(at, s.Path))
	}
	if s.SameSite != SameSiteNone {
		return
	}
	switch at := path + ".secure"; s.Secure {
	case SecureNever:
		c.reportf(at, "cannot be never beside same_site none: browsers drop such a cookie")
	case SecureAuto:
		c.insecureCookie(at)
	}
}

// insecureCookie warns of a listener whose clients never get a cookie that their browser
// keeps: it speaks clear text, and nobody in front is believed to speak https.
func (c *checker) insecureCookie(path string) {
	for _, name := range sortedNames(c.cfg.Listeners) {
		l := c.cfg.Listeners[name]
		if l.TLS == nil && l.RedirectHTTPS == nil && len(l.TrustedProxies) == 0 {
			c.warnf(path, "auto leaves Secure out in the clear text of listener %s, where browsers drop the cookie for its same_site none: "+
				"always does not", name)
			return
		}
	}
}
