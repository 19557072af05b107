package acme

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs/acme/dns01"
)

// Section is what tells one source of certificates from another: equal sections share
// a Keeper. It is compared, and never changed.
type Section struct {
	Directory string
	Email     string
	Storage   string // a folder
	// Authorities are the PEM certificates the directory must chain to; empty
	// means the system's.
	Authorities string
	Profile     string // empty leaves it to the server
	KeyType     string // as in the configuration
	KeyID       string // of the external account; empty is none
	HMACKey     string // likewise, in base64url without padding
	DNS         dns01.Options
}

// sectionOf is what an acme section, which stands at path, says but for its hosts.
func sectionOf(path string, c *config.ACME) (Section, error) {
	s := Section{
		Directory: c.Directory, Email: c.Email, Storage: c.Storage, Profile: c.Profile,
		KeyType: cmp.Or(c.KeyType, defaultKeyType), DNS: dns01.OptionsOf(c.DNS),
	}
	if c.EAB != nil {
		s.KeyID, s.HMACKey = c.EAB.KeyID, strings.TrimRight(string(c.EAB.HMACKey), "=")
	}
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return s, fmt.Errorf("%s.ca_file: cannot read authorities %q: %w", path, c.CAFile, err)
		}
		s.Authorities = string(data)
	}
	return s, nil
}

const defaultKeyType = string(certmagic.P256)

// keySource makes the keys of certificates.
func (s *Section) keySource() certmagic.StandardKeyGenerator {
	return certmagic.StandardKeyGenerator{KeyType: certmagic.KeyType(cmp.Or(s.KeyType, defaultKeyType))}
}

// server is where the storage keeps what belongs to the directory, as certmagic's own
// issuer names it: the accounts, and certificates of no profile with the default key.
func (s *Section) server() string { return (&certmagic.ACMEIssuer{CA: s.Directory}).IssuerKey() }

// shelf is where the storage keeps the certificates. Those of another kind have a place of
// their own: proxies that share a storage and are reconfigured one after the other
// would otherwise renew each other's for ever, and who goes back finds the old ones.
func (s *Section) shelf() string {
	shelf := s.server()
	if s.KeyType != "" && s.KeyType != defaultKeyType {
		shelf += "-" + s.KeyType
	}
	if s.Profile != "" {
		shelf += "-" + s.Profile
	}
	return shelf
}

// user is the name of the account in the storage. Each external account has one of its own.
func (s *Section) user() string {
	user := strings.ToLower(cmp.Or(s.Email, "default"))
	if s.KeyID != "" {
		user += "-" + s.KeyID
	}
	return user
}

// orderTime is how long an order may take.
func (s *Section) orderTime() time.Duration { return orderMax + s.DNS.Propagation }
