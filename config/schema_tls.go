package config

import "time"

// ListenerTLS is how a listener speaks TLS.
type ListenerTLS struct {
	// Certificates are the pairs to choose from by SNI; they are read again when their files change.
	Certificates []Certificate `example:"[{cert_file: a.pem, key_file: a.key}]" koanf:"certificates"`
	// ACME obtains certificates automatically, from one issuer or from several, each with hosts of its own.
	ACME []ACME `example:"{email: ops@example.com, hosts: [example.com]}" koanf:"acme" single:"true"`
	// MinVersion is the lowest version of TLS that is spoken.
	MinVersion string `default:"1.2" enum:"1.2|1.3" koanf:"min_version"`
	// ClientAuth asks clients for certificates.
	ClientAuth ClientAuth `koanf:"client_auth"`
	// HSTS tells browsers to come by https only.
	HSTS *HSTS `koanf:"hsts"`
}

// HSTS adds Strict-Transport-Security (RFC 6797) to every answer, also to those
// the proxy makes itself. It replaces what a backend says.
type HSTS struct {
	// MaxAge is how long browsers remember it, in whole seconds; 0 makes them forget.
	MaxAge time.Duration `default:"8760h" koanf:"max_age"`
	// IncludeSubdomains is for all names below the host as well.
	IncludeSubdomains bool `koanf:"include_subdomains"`
	// Preload agrees to the lists that browsers ship; it is hard to take back.
	Preload bool `koanf:"preload"`
}

// RedirectHTTPS answers every request with a redirect to the same host and URI
// by https. Only OPTIONS * and challenges of an ACME server get another answer.
// Behind a proxy that ends TLS itself this would go in circles: use a route that
// matches its X-Forwarded-Proto instead.
type RedirectHTTPS struct {
	// Port is where clients find https; 443 is left out of the location.
	Port int `default:"443" koanf:"port" max:"65535" min:"1"`
	// Status is the status code of the answer.
	Status int `default:"308" enum:"301|302|303|307|308" koanf:"status"`
}

// Certificate is one pair of PEM files.
type Certificate struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `example:"a.pem" file:"true" koanf:"cert_file" required:"true"`
	// KeyFile holds the private key in PEM.
	KeyFile string `example:"a.key" file:"true" koanf:"key_file" required:"true"`
}

// ClientAuth asks clients for certificates.
type ClientAuth struct {
	// Mode says whether clients are asked for a certificate. One that cannot be
	// verified ends the handshake, but for request without ca_file, which takes any.
	Mode string `default:"none" enum:"none|request|require" koanf:"mode"`
	// CAFile holds the authorities client certificates must chain to.
	CAFile string `example:"ca.pem" file:"true" koanf:"ca_file"`
	// Headers are the header fields that tell backends of the client's certificate,
	// each with one of: subject and issuer (RFC 2253, in ASCII), serial (hexadecimal),
	// fingerprint (SHA-256, hexadecimal), san ("DNS:a.example, URI:spiffe://b/c"),
	// not_after (RFC 3339), certificate (":base64:" as in RFC 9440), verified (NONE
	// without a certificate, SUCCESS, or FAILED:unverified where there is no ca_file).
	// Without a certificate there is only verified. What a client sends in a field of
	// these names, in any case and with _ for -, is removed: on this listener always,
	// on the others unless the client is one of trusted_proxies.
	Headers map[string]string `example:"{X-Client-Subject: subject, Client-Cert: certificate}" koanf:"headers"`
}
