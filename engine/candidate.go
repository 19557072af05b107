package engine

import (
	"crypto/tls"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/certs/terms"
	"github.com/isame-lb/isame-lb/engine/explain"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool"
)

// A candidate is the table of a configuration that does not run, made by the same builder,
// for those who ask what it would do. Nothing is opened, obtained, looked up or probed for
// it, its counters are nobody's, and what it shares with the table that runs (pools and
// stages that are the same) is only read. It has to be forgotten.
type candidate struct {
	*table

	now *table // what runs, which it was made beside
}

// candidate makes one. The error says what keeps cfg from being one.
func (e *Engine) candidate(cfg *config.Config) (*candidate, error) {
	e.apply.Lock()
	defer e.apply.Unlock()
	now := e.table.Load()
	if now == nil {
		return nil, errNothingRuns
	}
	c := &candidate{table: &table{generation: now.generation, cfg: cfg}, now: now}
	book := e.apply.stages.Aside()
	registry := observe.NewRegistry(e.shardCount)
	b := tableBuilder{
		engine: e, cfg: cfg, t: c.table, registry: registry, learnt: retry.Book{}, tunnels: &tallies{},
		env: &middleware.Env{Config: cfg, Registry: registry, Logger: zerolog.Nop(), Shards: e.shardCount, Book: book},
	}
	err := b.imagine(now)
	book.End(false) // what was made for its stages is closed at once: it says what it knows, and asks nobody
	if err != nil {
		return nil, err
	}
	return c, nil
}

// forget gives back what the candidate holds. It is not used again.
func (c *candidate) forget() { c.pools.Retire(nil, 0) }

// ExplainBy is Explain by a configuration that does not run; it must have been loaded as one
// that may. Generation is that of the one that runs.
func (e *Engine) ExplainBy(cfg *config.Config, q *explain.Question) (*explain.Explanation, error) {
	c, err := e.candidate(cfg)
	if err != nil {
		return nil, err
	}
	defer c.forget()
	return e.explainBy(c.table, q)
}

// imagine is build for a candidate.
func (b *tableBuilder) imagine(now *table) (err error) {
	b.listeners, b.chains = slices.Sorted(maps.Keys(b.cfg.Listeners)), map[string]*middleware.Chain{}
	if err := b.imaginePolicies(now); err != nil {
		return err
	}
	if err := b.compile(); err != nil {
		return err
	}
	if b.t.pools, err = pool.Imagine(b.cfg, now.pools, b.engine.poolOptions()); err != nil {
		return err
	}
	b.linkPools()
	return nil
}

// imaginePolicies is policies for a candidate: listeners that are open are the same ones.
func (b *tableBuilder) imaginePolicies(now *table) error {
	t, slots := b.t, b.engine.apply.slots
	t.bound = map[string]*listener{}
	for number, name := range b.listeners {
		c := b.cfg.Listeners[name]
		l := b.engine.apply.listeners[listenerKey(name, c.Address)]
		if l == nil {
			l = b.engine.imagineListener(name, c.Address, slots)
			slots++
		}
		p, err := newListenerPolicy(name, number, &c, b.registry)
		if err != nil {
			return err
		}
		if c.TLS != nil {
			if p.tls, err = imagineTLS(now, "listeners."+name+".tls", l.slot, &c); err != nil {
				return err
			}
		}
		for len(t.listeners) <= l.slot {
			t.listeners = append(t.listeners, nil)
		}
		t.bound[name], t.listeners[l.slot] = l, p
	}
	t.vouch()
	return nil
}

// imagineListener is a listener that is not open.
func (e *Engine) imagineListener(name, address string, slot int) *listener {
	l := &listener{key: listenerKey(name, address), address: address, at: address, slot: slot}
	if !l.isUnix() {
		l.port = portAsked(&explain.Target{Authority: address})
	}
	l.shards = []*shard{newShard(e, l, 0, nil)}
	return l
}

// imagineTLS is newTLSPolicy for a candidate. Where the section is that of the table that
// runs, so are its certificates and terms; else the files are read, and hosts that are to be
// managed have the certificate that they have now, if any.
func imagineTLS(now *table, path string, slot int, l *config.Listener) (*tlsPolicy, error) {
	c := l.TLS
	if old := now.listener(slot); old != nil && old.tls != nil && reflect.DeepEqual(now.cfg.Listeners[old.name].TLS, c) {
		return old.tls, nil
	}
	store, err := certs.Load(path+".certificates", c.Certificates)
	if err != nil {
		return nil, err
	}
	for i := range c.ACME {
		for _, host := range c.ACME[i].Hosts {
			host = config.CertificateHost(host)
			store.Manage(host, now.managed(host))
		}
	}
	p := &tlsPolicy{store: store}
	if h := c.HSTS; h != nil {
		p.hsts = answer.HSTS(h.MaxAge, h.IncludeSubdomains, h.Preload)
	}
	p.terms, err = terms.New(&terms.Options{
		Path: path, Config: c, Protocols: protocols(l), Store: store, QUIC: forQUIC,
		Session: func() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} },
	})
	return p, err
}

// managed is what a table knows of a host whose certificate is managed.
func (t *table) managed(host string) certs.Managed {
	for _, l := range t.listeners {
		if l == nil || l.tls == nil {
			continue
		}
		if m := l.tls.store.Managed(host); m != nil {
			return m
		}
	}
	return &unmanaged{host}
}

// unmanaged is a host that nobody has obtained a certificate for.
type unmanaged struct{ host string }

// Current implements certs.Managed.
func (*unmanaged) Current() *tls.Certificate { return nil }

// Renewal implements certs.Managed.
func (*unmanaged) Renewal() (at time.Time, reason, failure string) { return time.Time{}, "", "" }

// byKey are the names of a table's listeners, by what those are known by.
func (t *table) byKey() map[string]string {
	names := make(map[string]string, len(t.bound))
	for name, l := range t.bound {
		names[l.key] = name
	}
	return names
}

// networkOf is the network of a listener's address.
func networkOf(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return "unix"
	}
	return "tcp"
}
