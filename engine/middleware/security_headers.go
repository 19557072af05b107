package middleware

import (
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// securityHeaders puts fields into answers in place of those of the backend, which keeps
// those that are not configured.
type securityHeaders struct {
	names stage.Names
	lines []byte
	hsts  []byte // the line for https, nil without
}

// newSecurityHeaders makes the stage; without any field there is none.
func newSecurityHeaders(k *config.StageSecurityHeaders, _ *Place) any {
	s := &securityHeaders{}
	var names []string
	if k.HSTS != nil {
		names = append(names, "Strict-Transport-Security")
		s.hsts = []byte(answer.HSTS(k.HSTS.MaxAge, k.HSTS.IncludeSubdomains, k.HSTS.Preload))
	}
	nosniff := ""
	if k.ContentTypeNosniff {
		nosniff = "nosniff"
	}
	for _, f := range []struct{ name, value string }{
		{"X-Content-Type-Options", nosniff},
		{"X-Frame-Options", k.Frame},
		{"Referrer-Policy", k.ReferrerPolicy},
		{"Content-Security-Policy", k.CSP},
		{"Permissions-Policy", k.PermissionsPolicy},
	} {
		if f.value != "" {
			names = append(names, f.name)
			s.lines = appendList(s.lines, f.name, []string{f.value})
		}
	}
	if len(names) == 0 {
		return nil
	}
	s.names = stage.NewNames(names...)
	return s
}

// Response puts the fields in. HSTS is only said where the client is believed to speak https:
// elsewhere it must not be (RFC 6797 section 7.2).
func (s *securityHeaders) Response(c *stage.Call) stage.Verdict {
	c.Answer.RemoveAll(&s.names)
	c.Answer.Join(s.lines)
	if s.hsts != nil && string(c.Scheme()) == "https" {
		c.Answer.Join(s.hsts)
	}
	return stage.Next
}
