package config

import "time"

// ACME obtains and renews certificates from an ACME server, beside the traffic.
// Whoever writes this section agrees to the server's terms of service. Challenges
// are answered by http-01 on every listener in clear text, which the server must
// reach at port 80, and by tls-alpn-01 on every listener with TLS, at port 443; one
// of the two suffices. With dns, those for names are answered by dns-01 alone. While
// a host has no certificate yet, those of files serve it.
type ACME struct {
	// Email is the contact of the account.
	Email string `example:"ops@example.com" koanf:"email"`
	// Hosts are what to obtain certificates for, one each: names, IP addresses, and with dns also
	// wildcards. No host may stand in two sections of a listener.
	Hosts []string `example:"[example.com, \"*.example.org\", 192.0.2.1]" koanf:"hosts" required:"true"`
	// Directory is the URL of the ACME directory.
	Directory string `default:"https://acme-v02.api.letsencrypt.org/directory" koanf:"directory"`
	// CAFile holds the authorities of the directory itself, for one of your own;
	// empty means the system's.
	CAFile string `example:"ca.pem" file:"true" koanf:"ca_file"`
	// Storage is the folder that keeps account and certificates. Several proxies
	// may share one, if challenges reach the one that asks. With source.etcd all of it is in etcd, below
	// KEY/acme/, any instance answers challenges, and the folder keeps a copy of the certificates of its own instance.
	Storage string `default:"/var/lib/isame/acme" file:"true" koanf:"storage"`
	// Profile is what kind of certificate is ordered, at every renewal too: one of those the directory
	// offers, such as shortlived; empty leaves it to the server. While the directory does not offer
	// it, nothing is ordered, and what there is stays in use.
	Profile string `example:"shortlived" koanf:"profile"`
	// KeyType is the kind of the private keys. Each certificate gets a new one.
	KeyType string `default:"p256" enum:"p256|p384|rsa2048|rsa4096" koanf:"key_type"`
	// EAB binds the ACME account to one that you have with the authority already (RFC 8555 section 7.3.4).
	EAB *ExternalAccount `koanf:"eab"`
	// DNS answers challenges by records in the DNS (dns-01).
	DNS *ACMEDNS `koanf:"dns"`
}

// ExternalAccount is what an authority has given out for the account there. It is used
// once, to register; another key_id makes another ACME account.
type ExternalAccount struct {
	// KeyID is the identifier of the key.
	KeyID string `example:"kid-1" koanf:"key_id" required:"true"`
	// HMACKey is the key itself, in base64url.
	HMACKey Secret `example:"\"${ENV:EAB_HMAC_KEY}\"" koanf:"hmac_key" required:"true"`
}

// ACMEDNS answers challenges by TXT records. Where _acme-challenge.NAME is a CNAME, the
// record is put where that leads to, so that the zone of the name itself needs no
// credentials. Records are removed when the server has looked, and after failures.
type ACMEDNS struct {
	// Provider is who keeps the zone: cloudflare by token, route53 by the keys of AWS, rfc2136
	// by updates that any name server may take (BIND, Knot, PowerDNS), exec by a program of your own.
	Provider string `enum:"cloudflare|route53|rfc2136|exec" example:"cloudflare" koanf:"provider" required:"true"`
	// Propagation is how long to wait at most until all authoritative name servers of the zone show
	// the record; then the attempt has failed, and the ACME server was not asked to look. 0 does not wait.
	Propagation time.Duration `default:"2m" koanf:"propagation"`
	// Resolvers are the name servers to ask for zones, CNAMEs and the records, as ip:port; empty means
	// those of /etc/resolv.conf for zones and CNAMEs, and the authoritative ones for the records.
	Resolvers []string `example:"[\"10.0.0.53:53\"]" koanf:"resolvers"`
	// Zone is the zone that the records are put into; empty finds it by asking for its SOA record. Not for exec.
	Zone string `example:"example.com" koanf:"zone"`
	// ZoneID is the provider's identifier of the zone, for credentials that may not list zones. For cloudflare and route53.
	ZoneID string `example:"Z0123456789ABC" koanf:"zone_id"`
	// Endpoint is the URL of the provider's API, where it is another than the public one. For cloudflare and route53.
	Endpoint string `example:"https://route53.amazonaws.com" koanf:"endpoint"`
	// Token may edit the DNS of the zone (Zone.DNS: Edit) and, without zone_id, list zones (Zone.Zone: Read). For cloudflare.
	Token Secret `example:"\"${ENV:CLOUDFLARE_TOKEN}\"" koanf:"token"`
	// Region is where requests are signed for; empty means that of the environment, and us-east-1. For route53.
	Region string `example:"us-east-1" koanf:"region"`
	// AccessKey is the id of an access key; empty finds credentials as AWS' own tools do: environment,
	// shared files, web identity, the role of the task or machine. For route53.
	AccessKey string `example:"AKIAIOSFODNN7EXAMPLE" koanf:"access_key"`
	// SecretKey belongs to access_key. For route53.
	SecretKey Secret `example:"\"${ENV:AWS_SECRET_ACCESS_KEY}\"" koanf:"secret_key"`
	// Server is the primary name server, host:port, which is told by TCP. For rfc2136.
	Server string `example:"10.0.0.53:53" koanf:"server"`
	// KeyName is the name of the TSIG key that signs updates; empty does not sign. For rfc2136.
	KeyName string `example:"isame." koanf:"key_name"`
	// KeyAlgorithm is what the key is for. For rfc2136.
	KeyAlgorithm string `default:"hmac-sha256" enum:"hmac-sha1|hmac-sha224|hmac-sha256|hmac-sha384|hmac-sha512" koanf:"key_algorithm"`
	// KeySecret is the TSIG key, in base64. For rfc2136.
	KeySecret Secret `example:"\"${ENV:TSIG_SECRET}\"" koanf:"key_secret"`
	// Exec is a program, by its absolute path, and its arguments. Behind them it gets present or cleanup,
	// the name of the record with a dot at its end, and its value. Its environment is PATH=/usr/bin:/bin and
	// nothing else, its folder is /, its input is empty. It must end with status 0, of cleanup also when there
	// is no such record (any more); what it writes is logged when it fails. For exec.
	Exec []string `example:"[/usr/local/bin/dns-record, --ttl, \"60\"]" koanf:"exec" runs:"true"`
	// Timeout is how long one run of the program may take; then it is killed. For exec.
	Timeout time.Duration `default:"1m" koanf:"timeout" positive:"true"`
}
