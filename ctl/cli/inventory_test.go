package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
)

func moment(d time.Duration) *time.Time {
	t := now.Add(d)
	return &t
}

func sampleCertificates() []api.Certificate {
	const day = 24 * time.Hour
	return []api.Certificate{
		{
			Listener: "web", Name: "www.example.com", Names: []string{"www.example.com", "example.com"}, State: api.CertificateValid,
			File: "/etc/isame/www.pem", Issuer: "Example CA", Key: "ECDSA P-256", NotBefore: moment(-80 * day), NotAfter: moment(10 * day),
		},
		{Listener: "web", Name: "old.example.com", Names: []string{"old.example.com"}, State: api.CertificateExpired, File: "old.pem", NotAfter: moment(-3 * day)},
		{
			Listener: "web", Name: "new.example.com", Names: []string{"new.example.com"}, State: api.CertificateValid, Issuer: "E7",
			Key: "ECDSA P-256", NotAfter: moment(90 * day), Renewal: moment(60 * day), RenewalBy: "ari",
		},
		{
			Listener: "web", Name: "lost.example.com", State: api.CertificateAwaited, Renewal: moment(90 * time.Second), RenewalBy: "retry",
			Failure: "cannot obtain: the server was refused the connection to port 80",
		},
	}
}

func sampleLimits() []api.Limiter {
	return []api.Limiter{
		{
			Stage: "limit", Type: "rate_limit", MaxKeys: 1000000, Keys: 1234, Evicted: 5,
			Limits: []api.RateLimit{{Name: "second", Rate: 100, PerSeconds: 1, Burst: 200}},
			Fullest: []api.LimitKey{
				{Key: "192.0.2.7", ID: "a1", Limit: "second", ResetSeconds: 2.5, Used: 1.25},
				{ID: "b2", Limit: "second", Remaining: 20, ResetSeconds: 1.8, Used: 0.9},
			},
			Store: &api.LimitStore{Address: "10.0.0.9:6379", Down: true, Trips: 1, Failure: "connection refused"},
		},
		{Stage: "uploads", Type: "concurrency_limit", DryRun: true, MaxKeys: 100, Keys: 2, MaxRequests: 4, InProgress: 7},
	}
}

func TestCertsSayWhenAndWhy(t *testing.T) {
	p := startProxy(t, "")
	for _, width := range []string{"80", "200"} {
		out := run(p, []string{"COLUMNS=" + width}, "certs").stdout
		for _, want := range []string{
			"www.example.com", "in 10d", "expired", "3d ago", "in 60d", "ari", "awaited", "retry",
			"lost.example.com: the last attempt failed: cannot obtain: the server was refused the connection to port 80",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%s columns: want %q in\n%s", width, want, out)
			}
		}
	}
	if out := run(p, []string{"COLUMNS=200"}, "certs").stdout; !strings.Contains(out, "ECDSA P-256") || !strings.Contains(out, "/etc/isame/www.pem") {
		t.Errorf("a wide screen has the key and the file:\n%s", out)
	}
	if out := run(p, nil, "certs", "-o", "json").stdout; !strings.Contains(out, `"renewal_by": "ari"`) {
		t.Errorf("got %s", out)
	}
}

func TestLimitsShowTheFullest(t *testing.T) {
	out := run(startProxy(t, ""), []string{"COLUMNS=80"}, "limits").stdout
	for _, want := range []string{
		"limit: rate_limit\n", "second: 100 per 1s, burst 200", "counted in redis 10.0.0.9:6379, which is down: connection refused",
		"1,234 of at most 1,000,000 keys", "192.0.2.7", "125 %", "(secret b2)", "90 %", "2.5s",
		"uploads: concurrency_limit, dry run: nothing is refused", "4 requests of a key at once; 7 in progress",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}
