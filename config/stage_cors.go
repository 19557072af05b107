package config

import (
	"time"
)

// StageCORS tells browsers which other origins may ask, in place of what the backend says. Preflights are answered before
// any other stage of the route runs, wherever it stands.
type StageCORS struct {
	// AllowOrigins are origins such as https://app.example.com, https://*.example.com for all names below one, null, or * for all.
	// Without any nothing is said and no preflight answered.
	AllowOrigins []string `example:"[\"https://app.example.com\"]" koanf:"allow_origins"`
	// AllowMethods are the methods that may be used; empty means GET, HEAD and POST, * any.
	AllowMethods []string `example:"[GET, POST, PUT, DELETE]" koanf:"allow_methods"`
	// AllowHeaders are the request fields that may be sent; * allows any, and with credentials echoes what was asked.
	AllowHeaders []string `example:"[Content-Type, Authorization]" koanf:"allow_headers"`
	// ExposeHeaders are the fields of the answer that scripts may read.
	ExposeHeaders []string `example:"[ETag]" koanf:"expose_headers"`
	// AllowCredentials lets cookies and logins go along.
	AllowCredentials bool `koanf:"allow_credentials"`
	// MaxAge is how long browsers may keep the answer to a preflight, in whole seconds.
	MaxAge time.Duration `default:"10m" koanf:"max_age"`
}
