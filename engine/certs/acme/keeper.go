package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// How long things take. A check is a look into the storage and, now and then, a
// question to the server when it wants the certificate renewed. An order may also take
// as long as records take to be seen.
const (
	checkEvery = 10 * time.Minute
	orderMax   = 10 * time.Minute
	// soonMax is how long before its end certmagic takes a certificate for due
	// whatever its lifetime: five times this.
	soonMax = time.Minute
)

// pauses are the waits after attempts that failed, the last one again and again,
// each with up to a tenth more. The public servers allow five failed validations
// of a name an hour.
var pauses = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour,
}

// Keeper keeps the certificates of one Section. Host, Keep and Stop are called by
// one goroutine at a time.
type Keeper struct {
	log     zerolog.Logger
	counted func(host string, issued bool)
	storage certmagic.Storage
	others  *Challenges      // which tell of other instances; nil in tests that have none
	cache   *certmagic.Cache // holds a certificate only while it is looked at
	config  *certmagic.Config
	issuer  *issuer // nil in tests that have their own
	hosts   map[string]*Certificate
	pauses  []time.Duration
	running sync.WaitGroup
}

// New makes a keeper that knows no host yet and does nothing. Stop must be called,
// also when Keep never was. counted is told of each certificate that was issued, and of
// each attempt that failed, by many goroutines.
func New(s Section, c *Challenges, log zerolog.Logger, counted func(host string, issued bool)) (*Keeper, error) {
	storage, err := c.storage(s.Storage)
	if err != nil {
		return nil, err
	}
	i, err := newIssuer(s, storage, c, log)
	if err != nil {
		return nil, err
	}
	k := newKeeper(storage, i, s.keySource(), log)
	k.issuer, k.counted, i.counted, k.others = i, counted, counted, c
	k.config.DisableStorageCheck = c.shared != nil // locks are in it, too
	return k, nil
}

func newKeeper(storage certmagic.Storage, i certmagic.Issuer, keys certmagic.KeyGenerator, log zerolog.Logger) *Keeper {
	k := &Keeper{log: log, counted: func(string, bool) {}, storage: storage, hosts: map[string]*Certificate{}, pauses: pauses}
	logger := newLogger(log)
	k.cache = certmagic.NewCache(certmagic.CacheOptions{
		// The cache's own maintenance finds nothing to do: see attempt.
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return nil, errOwnRenewal },
		RenewCheckInterval: soonMax, Logger: logger,
	})
	k.config = certmagic.New(k.cache, certmagic.Config{
		RenewalWindowRatio: renewalShare, Storage: storage, Logger: logger, Issuers: []certmagic.Issuer{i},
		KeySource: keys,
		OCSP:      certmagic.OCSPConfig{DisableStapling: true}, // it would ask the server while we load
	})
	return k
}

var errOwnRenewal = errors.New("the keeper renews")

// Host is the certificate of a host, in lower case, with what the storage has of
// it. The same host has the same one until a Keep leaves it out.
func (k *Keeper) Host(name string) *Certificate {
	if c := k.hosts[name]; c != nil {
		return c
	}
	c := &Certificate{host: name}
	k.hosts[name] = c
	stored, err := k.config.CacheManagedCertificate(context.Background(), name)
	switch {
	case err == nil:
		c.take(&stored)
		k.cache.Remove([]string{stored.Hash()})
		k.plan(context.Background(), c, time.Now())
	case !errors.Is(err, fs.ErrNotExist):
		k.log.Warn().Err(err).Str("host", name).Msg("cannot use the stored certificate")
	}
	if c.Current() == nil && k.issuer != nil {
		c.Lend(k.another(context.Background(), name))
	}
	return c
}

// Keep goes on with these hosts and no others. inClear says that the configuration
// has a listener in clear text, which can answer http-01 challenges.
func (k *Keeper) Keep(hosts []string, inClear bool) {
	if k.issuer != nil {
		k.issuer.inClear.Store(inClear)
	}
	for name, c := range k.hosts {
		if !slices.Contains(hosts, name) {
			c.stop()
			delete(k.hosts, name)
		}
	}
	for _, name := range hosts {
		c := k.Host(name)
		if c.end != nil {
			continue
		}
		var ctx context.Context
		ctx, c.end = context.WithCancel(context.Background())
		safely.GoIn(&k.running, "acme", func() { k.run(ctx, c) })
	}
}

