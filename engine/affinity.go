package engine

import (
	"math"
	"os"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/pool"
)

// newCookies compiles a pool's sticky section; nil is none.
func newCookies(poolName string, c *config.Sticky, members []*pool.Member) *affinity.Cookies {
	if c == nil {
		return nil
	}
	secret := string(c.Secret)
	if secret == "" {
		secret = machineSecret()
	}
	places := make([]string, len(members))
	for i, m := range members {
		places[i] = m.Backend().Place()
	}
	return affinity.NewCookies(poolName, c, secret, places)
}

// machineSecret is made of what stays the same on this machine, so that cookies
// survive a restart.
func machineSecret() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		host, _ := os.Hostname() // the empty name is the same at every start, too
		id = []byte(host)
	}
	return "machine " + string(id)
}

// hash is the sum of the part of the request that on names. A request without
// it hashes the empty string: such clients share one backend.
func (x *exchange) hash(on pool.HashOn) uint64 {
	if on.Kind == pool.HashSourceIP {
		ip := x.clientAddr().As16()
		return pool.Sum(ip[:])
	}
	return pool.Sum(affinity.Part(on, &x.head, x.path))
}

// stick finds the backend the client belongs to: the first attempt goes there if
// it may take anything. With a split, the client belongs to its backend's pool; who
// has moved from one to another has a cookie of each, and the one that was given
// last counts. It reports whether there is such a backend.
func (x *exchange) stick() bool {
	youngest := int64(math.MaxInt64)
	for _, p := range x.route.pools {
		s := p.sticky
		if s == nil {
			continue
		}
		i, age := s.Find(affinity.Cookie(&x.head.Head, s.Name), affinity.Minutes(time.Now()))
		if i < 0 || age >= youngest {
			continue
		}
		m := p.Members()[i]
		if !p.Keeps(m) {
			continue
		}
		youngest = age
		x.fwd.pool, x.fwd.again, x.fwd.stuck = p, m, m
		x.fwd.renew = s.IsOld(age)
	}
	return x.fwd.stuck != nil
}

// appendSticky appends the cookie that keeps the client on the backend that
// answers, unless it has one that is good for a while.
func (x *exchange) appendSticky(b []byte) []byte {
	f := &x.fwd
	s := f.pool.sticky
	if s == nil || (f.stuck == f.member && !f.renew) {
		return b
	}
	return s.Append(b, f.member.Index(), affinity.Minutes(time.Now()), x.c.Secure())
}
