package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
)

func TestClientsAreAsked(t *testing.T) {
	leaf := clientLeaf(t, &x509.Certificate{SerialNumber: big.NewInt(1)})
	authorities := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{"X-Dn": "subject"}
	seen := map[[32]byte]string{}
	for _, c := range []struct {
		name    string
		section config.ClientAuth
		want    tls.ClientAuthType
	}{
		{"nobody", config.ClientAuth{}, tls.NoClientCert},
		{"who likes", config.ClientAuth{Mode: "request"}, tls.RequestClientCert},
		{"who likes, of these authorities", config.ClientAuth{Mode: "request", CAFile: authorities}, tls.VerifyClientCertIfGiven},
		{"everybody", config.ClientAuth{Mode: "require", CAFile: authorities, Headers: headers}, tls.RequireAndVerifyClientCert},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := NewClientAuth("path", &c.section)
			if err != nil {
				t.Fatal(err)
			}
			var got tls.Config
			a.Ask(&got)
			if got.ClientAuth != c.want || (got.ClientCAs != nil) != (c.section.CAFile != "") || (got.VerifyConnection != nil) != (c.section.Headers != nil) {
				t.Errorf("asks %v, authorities %v, looks at connections %v; want %v as the section says", got.ClientAuth, got.ClientCAs != nil, got.VerifyConnection != nil, c.want)
			}
			if other := seen[a.Asked]; other != "" {
				t.Errorf("asks for the same as %q", other)
			}
			seen[a.Asked] = c.name
			c.section.Headers = map[string]string{"X-Other": "subject"}
			if again, err := NewClientAuth("path", &c.section); err != nil || again.Asked != a.Asked {
				t.Errorf("other fields: %v, asks for something else", err)
			}
		})
	}
}

func TestClientAuthNamesWhatIsWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"/nonexistent/ca.pem": "path.ca_file: cannot read authorities", empty: "path.ca_file: cannot use authorities",
	} {
		if _, err := NewClientAuth("path", &config.ClientAuth{CAFile: file}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", file, err, want)
		}
	}
}
