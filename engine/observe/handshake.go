package observe

import (
	"crypto/tls"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// tlsVersions and tlsGroups are what handshakes are counted by; the last one of each stands
// for all others.
var (
	tlsVersions = [...]struct { //nolint:gochecknoglobals // read-only table
		id   uint16
		name string
	}{{tls.VersionTLS12, "1.2"}, {tls.VersionTLS13, "1.3"}, {0, Other}}

	tlsGroups = [...]struct { //nolint:gochecknoglobals // read-only table
		id   tls.CurveID
		name string
	}{
		{tls.X25519MLKEM768, "X25519MLKEM768"},
		{tls.SecP256r1MLKEM768, "SecP256r1MLKEM768"},
		{tls.SecP384r1MLKEM1024, "SecP384r1MLKEM1024"},
		{tls.X25519, "X25519"},
		{tls.CurveP256, "P-256"},
		{tls.CurveP384, "P-384"},
		{tls.CurveP521, "P-521"},
		{0, "none"},
		{0, Other},
	}
)

// Other is the value of a label that stands for all for which there is none, and for those
// beyond a bound.
const Other = "other"

// HandshakeCounts counts handshakes by version of TLS and group of the key exchange.
type HandshakeCounts [len(tlsVersions)][len(tlsGroups)]*stat.Counter

func newHandshakeCounts(shards int) (c HandshakeCounts) {
	for v := range c {
		for g := range c[v] {
			c[v][g] = stat.NewCounter(shards)
		}
	}
	return c
}

// Add counts one.
func (c *HandshakeCounts) Add(shard int, s *tls.ConnectionState) {
	v, g := len(tlsVersions)-1, len(tlsGroups)-1
	for i := range tlsVersions[:v] {
		if tlsVersions[i].id == s.Version {
			v = i
			break
		}
	}
	for i := range tlsGroups[:g] {
		if tlsGroups[i].id == s.CurveID {
			g = i
			break
		}
	}
	c[v][g].Add(shard, 1)
}
