package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// Versions of TLS as a configuration has them.
const (
	version12 = "1.2"
	version13 = "1.3"
)

// TLSVersion is a version of TLS, 0 for none.
func TLSVersion(name string) uint16 {
	switch name {
	case version12:
		return tls.VersionTLS12
	case version13:
		return tls.VersionTLS13
	}
	return 0
}

// curves are the key exchanges that a listener may offer, in the order in which Go
// prefers those of one kind.
func curves() []string {
	return []string{"X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X25519", "P-256", "P-384", "P-521"}
}

// Curve is a key exchange by its name, 0 for none.
func Curve(name string) tls.CurveID {
	ids := []tls.CurveID{
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
	}
	if i := slices.Index(curves(), name); i >= 0 {
		return ids[i]
	}
	return 0
}

// isHybrid reports a key exchange that TLS 1.2 does not have.
func isHybrid(name string) bool { return strings.Contains(name, "MLKEM") && Curve(name) != 0 }

// CipherSuite is a suite of TLS 1.2 by its IANA name, 0 for none that may be chosen.
func CipherSuite(name string) uint16 {
	if s := suiteAmong(tls.CipherSuites(), name); s != nil && isSuite12(s) {
		return s.ID
	}
	return 0
}

func suiteAmong(suites []*tls.CipherSuite, name string) *tls.CipherSuite {
	i := slices.IndexFunc(suites, func(s *tls.CipherSuite) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return suites[i]
}

func isSuite12(s *tls.CipherSuite) bool {
	return slices.Contains(s.SupportedVersions, tls.VersionTLS12)
}

// suites12 are the names of the suites that may be chosen.
func suites12() []string {
	var names []string
	for _, s := range tls.CipherSuites() {
		if isSuite12(s) {
			names = append(names, s.Name)
		}
	}
	return names
}
