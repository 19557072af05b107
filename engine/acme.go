package engine

import (
	"crypto/tls"
	"slices"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// manage puts the hosts of an acme section into a listener's store. Nothing is
// obtained before the generation runs.
func (e *Engine) manage(t *table, store *certs.Store, path string, c *config.ACME) error {
	var running acme.Keepers
	if now := e.table.Load(); now != nil {
		running = now.keepers
	}
	managed, err := t.keepers.Of(path, c, running, func(s acme.Section) (*acme.Keeper, error) { return acme.New(s, &e.challenges, e.log) })
	if err != nil {
		return err
	}
	for _, m := range managed {
		if m.Current() == nil {
			m.Lend(e.managedNow(m.Host()))
		}
		store.Manage(m.Host(), m)
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
	next.keepers.Keep(next.hasClearText())
	e.stopKeepers(now, next)
}

// stopKeepers stops the keepers of t that are not also other's, beside everything
// else: a request under way to a server has to be broken off.
func (e *Engine) stopKeepers(t, other *table) {
	if t == nil {
		return
	}
	var stay acme.Keepers
	if other != nil {
		stay = other.keepers
	}
	for _, k := range t.keepers.Without(stay) {
		safely.GoIn(&e.retirement, "retirement", k.Stop)
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
