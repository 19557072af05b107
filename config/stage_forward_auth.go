package config

import (
	"time"
)

// StageForwardAuth asks a service whether a request may pass. It does with a 2xx; any other answer reaches the client whole,
// and redirects are not followed. The service is told X-Forwarded-Method, -Proto, -Host, -Uri and -For, which are always ours.
type StageForwardAuth struct {
	// URL is what is asked.
	URL string `example:"http://auth.internal:9000/verify" koanf:"url" required:"true" vars:"request"`
	// Method is the method it is asked with; original is that of the request. The body is not sent.
	Method string `default:"GET" enum:"GET|original" koanf:"method"`
	// Timeout bounds the question as a whole.
	Timeout time.Duration `default:"5s" koanf:"timeout" positive:"true"`
	// TLS is how TLS is spoken to an https URL.
	TLS *ClientTLS `koanf:"tls"`
	// RequestHeaders are the fields of the request that are sent along; empty means all but hop-by-hop and framing.
	RequestHeaders []string `example:"[Authorization, Cookie]" koanf:"request_headers"`
	// ResponseHeaders are fields of a 2xx that go on to the backend, and may end in *; what a client sends in them is removed.
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
