package config

// AdminToken is one secret of the admin endpoint, and what may be done with it.
type AdminToken struct {
	// Name says in the log and in the history who made a change. Several may have one name, so that one can follow another.
	Name string `example:"grafana" koanf:"name" required:"true"`
	// Role is what it may do. Each role has the rights of those before it: metrics reads /metrics; read the state and the
	// configuration, secrets masked; observe also single requests, with addresses and paths of clients; operate also
	// changes backends and reloads; write also the configuration.
	Role string `enum:"metrics|read|observe|operate|write" example:"metrics" koanf:"role" required:"true"`
	// Secret is what is sent as Authorization: Bearer SECRET.
	Secret Secret `example:"${ENV:GRAFANA_TOKEN}" koanf:"secret" required:"true"`
}

// AdminTLS is how the admin endpoint speaks TLS, 1.2 and 1.3. The files are read again when they change.
type AdminTLS struct {
	// CertFile holds the certificate chain in PEM.
	CertFile string `example:"admin.pem" file:"true" koanf:"cert_file"`
	// KeyFile holds the private key in PEM.
	KeyFile string `example:"admin.key" file:"true" koanf:"key_file"`
	// ClientCAFile holds the authorities of client certificates. With it nobody is answered without one, on any path. A
	// certificate has no role: tokens are needed as without. Where no token is presented its subject is who made a change.
	ClientCAFile string `example:"clients.pem" file:"true" koanf:"client_ca_file"`
}
