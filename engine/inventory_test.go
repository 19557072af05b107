package engine

import (
	"fmt"
	"testing"
	"time"
)

func TestLimitsShowWhoIsNear(t *testing.T) {
	r := start(t, `
listeners: {web: {address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8]}}
routes: {all: {pool: p, middleware: [limit, key, few]}}
pools: {p: {backends: [{address: "{{backend}}"}]}}
middleware:
  limit: {type: rate_limit, rate: 1, per: 1h, burst: 4}
  key: {type: rate_limit, rate: 1, per: 1h, burst: 10, key: "header:X-Api-Key", dry_run: true, max_keys: 50}
  few: {type: concurrency_limit, max_requests: 3, key: source_ip, max_keys: 100}
`, mirrorBackend(t))
	r.statuses(3, "X-Forwarded-For: 192.0.2.7", "X-Api-Key: hush")
	all := r.engine.Limits()
	if len(all) != 3 || all[0].Stage != "few" || all[1].Stage != "key" || all[2].Stage != "limit" {
		t.Fatalf("got %+v; want few, key and limit", all)
	}
	if few := all[0]; few.MaxRequests != 3 || few.MaxKeys != 100 {
		t.Errorf("got %+v; want 3 requests and 100 keys", few)
	}
	eventually(t, func() string { return fmt.Sprintf("nothing in progress: %+v", r.engine.Limits()[0]) }, func() bool {
		few := r.engine.Limits()[0] // a client has its answer before its place is free
		return few.InProgress == 0 && few.Keys == 0
	})
	limit := all[2]
	if limit.Keys != 1 || limit.MaxKeys != 1_000_000 || limit.DryRun || len(limit.Fullest) != 1 || len(limit.Limits) != 1 || limit.Limits[0].Burst != 4 {
		t.Fatalf("got %+v; want one key", limit)
	}
	if k := limit.Fullest[0]; k.Text != "192.0.2.7" || k.Limit != "limit" || k.Remaining != 1 || k.Share < 0.7 || k.Share > 0.8 {
		t.Errorf("got %+v; want 192.0.2.7, three quarters used", k)
	}
	if key := all[1]; !key.DryRun || key.MaxKeys != 50 || len(key.Fullest) != 1 || key.Fullest[0].Text != "" || key.Fullest[0].ID == 0 {
		t.Errorf("got %+v; want one key without its text", key)
	}
}

func TestCertificatesSayWhoAndUntilWhen(t *testing.T) {
	ends := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	p := newPair(t, ends, "a.test", "b.test")
	r := start(t, `
listeners:
  web:
    address: "127.0.0.1:0"
    tls: {certificates: [{cert_file: "`+p.certFile+`", key_file: "`+p.keyFile+`"}]}
routes: {all: {respond: {status: 200}}}
`, "")
	all := r.engine.Certificates()
	if len(all) != 1 {
		t.Fatalf("got %+v; want one", all)
	}
	c := all[0]
	if c.Listener != "web" || c.Name != "a.test" || len(c.Names) != 2 || c.Names[1] != "b.test" || c.Key != "ECDSA P-256" ||
		!c.NotAfter.Equal(ends) || c.File != p.certFile || !c.Renewal.IsZero() {
		t.Errorf("got %+v", c)
	}
}
