package engine

import (
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// keepers are those of a generation, with the hosts it has for each. Keepers live
// on in the next generation that has an equal section.
type keepers map[acme.Section]*keeping

// keeping is a keeper and what a generation wants of it.
type keeping struct {
	*acme.Keeper

	hosts []string
}

// manage puts the hosts of an acme section into a listener's store. Nothing is
// obtained before the generation runs.
func (e *Engine) manage(t *table, store *certs.Store, path string, c *config.ACME) error {
	s := acme.Section{Directory: c.Directory, Email: c.Email, Storage: c.Storage}
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return fmt.Errorf("%s.ca_file: cannot read authorities %q: %w", path, c.CAFile, err)
		}
		s.Authorities = string(data)
	}
	k := t.keepers[s]
	if k == nil {
		k = &keeping{}
		if old := e.running(s); old != nil {
			k.Keeper = old.Keeper
		} else {
			var err error
			if k.Keeper, err = acme.New(s, &e.challenges, e.log); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		t.keepers[s] = k
	}
	for _, host := range c.Hosts {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		m := k.Host(host)
		if m.Current() == nil {
			m.Lend(e.managedNow(host))
		}
		store.Manage(host, m)
		if !slices.Contains(k.hosts, host) {
			k.hosts = append(k.hosts, host)
		}
	}
	return nil
}

// running is the keeper of an equal section in the running generation.
func (e *Engine) running(s acme.Section) *keeping {
	if t := e.table.Load(); t != nil {
		return t.keepers[s]
	}
	return nil
}

// managedNow is the certificate that the running generation has for a host: a
// section that changes, its directory for instance, takes it over until it has its
// own.
func (e *Engine) managedNow(host string) *tls.Certificate {
	t := e.table.Load()
	if t == nil {
		return nil
	}
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		if m := l.tls.store.Managed(host); m != nil && m.Current() != nil {
			return m.Current()
		}
	}
	return nil
}

// keepCertificates begins what next wants of its keepers and ends those that only
// the generation before it had.
func (e *Engine) keepCertificates(now, next *table) {
	for _, k := range next.keepers {
		k.Keep(k.hosts, next.hasClearText())
	}
	e.stopKeepers(now, next)
}

// stopKeepers stops the keepers of t that are not also other's, beside everything
// else: a request under way to a server has to be broken off.
func (e *Engine) stopKeepers(t, other *table) {
	if t == nil {
		return
	}
	for s, k := range t.keepers {
		if other == nil || other.keepers[s] == nil {
			safely.GoIn(&e.retirement, "retirement", k.Stop)
		}
	}
}

// hasClearText reports whether somebody can answer http-01 challenges.
func (t *table) hasClearText() bool {
	return slices.ContainsFunc(t.listeners, func(l *listenerPolicy) bool { return l != nil && l.tls == nil })
}

// isChallenge reports a request of an ACME server that looks whether a host is
// ours. Tokens that are not ours go to the routes: a backend may have its own.
func (x *exchange) isChallenge() bool {
	if x.c.shard.engine.challenges.KeyAuthorization(x.path) == "" {
		return false
	}
	return string(x.head.Method) == "GET" || x.isHEAD
}
