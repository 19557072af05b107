package run

import (
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

const (
	// certificateLook is how often certificates are looked at, for events.
	certificateLook = 10 * time.Second
	// expiryNotice is how long before its end at most a certificate is said to expire; one of
	// a short life is when a part of expiryShare of that is left.
	expiryNotice = 14 * 24 * time.Hour
	expiryShare  = 5
)

// certificateWatch finds out what changes about certificates, by looking again and again.
// The zero value has seen none.
type certificateWatch struct {
	seen   map[certificateKey]certificateSeen
	looked bool
}

// certificateKey is what stays the same when a certificate is renewed.
type certificateKey struct{ listener, name, file string }

// certificateSeen is what was known of one.
type certificateSeen struct {
	notAfter time.Time
	failure  string
	retry    time.Time
	told     expiry
}

// expiry is how far the end of a certificate is.
type expiry uint8

const (
	expiryFar expiry = iota
	expiryNear
	expiryOver
)

// look returns what has changed since the look before. The first one finds ends that are
// near alone.
func (w *certificateWatch) look(all []api.Certificate, now time.Time) (events []api.CertificateEvent) {
	next := make(map[certificateKey]certificateSeen, len(all))
	for i := range all {
		c := &all[i]
		key := certificateKey{c.Listener, c.Name, c.File}
		was, known := w.seen[key]
		is := certificateSeen{notAfter: timeOf(c.NotAfter), failure: c.Failure, retry: timeOf(c.Renewal), told: was.told}
		tell := func(change, failure string) {
			events = append(events, api.CertificateEvent{
				At: now, Listener: c.Listener, Name: c.Name, Change: change, NotAfter: c.NotAfter, Failure: failure,
			})
		}
		if known && !is.notAfter.Equal(was.notAfter) {
			is.told = expiryFar
			tell(api.CertificateRenewed, "")
		}
		if w.looked && is.failure != "" && (is.failure != was.failure || !is.retry.Equal(was.retry)) {
			tell(api.CertificateFailed, is.failure)
		}
		if is.told < expiryOf(c, now) {
			is.told = expiryOf(c, now)
			tell(api.CertificateExpires, "")
		}
		next[key] = is
	}
	w.seen, w.looked = next, true
	return events
}

// expiryOf is how far its end is; one that is not there yet has none.
func expiryOf(c *api.Certificate, now time.Time) expiry {
	if c.NotAfter == nil {
		return expiryFar
	}
	notice := expiryNotice
	if c.NotBefore != nil {
		notice = min(notice, c.NotAfter.Sub(*c.NotBefore)/expiryShare)
	}
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		return expiryOver
	case left <= notice:
		return expiryNear
	}
	return expiryFar
}

// timeOf is zero for no time at all.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// lookAtCertificates publishes what has changed. Called by the main loop, and at the start.
func (p *proxy) lookAtCertificates() {
	for _, e := range p.certificateWatch.look(p.certificates(), time.Now()) {
		p.events.Publish(e)
	}
}
