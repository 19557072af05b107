package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isame-lb/isame-lb/ctl/client"
)

// tlsFiles are the flags about the TLS of the admin endpoint.
type tlsFiles struct{ ca, cert, key string }

func (f *tlsFiles) add(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&f.ca, "ca-file", "", "authorities of the admin endpoint's certificate, in PEM ($ISAME_CA_FILE; default: the system's)")
	flags.StringVar(&f.cert, "cert-file", "", "certificate to show where the admin endpoint asks for one ($ISAME_CERT_FILE)")
	flags.StringVar(&f.key, "key-file", "", "its key ($ISAME_KEY_FILE)")
}

// choose sets the files of an https endpoint. A flag for another one is a mistake; a
// variable may be there for the sake of other endpoints.
func (f *tlsFiles) choose(o *client.Options, env Env) error {
	if strings.HasPrefix(o.Admin, "https:") {
		o.CAFile = cmp.Or(f.ca, env.getenv("ISAME_CA_FILE"))
		o.CertFile = cmp.Or(f.cert, env.getenv("ISAME_CERT_FILE"))
		o.KeyFile = cmp.Or(f.key, env.getenv("ISAME_KEY_FILE"))
		return nil
	}
	for _, flag := range []struct{ name, value string }{{"ca-file", f.ca}, {"cert-file", f.cert}, {"key-file", f.key}} {
		if flag.value != "" {
			return fmt.Errorf("--%s is for an admin endpoint at https://HOST:PORT, not at %s", flag.name, cmp.Or(o.Admin, client.DefaultAdmin))
		}
	}
	return nil
}

// isUntrusted reports that nobody known vouches for the endpoint's certificate.
func isUntrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
