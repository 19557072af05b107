package dns01

import (
	"fmt"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// Options are an acme.dns section as something that can be compared, so that equal
// sections are known to be equal.
type Options struct {
	Provider    string
	Propagation time.Duration
	Resolvers   string // each ended by a zero byte

	Zone, ZoneID, Endpoint       string
	Token                        string // of cloudflare
	Region, AccessKey, SecretKey string // of route53

	Server, KeyName, KeyAlgorithm, KeySecret string // of rfc2136

	Exec    string // the program and its arguments, each ended by a zero byte, which none can contain
	Timeout time.Duration
}

// OptionsOf are those of a section, the zero value where there is none.
func OptionsOf(c *config.ACMEDNS) Options {
	if c == nil {
		return Options{}
	}
	return Options{
		Provider: c.Provider, Propagation: c.Propagation, Resolvers: joined(c.Resolvers),
		Zone: c.Zone, ZoneID: c.ZoneID, Endpoint: strings.TrimSuffix(c.Endpoint, "/"), Token: string(c.Token),
		Region: c.Region, AccessKey: c.AccessKey, SecretKey: string(c.SecretKey),
		Server: c.Server, KeyName: c.KeyName, KeyAlgorithm: c.KeyAlgorithm, KeySecret: string(c.KeySecret),
		Exec: joined(c.Exec), Timeout: c.Timeout,
	}
}

func joined(list []string) string {
	var b strings.Builder
	for _, item := range list {
		b.WriteString(item)
		b.WriteByte(0)
	}
	return b.String()
}

// split is the reverse of joined.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00")
}

// newProvider makes what keeps the zone. Nobody is asked anything yet.
func (o *Options) newProvider() (provider, error) {
	switch o.Provider {
	case "cloudflare":
		return newCloudflare(o), nil
	case "route53":
		return newRoute53(o), nil
	case "rfc2136":
		return newUpdater(o), nil
	case "exec":
		return &program{command: split(o.Exec), timeout: o.Timeout}, nil
	}
	return nil, fmt.Errorf("%w: %q", errNoProvider, o.Provider)
}