// Stop ends everything, what is under way included, and waits for it.
func (k *Keeper) Stop() {
	for _, c := range k.hosts {
		c.stop()
	}
	k.running.Wait()
	k.cache.Stop()
	if k.issuer != nil {
		k.issuer.close()
	}
}

// run is the goroutine of a host: it looks after its certificate until ctx ends.
func (k *Keeper) run(ctx context.Context, c *Certificate) {
	bell, stop := k.others.listen(c.host)
	defer stop()
	for failed := 0; ; {
		err := errAttemptBug // unless it comes to its end
		pause := k.pauses[min(failed, len(k.pauses)-1)]
		safely.Do("acme attempt", func() { err = k.attempt(context.WithValue(ctx, pauseKey{}, pause), c) }, nil)
		if ctx.Err() != nil {
			return
		}
		due := k.plan(ctx, c, time.Now())
		wait := min(due, checkEvery)
		if err == nil && wait <= 0 {
			err = errStillDue
		}
		failed++
		if err == nil {
			failed = 0
		} else {
			wait = pause + rand.N(pause/10+1)
			c.planned.Store(&plan{at: time.Now().Add(wait), reason: reasonRetry, failure: err.Error()})
			k.counted(c.host, false)
			k.sayFailed(c, err, failed, wait)
		}
		if !k.await(ctx, c, bell, wait) {
			return
		}
	}
}

// errAttemptBug is an attempt that has met a bug of ours. The next one is made as usual.
var errAttemptBug = errors.New("the attempt met a bug, see the log")

var errStillDue = errors.New("what the server has issued is due for renewal already: are both clocks right?")

// await waits for the next attempt, or until another instance has obtained what the next
// attempt would; it reports false when ctx ended meanwhile.
func (k *Keeper) await(ctx context.Context, c *Certificate, bell <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case <-ctx.Done():
			return false
		case <-bell:
			if k.hasAnother(ctx, c) {
				return true
			}
		}
	}
}

// hasAnother reports that the storage has a certificate that is not in use yet and not due.
func (k *Keeper) hasAnother(ctx context.Context, c *Certificate) bool {
	stored, err := k.config.CacheManagedCertificate(ctx, c.host)
	if err != nil {
		return false
	}
	defer k.cache.Remove([]string{stored.Hash()})
	own := c.own.Load()
	return (own == nil || !own.Equal(stored.Leaf)) && !stored.NeedsRenewal(k.config)
}

func (k *Keeper) sayFailed(c *Certificate, err error, attempt int, wait time.Duration) {
	line := k.log.Error().Err(err).Str("host", c.host).Int("attempt", attempt).Dur("again_in_ms", wait)
	leaf := c.leaf()
	switch {
	case leaf == nil:
		line.Msg("cannot obtain certificate; the host has none of its own")
	case time.Now().After(leaf.NotAfter):
		line.Time("not_after", leaf.NotAfter).Msg("cannot renew certificate, and the one in use has expired")
	default:
		line.Time("not_after", leaf.NotAfter).Msg("cannot renew certificate; the one in use goes on")
	}
}

// attempt makes sure once that the host has a certificate which is not due: it
// looks into the storage, so that it finds what another proxy has renewed, and
// asks the server if need be. The cache knows the certificate only meanwhile, so
// that it looks again each time, and does not renew behind our back.
func (k *Keeper) attempt(ctx context.Context, c *Certificate) error {
	ctx = context.WithValue(ctx, replacesKey{}, c.own.Load())
	err := k.config.ManageSync(ctx, []string{c.host})
	if err != nil && k.setAside(ctx, c.host) {
		err = k.config.ManageSync(ctx, []string{c.host})
	}
	for _, found := range k.cache.AllMatchingCertificates(c.host) { // and those of wildcards, which others have in hand
		if slices.Contains(found.Names, c.host) && c.take(&found) {
			k.plan(ctx, c, time.Now())
			k.sayTaken(c, found.Leaf)
		}
	}
	k.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: c.host}})
	return err //nolint:wrapcheck // it begins with the host and what was tried
}

func (k *Keeper) sayTaken(c *Certificate, leaf *x509.Certificate) {
	renewal, reason, _ := c.Renewal()
	line := k.log.Info().Str("host", c.host).Str("issuer", leaf.Issuer.String()).Time("not_after", leaf.NotAfter)
	if k.issuer != nil && k.issuer.section.Profile != "" {
		line.Str("profile", k.issuer.section.Profile)
	}
	line.Time("renewal", renewal).Str("renewal_by", reason).Msg("certificate is in use")
}
