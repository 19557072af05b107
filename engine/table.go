package engine

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/accesslog"
	"github.com/isame-lb/isame-lb/engine/affinity"
	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/certs/acme"
	"github.com/isame-lb/isame-lb/engine/files"
	"github.com/isame-lb/isame-lb/engine/inquiry"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/middleware"
	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/engine/route"
	"github.com/isame-lb/isame-lb/engine/tally"
	"github.com/isame-lb/isame-lb/engine/trace"
	"github.com/isame-lb/isame-lb/pool"
)

// table is one generation: everything the hot path reads of a configuration,
// compiled. It never changes; an exchange loads it once and keeps it to its end.
type table struct {
	generation uint64
	cfg        *config.Config
	index      *route.Index
	routes     []*routeEntry        // by number of the index; tables share those that are the same
	listeners  []*listenerPolicy    // by slot; nil where this generation has none
	bound      map[string]*listener // by name
	pools      *pool.Set
	entries    map[string]*poolEntry // of pools, by name
	keepers    acme.Keepers          // of certificates
	stages     *middleware.Set       // by name, for those who ask how they stand
	access     *accessLog            // nil when it is off
	redaction  *accesslog.Redaction  // of all that is written down or kept of requests

	proxyStatus bool          // answers have that field
	traced      bool          // exchanges have spans
	sampler     trace.Sampler // of those that begin a trace
}

// listener is the policy of a slot, nil when this generation does not have it.
func (t *table) listener(slot int) *listenerPolicy {
	if slot >= len(t.listeners) {
		return nil
	}
	return t.listeners[slot]
}

// generation is the running one, or the last one that had the listener of a slot,
// while that drains, and what it says of the listener: nil where that has drained.
func (e *Engine) generation(slot int) (*table, *listenerPolicy) {
	t := e.table.Load()
	if p := t.listener(slot); p != nil {
		return t, p
	}
	kept, _ := e.last.Load(slot)
	if last, ok := kept.(*table); ok {
		p := last.listener(slot)
		return last, p
	}
	return t, nil
}

// vouch tells every listener of the generation which fields it has to remove.
func (t *table) vouch() {
	for _, p := range t.listeners {
		if p == nil {
			continue
		}
		for _, of := range t.listeners {
			if of != nil && of.clientField != "" {
				p.vouched.Others = append(p.vouched.Others, strings.ReplaceAll(of.clientField, "_", "-"))
			}
			if of == nil || of.tls == nil {
				continue
			}
			names := of.tls.terms.FieldNames()
			if of == p {
				p.vouched.Own = names
			} else {
				p.vouched.Others = append(p.vouched.Others, names...)
			}
		}
	}
}

// action is what a route does with a request.
type action uint8

const (
	actionForward action = iota
	actionRedirect
	actionRespond
	actionFiles
	actionChallenge
)

// routeEntry is one route, compiled. It does not change once it is in a table.
type routeEntry struct {
	name     string
	recorded *records.Name
	action   action
	// poolNames are one, or those of split in its order; pools likewise.
	poolNames   []string
	pools       []*poolEntry
	split       *route.Split
	splitOn     pool.HashOn // what clients are known by in the split
	splitKeyed  bool        // splitOn counts
	sticky      bool        // one of the pools is
	timeout     time.Duration
	retry       retry.Policy
	hedge       *retry.Hedging // nil when it is off
	redirect    *middleware.Destination
	status      int // of redirect and respond
	body        []byte
	contentType string
	fields      []byte // further field lines of respond
	files       *files.Root
	filesSaid   *limit.OncePerSecond  // that they cannot be read
	unlogged    bool                  // nothing of it is in the access log
	chain       *middleware.Chain     // nil without stages
	mirrors     *observe.MirrorStats  // of copies; nil without a mirror
	stats       []*observe.RouteStats // by number of the listener
	retries     [retry.Causes]*observe.RetryStats
	refused     [retry.Refusals]*observe.RetryStats
	hedges      [retry.HedgeResults]*observe.RetryStats
	fallbacks   []*observe.RetryStats // of a split, by the pool that was drawn
	tunnels     *atomic.Int64         // open ones that it has brought about; nil for one of a listener
}

// poolEntry is a pool as a route uses it, with the counters of its members.
type poolEntry struct {
	*pool.Pool

	hashes   bool
	limiter  *pool.Limiter     // nil when nothing limits the exchanges in progress
	sticky   *affinity.Cookies // nil when it is off
	timeouts config.PoolTimeouts
	stats    *observe.PoolStats
	backends []*observe.BackendStats // by member index
	recorded *records.Name
	members  []*records.Name // likewise

	tunnels   *atomic.Int64 // open ones to its backends
	asks      inquiry.Pool  // of what is no exchange
	announces bool          // a connection to a backend is one client's, for one request
	overTLS   bool          // backends are spoken to over TLS
}

// recordedAs is what records call a member.
func (p *poolEntry) recordedAs(m *pool.Member, names *records.Names) uint32 {
	return names.Number(p.members[m.Index()])
}

