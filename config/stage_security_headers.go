package config

// StageSecurityHeaders puts fields into answers that make browsers careful, in place of what the backend says. Those that are
// not configured stay as the backend has them.
type StageSecurityHeaders struct {
	// HSTS is Strict-Transport-Security, sent where the believed scheme is https: behind a proxy that ends TLS, where it is one of
	// trusted_proxies and says so by X-Forwarded-Proto.
	HSTS *HSTS `koanf:"hsts"`
	// ContentTypeNosniff is X-Content-Type-Options: nosniff.
	ContentTypeNosniff bool `default:"true" koanf:"content_type_nosniff"`
	// Frame is X-Frame-Options; empty sends none.
	Frame string `enum:"DENY|SAMEORIGIN" example:"SAMEORIGIN" koanf:"frame"`
	// ReferrerPolicy is Referrer-Policy; empty sends none.
	ReferrerPolicy string `enum:"no-referrer|no-referrer-when-downgrade|origin|origin-when-cross-origin|same-origin|strict-origin|strict-origin-when-cross-origin|unsafe-url" example:"same-origin" koanf:"referrer_policy"` //nolint:lll // every policy
	// CSP is Content-Security-Policy; empty sends none.
	CSP string `example:"\"default-src 'self'\"" koanf:"csp"`
	// PermissionsPolicy is Permissions-Policy; empty sends none.
	PermissionsPolicy string `example:"\"camera=(), microphone=()\"" koanf:"permissions_policy"`
}

// check reports what is wrong with the keys.
func (s *StageSecurityHeaders) check(c *checker, path string) {
	if s.HSTS != nil {
		c.hsts(path+".hsts", s.HSTS)
	}
	if s.HSTS == nil && !s.ContentTypeNosniff && s.Frame+s.ReferrerPolicy+s.CSP+s.PermissionsPolicy == "" {
		c.warnf(path, "changes nothing: all of its keys are off")
	}
}
