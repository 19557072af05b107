package config

// TLSHost are the terms of one name of a TLS listener, or of all names below a domain.
type TLSHost struct {
	// ClientAuth asks clients of this name for certificates; absent means what the listener asks for.
	ClientAuth *ClientAuth `koanf:"client_auth"`
	// MinVersion is the lowest version of TLS that is spoken for this name; empty means that of the listener.
	MinVersion string `enum:"1.2|1.3" example:"\"1.3\"" koanf:"min_version"`
}

// RedirectExcept are requests that redirect_https does not answer, so that they go on to the routes in clear text:
// those of one of the hosts, and those below one of the path_prefixes, whatever the other list says.
type RedirectExcept struct {
	// Hosts are hosts as in routes.
	Hosts []string `example:"[health.internal]" koanf:"hosts"`
	// PathPrefixes are prefixes of whole segments, compared as those of routes.
	PathPrefixes []string `example:"[/.well-known/acme-challenge]" koanf:"path_prefixes"`
}
