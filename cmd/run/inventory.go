package run

import (
	"strconv"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/engine/middleware"
)

// certificates are those of the listeners, as the admin endpoint shows them.
func (p *proxy) certificates() []api.Certificate {
	now := time.Now()
	found := p.engine.Certificates()
	all := make([]api.Certificate, 0, len(found))
	for i := range found {
		all = append(all, certificateOf(&found[i], now))
	}
	return all
}

func certificateOf(d *engine.CertificateStatus, now time.Time) api.Certificate {
	c := api.Certificate{
		Listener: d.Listener, Name: d.Name, Names: d.Names, File: d.File, Issuer: d.Issuer, Key: d.Key, State: api.CertificateValid,
		NotBefore: instant(d.NotBefore), NotAfter: instant(d.NotAfter), Renewal: instant(d.Renewal), RenewalBy: d.RenewalBy, Failure: d.Failure,
	}
	switch {
	case d.NotAfter.IsZero():
		c.State = api.CertificateAwaited
	case now.After(d.NotAfter):
		c.State = api.CertificateExpired
	case now.Before(d.NotBefore):
		c.State = api.CertificateNotYetValid
	}
	return c
}

// instant is nil for no time at all.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// limits are the stages that limit clients, as the admin endpoint shows them.
func (p *proxy) limits() []api.Limiter {
	found := p.engine.Limits()
	all := make([]api.Limiter, 0, len(found))
	for i := range found {
		all = append(all, limiterOf(&found[i]))
	}
	return all
}

func limiterOf(l *middleware.Limiter) api.Limiter {
	out := api.Limiter{
		Stage: l.Stage, Type: l.Type, DryRun: l.DryRun, MaxKeys: l.MaxKeys, Keys: l.Keys, Evicted: l.Evicted,
		MaxRequests: l.MaxRequests, InProgress: l.InProgress,
	}
	for i := range l.Limits {
		r := &l.Limits[i]
		out.Limits = append(out.Limits, api.RateLimit{Name: r.Name, Rate: r.Rate, PerSeconds: r.Per.Seconds(), Burst: r.Burst})
	}
	for i := range l.Fullest {
		k := &l.Fullest[i]
		out.Fullest = append(out.Fullest, api.LimitKey{
			Key: k.Text, ID: strconv.FormatUint(k.ID, 36), Limit: k.Limit, Remaining: k.Remaining,
			ResetSeconds: k.Reset.Seconds(), Used: k.Share,
		})
	}
	if l.StoreAddress != "" {
		out.Store = &api.LimitStore{Address: l.StoreAddress, Down: l.Store.Down, Trips: l.Store.Trips}
		if l.Store.Last != nil {
			out.Store.Failure = l.Store.Last.Error()
		}
	}
	return out
}
