package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// plan is when a host is looked after next. It is not changed.
type plan struct {
	of      *x509.Certificate // nil where an attempt has failed
	at      time.Time
	reason  string
	failure string // of the last attempt, if it has failed
}

// What decides when a certificate is renewed.
const (
	reasonServer   = "ari"      // the server's own word (RFC 9773)
	reasonLifetime = "lifetime" // a third of it is left
	reasonRetry    = "retry"    // an attempt has failed
)

// renewalShare is how much of its lifetime a certificate has left when it is due: 30 days
// of 90, two of six.
const renewalShare = 1.0 / 3

// Renewal is when the certificate will be renewed or asked for again, by which reason, and
// why the last attempt failed; nothing before the first attempt has ended.
func (c *Certificate) Renewal() (at time.Time, reason, failure string) {
	p := c.planned.Load()
	if p == nil {
		return time.Time{}, "", ""
	}
	return p.at, p.reason, p.failure
}

// plan finds out when the certificate is due, and how long that is from now: 0 when it
// is, or is missing. A changed word of the server is logged.
func (k *Keeper) plan(ctx context.Context, c *Certificate, now time.Time) time.Duration {
	own := c.own.Load()
	if own == nil {
		return 0
	}
	lifetime := own.NotAfter.Sub(own.NotBefore)
	p := &plan{of: own, at: own.NotAfter.Add(-time.Duration(renewalShare * float64(lifetime))), reason: reasonLifetime}
	if suggested, why := k.suggested(ctx, c); !suggested.IsZero() && suggested.Before(p.at) {
		p.at, p.reason = suggested, reasonServer
		if was := c.planned.Load(); was != nil && was.of == own && !was.at.Equal(p.at) {
			k.log.Info().Str("host", c.host).Time("renewal", p.at).Str("explanation", why).
				Msg("the ACME server wants the certificate renewed at another time")
		}
	}
	c.planned.Store(p)
	return max(0, p.at.Sub(now))
}

// suggested is when the server wants the certificate renewed, and where it says why. It
// is what the storage has of its last answer. One that a certificate is due by as soon
// as it is there, which servers that issue for seconds give, would never be obeyed.
func (k *Keeper) suggested(ctx context.Context, c *Certificate) (at time.Time, why string) {
	own := c.own.Load()
	text, err := k.storage.Load(ctx, certmagic.StorageKeys.SiteMeta(k.config.Issuers[0].IssuerKey(), c.host))
	if err != nil {
		return at, ""
	}
	var stored certmagic.CertificateResource
	var issued acme.Certificate
	if json.Unmarshal(text, &stored) != nil || json.Unmarshal(stored.IssuerData, &issued) != nil || issued.RenewalInfo == nil {
		return at, ""
	}
	id, err := acme.ARIUniqueIdentifier(own)
	if err != nil || issued.RenewalInfo.UniqueIdentifier != id || issued.RenewalInfo.SelectedTime.Before(c.since) {
		return at, ""
	}
	return issued.RenewalInfo.SelectedTime, issued.RenewalInfo.ExplanationURL
}

// another is a certificate of another kind, of a key or a profile that the section had
// before, which the storage still has from the same server: it serves the host until
// there is one as it should be. It is nil where there is none that is valid.
func (k *Keeper) another(ctx context.Context, host string) *tls.Certificate {
	keys, server := certmagic.StorageKeys, certmagic.StorageKeys.Safe(k.issuer.section.server())
	shelves, err := k.storage.List(ctx, "certificates", false)
	if err != nil {
		return nil
	}
	var best *tls.Certificate
	for _, shelf := range shelves {
		shelf = strings.TrimPrefix(shelf, "certificates/")
		if shelf != server && !strings.HasPrefix(shelf, server+"-") {
			continue
		}
		cert, certErr := k.storage.Load(ctx, keys.SiteCert(shelf, host))
		key, keyErr := k.storage.Load(ctx, keys.SitePrivateKey(shelf, host))
		if certErr != nil || keyErr != nil {
			continue
		}
		found, err := tls.X509KeyPair(cert, key)
		if err == nil && time.Now().Before(found.Leaf.NotAfter) && (best == nil || found.Leaf.NotAfter.After(best.Leaf.NotAfter)) {
			best = &found
		}
	}
	return best
}
