package config

import "time"

// Sticky keeps a client on its backend with a cookie. Beside routes.*.split give all of its pools the section, or a
// client of one without it is drawn anew for each request.
type Sticky struct {
	// Cookie is the cookie's name; empty means isame_ and the pool's name, so that pools of one host keep cookies of
	// their own.
	Cookie string `example:"lb" koanf:"cookie"`
	// TTL is the cookie's lifetime, counted from its last renewal; it is renewed when half of it is over. 0 is a cookie
	// that ends with the browser's session, and is never renewed.
	TTL time.Duration `default:"1h" koanf:"ttl"`
	// SameSite says whether the cookie comes with requests that other sites cause: lax is links alone; none needs secure,
	// or browsers drop the cookie.
	SameSite string `default:"lax" enum:"lax|strict|none" koanf:"same_site"`
	// Secure keeps the cookie from requests in clear text; auto is where the client speaks https, to this proxy or to
	// one of trusted_proxies that says so.
	Secure string `default:"auto" enum:"auto|always|never" koanf:"secure"`
	// HTTPOnly keeps the cookie from scripts.
	HTTPOnly bool `default:"true" koanf:"http_only"`
	// Path is where below the host the cookie is sent.
	Path string `default:"/" example:"/app" koanf:"path"`
	// Secret signs the cookies. Several proxies before the same backends need the same one; without it each
	// machine has its own.
	Secret Secret `example:"${ENV:ISAME_STICKY_SECRET}" koanf:"secret"`
}
