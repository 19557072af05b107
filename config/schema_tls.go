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
	// MaxVersion is the highest version of TLS that is spoken; empty means the highest there is. HTTP/3 speaks 1.3 only.
	MaxVersion string `enum:"1.2|1.3" example:"\"1.2\"" koanf:"max_version"`
	// CipherSuites are those of TLS 1.2, by their IANA names; empty means the six that have forward secrecy and
	// authenticate what they encrypt (ECDHE with AES-GCM or ChaCha20-Poly1305). Their order means nothing: of those that
	// both sides have Go takes the best for the client's hardware. Suites that Go calls insecure are refused. The three of
	// TLS 1.3 are always on.
	CipherSuites []string `example:"[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]" koanf:"cipher_suites"`
	// Curves are the key exchanges that are offered: X25519, P-256, P-384, P-521, and for TLS 1.3 the post-quantum hybrids
	// X25519MLKEM768, SecP256r1MLKEM768 and SecP384r1MLKEM1024; empty means all but P-521. Their order means nothing: Go
	// prefers hybrids, then what the client has sent a key for, which saves a round trip, then the order of this sentence.
	Curves []string `example:"[X25519MLKEM768, X25519, P-256]" koanf:"curves"`
	// UnknownSNI is what meets clients that ask for a name which no certificate is for, or for none: the first
	// certificate, or the alert unrecognized_name (RFC 6066) in place of a certificate. Who connects to an IP address
	// asks for none, and gets the certificate that has the address its connection has reached as a subject.
	UnknownSNI string `default:"first" enum:"first|refuse" koanf:"unknown_sni"`
	// ClientAuth asks clients for certificates.
	ClientAuth ClientAuth `koanf:"client_auth"`
	// HSTS tells browsers to come by https only.
	HSTS *HSTS `koanf:"hsts"`
	// Hosts are terms of single names, by name: an exact one, or "*.example.org" for all below it; the longest counts.
	// A handshake has those of the name it asks for (SNI). A request for a host with other terms than the name of its
	// connection gets 421, whatever the protocol, and a session is resumed only under the same client_auth.
	Hosts map[string]TLSHost `example:"{admin.example.com: {client_auth: {mode: require, ca_file: ca.pem}}}" koanf:"hosts" names:"hosts"`
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
// by https. Only OPTIONS *, challenges of an ACME server, and what except names get another answer.
// Behind a proxy that ends TLS itself this would go in circles: use a route that
// matches its X-Forwarded-Proto instead.
type RedirectHTTPS struct {
	// Port is where clients find https; 443 is left out of the location.
	Port int `default:"443" koanf:"port" max:"65535" min:"1"`
	// Status is the status code of the answer.
	Status int `default:"308" enum:"301|302|303|307|308" koanf:"status"`
	// Except are requests that go on to the routes instead.
	Except RedirectExcept `koanf:"except"`
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
