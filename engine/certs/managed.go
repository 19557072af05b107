package certs

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// of says what stands in a certificate.
func (d *Description) of(leaf *x509.Certificate) {
	d.Names, d.NotBefore, d.NotAfter = namesOf(leaf), leaf.NotBefore, leaf.NotAfter
	d.Issuer = cmp.Or(leaf.Issuer.CommonName, leaf.Issuer.String())
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		d.Key = "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		d.Key = fmt.Sprintf("RSA %d", key.N.BitLen())
	default:
		d.Key = leaf.PublicKeyAlgorithm.String()
	}
}

// describe is what there is to say of a managed host, whether it has a certificate or not.
func (s *Store) describe(host string) Description {
	d := Description{Name: host}
	d.Renewal, d.RenewalBy, d.Failure = s.managed[host].Renewal()
	return d
}

// Awaited are the managed hosts that have no certificate yet, in the order of the
// configuration.
func (s *Store) Awaited() []Description {
	var all []Description
	for _, host := range s.hosts {
		if s.managed[host].Current() == nil {
			all = append(all, s.describe(host))
		}
	}
	return all
}

// managedFor is the managed certificate of a name, that of its domain where it has none
// of its own, nil where neither has. It allocates nothing.
func (s *Store) managedFor(name []byte) Managed {
	if m := s.managedExact(name); m != nil {
		return m
	}
	return s.managedWide(name)
}

// managedExact is the one for the name itself.
func (s *Store) managedExact(name []byte) Managed { return exactOf(s.managed, name) }

// managedWide is the one for all names of its domain.
func (s *Store) managedWide(name []byte) Managed { return wideOf(s.managed, name) }
