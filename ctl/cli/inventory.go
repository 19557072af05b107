package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// fullestShown is how many keys of a stage the table of limits holds; JSON and YAML hold all.
const fullestShown = 10

func (a *app) certsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "certs", Short: "Lists the certificates: how long they are good for, and when they are renewed", Args: arguments(cobra.NoArgs),
		Long: "Lists the certificates of all listeners, those of files first. RENEWED BY is what decides when one is renewed:\n" +
			"ari (the server's own word), lifetime (a third of it is left), or retry (an attempt has failed).",
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			list, err := cl.Certificates(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showCertificates(s, list) })
		}),
	}
}

func showCertificates(s *screen, list []api.Certificate) {
	t := table{columns: []column{
		{title: "LISTENER", min: 8, drop: 1},
		{title: "NAMES", prose: true, min: 16},
		{title: "STATE"},
		{title: "EXPIRES", right: true},
		{title: "RENEWED", right: true},
		{title: "BY"},
		{title: "KEY", drop: 3},
		{title: "ISSUER", min: 8, drop: 2},
		{title: "FROM", min: 8, drop: 4},
	}}
	for i := range list {
		d := &list[i]
		from := d.File
		if from == "" {
			from = "acme"
		}
		t.row(c(d.Listener), c(namesText(d)), stateOf(d, s.now), c(s.until(d.NotAfter)), c(s.until(d.Renewal)),
			c(d.RenewalBy), c(d.Key), c(d.Issuer), c(from))
	}
	t.draw(s, "no certificates")
	for i := range list {
		if d := &list[i]; d.Failure != "" {
			s.blank()
			s.wholef("%s: the last attempt failed: %s", d.Name, d.Failure)
		}
	}
}

func namesText(d *api.Certificate) string {
	if len(d.Names) == 0 {
		return d.Name
	}
	return strings.Join(d.Names, ",")
}

// soonExpires is what is left of a certificate when its state is painted.
const soonExpires = 7 * 24 * time.Hour

func stateOf(d *api.Certificate, now time.Time) cell {
	st := green
	switch {
	case d.State == api.CertificateExpired, d.State == api.CertificateAwaited && d.Failure != "":
		st = red
	case d.State != api.CertificateValid, d.NotAfter != nil && d.NotAfter.Sub(now) < soonExpires && d.Renewal == nil:
		st = yellow
	}
	return cell{strings.ReplaceAll(d.State, "_", " "), st}
}

// until is in how long t is, or how long ago it was.
func (s *screen) until(t *time.Time) string {
	if t == nil {
		return "-"
	}
	if left := t.Sub(s.now); left >= 0 {
		return "in " + strings.Replace(short(left), justNow, "0s", 1)
	}
	return s.ago(*t)
}

func (a *app) limitsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "limits", Short: "Lists the limits of clients with their fullest keys", Args: arguments(cobra.NoArgs),
		Long: "Lists the stages that limit clients (rate_limit, concurrency_limit), and of each the keys that come closest\n" +
			"to their limit, or are above it. The text of a key that is a secret is not shown.",
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			list, err := cl.Limits(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showLimiters(s, list) })
		}),
	}
}

func showLimiters(s *screen, list []api.Limiter) {
	if len(list) == 0 {
		s.linef("no limits")
	}
	for i := range list {
		if i > 0 {
			s.blank()
		}
		showLimiter(s, &list[i])
	}
}

func showLimiter(s *screen, l *api.Limiter) {
	s.linef("%s: %s%s", l.Stage, l.Type, dryText(l.DryRun))
	for i := range l.Limits {
		r := &l.Limits[i]
		s.linef("  %s: %g per %s, burst %d", r.Name, r.Rate, time.Duration(r.PerSeconds*float64(time.Second)), r.Burst)
	}
	if l.MaxRequests > 0 {
		s.linef("  %d requests of a key at once; %s in progress", l.MaxRequests, count(l.InProgress))
	}
	if st := l.Store; st != nil {
		s.wholef("  counted in redis %s, %s", st.Address, storeText(st))
	}
	s.linef("  %s of at most %s keys in use, %s evicted before they were at rest", count(l.Keys), count(l.MaxKeys), count(l.Evicted))
	if len(l.Fullest) == 0 {
		return
	}
	t := table{columns: []column{
		{title: "KEY", min: 16},
		{title: "LIMIT", min: 8},
		{title: "USED", right: true},
		{title: "REMAINING", right: true},
		{title: "RESET", right: true, drop: 1},
	}}
	for _, k := range l.Fullest[:min(len(l.Fullest), fullestShown)] {
		key := k.Key
		if key == "" {
			key = "(secret " + k.ID + ")"
		}
		reset := time.Duration(k.ResetSeconds * float64(time.Second)).Round(time.Millisecond)
		t.row(c(key), c(k.Limit), usedOf(k.Used), c(count(k.Remaining)), c(reset.String()))
	}
	t.draw(s, "")
}

func dryText(dry bool) string {
	if dry {
		return ", dry run: nothing is refused"
	}
	return ""
}

func storeText(st *api.LimitStore) string {
	switch {
	case st.Down && st.Failure != "":
		return "which is down: " + st.Failure
	case st.Down:
		return "which is down"
	case st.Trips > 0:
		return "which answers, and was down " + count(st.Trips) + " times"
	}
	return "which answers"
}

// usedOf is red where requests are refused or wait.
func usedOf(share float64) cell {
	st := plain
	switch {
	case share >= 1:
		st = red
	case share >= 0.8:
		st = yellow
	}
	return cell{fmt.Sprintf("%.0f %%", 100*share), st}
}