// Kinds of what tunnels are counted for.
const (
	tallyRoute = "route"
	tallyPool  = "pool"
)

// tableBuilder compiles a configuration. Everything that can fail happens here,
// before anybody sees the table.
type tableBuilder struct {
	engine    *Engine
	cfg       *config.Config
	t         *table
	prev      *table // that of the generation before; nil for the first one
	registry  *observe.Registry
	learnt    retry.Book
	env       *middleware.Env
	tunnels   *tally.Book
	listeners []string // their names, in the order of their numbers
	stages    *middleware.Set
	chains    map[string]*middleware.Chain // by what the routes that have them say
}

// builder is that of a table that is to run.
func (e *Engine) builder(cfg *config.Config, t, prev *table) tableBuilder {
	return tableBuilder{
		engine: e, cfg: cfg, t: t, prev: prev, registry: e.registry, learnt: e.apply.learnt, env: e.stageEnv(cfg), tunnels: &e.tunnels,
	}
}

// policies compiles what the configuration says of each listener.
func (b *tableBuilder) policies(bound map[string]*listener, ports []*quicPort) error {
	t := b.t
	t.bound = bound
	for number, name := range b.listeners {
		c := b.cfg.Listeners[name]
		p, err := newListenerPolicy(name, number, &c, b.registry)
		if err != nil {
			return err
		}
		slot := bound[name].slot
		p.arrivals = limit.NewArrivals(c.Limits.ConnectionRatePerIP, b.engine.arrivals(slot))
		if c.TLS != nil {
			if p.tls, err = b.engine.newTLSPolicy(t, "listeners."+name+".tls", slot, &c); err != nil {
				return err
			}
		}
		if c.HTTP3 {
			p.altSvc = answer.AltSvc(portOf(bound[name], ports).at.Port())
		}
		for len(t.listeners) <= slot {
			t.listeners = append(t.listeners, nil)
		}
		t.listeners[slot] = p
	}
	t.vouch()
	return nil
}

// arrivals is what the running generation of a listener knows of those who came.
func (e *Engine) arrivals(slot int) *limit.Arrivals {
	if t := e.table.Load(); t != nil {
		if l := t.listener(slot); l != nil {
			return l.arrivals
		}
	}
	return nil
}

// stageEnv is what the stages of a configuration are made with.
func (e *Engine) stageEnv(cfg *config.Config) *middleware.Env {
	return &middleware.Env{Config: cfg, Registry: e.registry, Logger: e.log, Shards: e.shardCount, Book: &e.apply.stages}
}

// poolEntry is that of the table before where the pool is the same.
func (b *tableBuilder) poolEntry(name string, c *config.Pool) *poolEntry {
	reg := b.registry
	p := b.t.pools.Pool(name)
	if b.prev != nil {
		if e := b.prev.entries[name]; e != nil && e.Pool == p {
			return e
		}
	}
	e := &poolEntry{
		Pool: p, hashes: p.Hashes(), limiter: p.Limiter(), timeouts: c.Timeouts, stats: reg.Pool(name), recorded: records.NewName(name),
	}
	e.announces, e.overTLS = p.Announces(), c.TLS.Enabled
	e.tunnels = b.tunnels.Of(tallyPool, name)
	e.sticky = newCookies(name, c.Sticky, p.Members())
	for _, m := range p.Members() {
		e.backends = append(e.backends, reg.Backend(name, m.Address()))
		e.members = append(e.members, records.NewName(m.Address()))
	}
	e.asks = inquiry.Pool{Pool: p, Limiter: e.limiter, Read: c.Timeouts.Read, Write: c.Timeouts.Write, Backends: e.backends}
	return e
}

func (b *tableBuilder) route(r *routeEntry, name string, c *config.Route) error {
	reg := b.registry
	r.name, r.recorded, r.timeout, r.unlogged = name, records.NewName(name), c.Timeout, !c.AccessLog
	r.tunnels = b.tunnels.Of(tallyRoute, name)
	var err error
	if r.chain, err = b.chain(name, c); err != nil {
		return err
	}
	if c.Mirror != nil {
		if r.chain, err = b.stages.Mirrored(r.chain, name, c.Mirror); err != nil {
			return fmt.Errorf("routes.%s.mirror: %w", name, err)
		}
	}
	if r.chain.Mirrors() {
		r.mirrors = reg.Mirror(name)
	}
	learnt := b.learnt.Of(name)
	r.retry = retry.New(&c.Retry, &learnt.Counts)
	for _, l := range b.listeners {
		r.stats = append(r.stats, reg.Route(l, name))
	}
	r.hedge = retry.NewHedging(c.Hedge, &learnt.Latency)
	err = b.action(r, name, c)
	b.tries(r, name)
	return err
}

