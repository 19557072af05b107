package certs

import (
	"crypto/tls"
	"strings"
	"testing"
)

// What is said is what a handshake shows.
func TestExplainNamesTheCertificateOfTheHandshake(t *testing.T) {
	s := store(t, spec{names: []string{"first.test"}}, spec{names: []string{"a.test", "b.test"}, key: "rsa"}, spec{names: []string{"*.wide.test"}, key: "ed25519"})
	for _, c := range []struct{ asked, name, why string }{
		{"a.test", "a.test", "it is good for the name"},
		{"B.test", "a.test", "it is good for the name"},
		{"x.wide.test", "*.wide.test", "it is good for all names of the domain"},
		{"y.x.wide.test", "first.test", "none is good for the name"},
		{"other.test", "first.test", "none is good for the name"},
		{"", "first.test", "no name is asked for"},
	} {
		t.Run(c.asked, func(t *testing.T) {
			got, err := s.Explain(c.asked)
			if err != nil || got.Name != c.name || !strings.HasPrefix(got.Why, c.why) || got.File == "" {
				t.Fatalf("got %+v, %v; want %s: %s", got, err, c.name, c.why)
			}
			leaf := chosen(t, s, &tls.Config{ServerName: c.asked})
			if names := namesOf(leaf); names[0] != got.Name || !leaf.NotAfter.Equal(got.NotAfter) {
				t.Errorf("a handshake shows %v until %v; said was %+v", names, leaf.NotAfter, got)
			}
		})
	}
	if _, err := (&Store{}).Explain("a.test"); err == nil {
		t.Error("a certificate where there is none")
	}
}
