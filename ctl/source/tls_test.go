package source

import (
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/rig"
)

// TestTLS asks a server that wants certificates of its clients, by each key of the section.
func TestTLS(t *testing.T) {
	ours, theirs := rig.NewAuthority(t), rig.NewAuthority(t)
	certFile, keyFile := ours.Files(ours.Issue(rig.Tomorrow(), "etcd.test"))
	s := startEtcd(t)
	s.put(key, "one")
	behind := serveTLS(t, s.address, ours, certFile, keyFile)
	for _, c := range []struct {
		name string
		tls  *config.ClientTLS
		want string // of the error; empty is none
	}{
		{"trusted", &config.ClientTLS{ServerName: "etcd.test", CAFile: ours.File, CertFile: certFile, KeyFile: keyFile}, ""},
		{"anybody", &config.ClientTLS{InsecureSkipVerify: true, CertFile: certFile, KeyFile: keyFile}, ""},
		{"without a certificate", &config.ClientTLS{ServerName: "etcd.test", CAFile: ours.File}, "cannot read the key"},
		{"another name", &config.ClientTLS{ServerName: "other.test", CAFile: ours.File, CertFile: certFile, KeyFile: keyFile}, "not other.test"},
		{"another authority", &config.ClientTLS{ServerName: "etcd.test", CAFile: theirs.File, CertFile: certFile, KeyFile: keyFile}, "unknown authority"},
		{"clear text", nil, "cannot read the key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMember(t, s, func(o *Options) {
				o.Etcd = &config.Etcd{Endpoints: []string{behind}, Key: key, TLS: c.tls}
			})
			_, err := m.Read(t.Context())
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}
