package certs

import (
	"crypto/tls"
	"slices"
)

// Choice is the certificate that a handshake would show, and why.
type Choice struct {
	Description

	Why string
}

// Explain is the choice for a client that asks for a name, or for none, and can verify all
// kinds of keys that browsers can. An error says why there is none. It is for people.
func (s *Store) Explain(name string) (Choice, error) {
	c, err := s.Choose(&tls.ClientHelloInfo{
		ServerName:        name,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SignatureSchemes: []tls.SignatureScheme{
			tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512, tls.Ed25519,
			tls.PSSWithSHA256, tls.PSSWithSHA384, tls.PSSWithSHA512, tls.PKCS1WithSHA256,
		},
		CipherSuites: []uint16{
			tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		},
		SupportedCurves: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		SupportedPoints: []uint8{0},
	})
	if err != nil {
		return Choice{}, err
	}
	choice := Choice{Why: s.reason(name, c)}
	choice.File, choice.NotBefore, choice.NotAfter = s.files[c], c.Leaf.NotBefore, c.Leaf.NotAfter
	if names := namesOf(c.Leaf); len(names) > 0 {
		choice.Name = names[0]
	}
	return choice, nil
}

// reason says why Choose has taken c for a name.
func (s *Store) reason(name string, c *tls.Certificate) string {
	n := []byte(name)
	exact, wide := s.managedExact(n), s.managedWide(n)
	switch {
	case exact != nil && exact.Current() == c:
		return "it is the one that is managed for the name"
	case slices.Contains(s.exact(n), c):
		return "it is good for the name"
	case wide != nil && wide.Current() == c:
		return "it is the one that is managed for all names of the domain"
	case slices.Contains(s.wide(n), c):
		return "it is good for all names of the domain"
	case name == "":
		return "no name is asked for, and it is the first one"
	}
	return "none is good for the name, and it is the first one"
}