// tries has the counters of attempts beyond the first one. Those that the policy may come to
// count are seen before they do.
func (b *tableBuilder) tries(r *routeEntry, name string) {
	for k, result := range retry.HedgeNames {
		r.hedges[k] = b.registry.Hedges(name, result)
		r.hedges[k].Expect(r.hedge != nil)
	}
	repeats := false
	for k := retry.CauseNone + 1; k < retry.Causes; k++ {
		may := r.action == actionForward && (r.retry.May(k) || k == retry.CauseHedge && r.hedge != nil)
		r.retries[k] = b.registry.Retries(name, k.String())
		r.retries[k].Expect(may)
		repeats = repeats || may
	}
	for k := retry.RefusalNone + 1; k < retry.Refusals; k++ {
		r.refused[k] = b.registry.RefusedRetries(name, k.String())
		r.refused[k].Expect(repeats)
	}
}

// chain makes the chain of a route's stages, once for all routes with the same ones; nil
// for none.
func (b *tableBuilder) chain(name string, c *config.Route) (*middleware.Chain, error) {
	if len(c.Middleware)+len(b.cfg.Defaults.Middleware) == 0 {
		return nil, nil //nolint:nilnil // no stages, no chain
	}
	key := strings.Join(c.Middleware, "\x00") + "\x00\x00" + strings.Join(c.Skip, "\x00")
	if chain, made := b.chains[key]; made {
		return chain, nil
	}
	chain, err := b.stages.Chain(b.cfg.Links(name))
	if err != nil {
		return nil, fmt.Errorf("routes.%s: %w", name, err)
	}
	b.chains[key] = chain
	return chain, nil
}

func (b *tableBuilder) action(r *routeEntry, name string, c *config.Route) error {
	var err error
	switch {
	case c.Redirect != nil:
		r.action, r.status = actionRedirect, c.Redirect.Status
		if r.redirect, err = middleware.NewDestination(c.Redirect.To, nil); err != nil {
			err = fmt.Errorf("redirect.to: %w", err)
		}
	case c.Respond != nil:
		r.action, r.status = actionRespond, c.Respond.Status
		err = b.respond(r, name, c.Respond)
	case c.Files != nil:
		r.action, r.filesSaid = actionFiles, &limit.OncePerSecond{}
		r.files = b.engine.filesOf(c.Files)
	case len(c.Split) > 0:
		err = b.split(r, name, c)
	default:
		r.poolNames = []string{c.Pool}
	}
	if err != nil {
		return fmt.Errorf("routes.%s: %w", name, err)
	}
	return nil
}

// respond reads what a fixed response says. Fields whose values differ from request to
// request are those of a stage, behind all others.
func (b *tableBuilder) respond(r *routeEntry, name string, c *config.Respond) (err error) {
	if r.body, r.contentType, err = middleware.ReadContent(c.Body, c.File, c.ContentType); err != nil {
		return fmt.Errorf("respond.%w", err)
	}
	var varied map[string]string
	if r.fields, varied, err = middleware.FixedFields(c.Headers); err != nil {
		return fmt.Errorf("respond.headers.%w", err)
	}
	if len(varied) > 0 {
		r.chain, err = b.stages.Saying(r.chain, name, varied)
	}
	return err
}

func (b *tableBuilder) split(r *routeEntry, name string, c *config.Route) (err error) {
	if r.split, r.poolNames, err = route.NewSplit(c.Split); err != nil {
		return err
	}
	for _, drawn := range r.poolNames {
		of := b.registry.SplitFallbacks(name, drawn)
		of.Expect(true)
		r.fallbacks = append(r.fallbacks, of)
	}
	if r.splitKeyed = c.SplitOn != ""; r.splitKeyed {
		r.splitOn, err = pool.ParseHashOn(c.SplitOn)
	}
	return err
}

// AccessOut is where the access lines of one configuration go. The engine holds it as long as
// somebody may write to one of its lanes, and no longer: a cleanup of it may close the file.
type AccessOut interface {
	// Lane takes the lines of a shard, each whole. A write must not wait: the event loop
	// calls it.
	Lane(shard int) io.Writer
}

// accessLog writes lines of exchanges and tunnels that have ended.
type accessLog struct {
	program *accesslog.Program
	out     AccessOut
	lanes   []io.Writer // of out, by shard
}

// newAccessLog compiles a section; nil is none, or nobody to take lines.
func (e *Engine) newAccessLog(c *config.AccessLog, r *accesslog.Redaction) (*accessLog, error) {
	if !c.Enabled || e.accessOut == nil {
		return nil, nil //nolint:nilnil // no log
	}
	out, err := e.accessOut(c)
	if err != nil {
		return nil, fmt.Errorf("log.access.file: %w", err)
	}
	l := &accessLog{program: accesslog.New(c, r, &e.accessClock), out: out}
	for shard := range e.shardCount {
		l.lanes = append(l.lanes, out.Lane(shard))
	}
	return l, nil
}

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

// filesOf makes the folder of a route.
func (e *Engine) filesOf(c *config.Files) *files.Root {
	return files.NewRoot(files.Folder{Path: c.Root, Index: c.Index, Fallback: c.Fallback}, &e.files)
}
