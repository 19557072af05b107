package config

import (
	"net/url"
	"strings"
	"time"
)

// StageForwardAuth asks a service whether a request may pass. It does with a 2xx; any other answer reaches the client whole,
// and redirects are not followed. The service is told X-Forwarded-Method, -Proto, -Host, -Uri and -For, which are always ours.
type StageForwardAuth struct {
	// URL is what is asked. A request whose variables would put the segments . or .. into its path is answered with 400.
	URL string `example:"http://auth.internal:9000/verify" koanf:"url" required:"true" vars:"request"`
	// Method is the method it is asked with; original is that of the request. The body is not sent.
	Method string `default:"GET" enum:"GET|original" koanf:"method"`
	// Timeout bounds the question as a whole.
	Timeout time.Duration `default:"5s" koanf:"timeout" positive:"true"`
	// TLS is how TLS is spoken to an https URL.
	TLS *ClientTLS `koanf:"tls"`
	// RequestHeaders are the fields of the request that are sent along; empty means all but hop-by-hop and framing.
	RequestHeaders []string `example:"[Authorization, Cookie]" koanf:"request_headers"`
	// ResponseHeaders are fields of a 2xx that go on to the backend, and may end in *;
	// what a client sends in them is removed, with underscores for hyphens, too.
	ResponseHeaders []string `example:"[X-User, \"X-Auth-*\"]" koanf:"response_headers"`
	// ClientHeaders are fields of a 2xx that go to the client with the backend's answer.
	ClientHeaders []string `example:"[Set-Cookie]" koanf:"client_headers"`
	// Redirect401 is where clients that want HTML are sent instead of a 401; empty means nowhere.
	Redirect401 string `example:"\"https://auth.example.com/?rd={url|escape}\"" koanf:"redirect_401" vars:"request"`
	// OnFailure says what happens when the service cannot be asked: closed answers 503, open lets the request pass.
	OnFailure string `default:"closed" enum:"closed|open" koanf:"on_failure"`
	// Cache is how long a 2xx counts for the same question; 0 asks each time.
	Cache time.Duration `default:"0s" example:"10s" koanf:"cache"`
}

// check reports what is wrong with the keys.
func (s *StageForwardAuth) check(c *checker, path string) {
	if parts := c.template(path+".url", s.URL, c.vocabulary(varsRequest)); len(parts) > 0 {
		c.serviceURL(path+".url", s.URL, parts)
	}
	if s.TLS != nil && strings.HasPrefix(s.URL, "http://") {
		c.warnf(path+".tls", "has no effect on a URL that begins with http://")
	}
	c.clientTLS(path+".tls", s.TLS)
	c.fieldNames(path+".request_headers", s.RequestHeaders)
	c.fieldPatterns(path+".response_headers", s.ResponseHeaders)
	c.fieldNames(path+".client_headers", s.ClientHeaders)
	if s.Redirect401 != "" {
		c.location(path+".redirect_401", s.Redirect401, c.template(path+".redirect_401", s.Redirect401, c.vocabulary(varsRequest)))
	}
}

// serviceURL checks that nothing of a request decides which service is asked.
func (c *checker) serviceURL(path, text string, parts []Part) {
	begin := parts[0].Text
	u, err := url.Parse(begin)
	_, behind, _ := strings.Cut(begin, "://")
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		c.reportf(path, "%s must begin with http:// or https:// and the name of a host", c.quote(path, text))
	case len(parts) > 1 && !strings.Contains(behind, "/"):
		c.reportf(path, "%s lets requests choose the host that is asked: variables may stand in the path only", c.quote(path, text))
	case u.User != nil:
		c.reportf(path, "must not hold a name or password")
	case strings.ContainsAny(text, " #"):
		c.reportf(path, "%s must not contain a space or #", c.quote(path, text))
	}
}
