//go:build !race

package middleware

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

func TestForwardAuthRemembersWithoutAllocations(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-User", "ann") }))
	defer s.Close()
	f, err := newForwardAuth(&config.StageForwardAuth{
		URL: s.URL + "/?p={path}", Timeout: time.Minute, Cache: time.Hour,
		RequestHeaders: []string{"Authorization"}, ResponseHeaders: []string{"X-User"},
	}, newPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	c := newCall(t, "GET /a HTTP/1.1\r\nHost: t\r\nAuthorization: me\r\nX-User: root\r\n\r\n")
	c.MayWait = true
	if v := f.Request(c); v != stage.Next {
		t.Fatalf("got %v; want it to pass", v)
	}
	c.MayWait = false
	if n := testing.AllocsPerRun(1000, func() {
		if f.Request(c) != stage.Next {
			t.Fatal("it is not remembered")
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func TestStagesDoNotAllocate(t *testing.T) {
	for _, tc := range []struct {
		name string
		keys any
	}{
		{"rewrite", &config.StageRewrite{StripPrefix: "/api", AddPrefix: "/v2", Host: "app.internal", Answers: true}},
		{"buffer_limit", &config.StageBufferLimit{BodyBytes: 1}},
		{"cookies", &config.StageCookies{Set: map[string]string{"b": "{status}"}, Path: "/x", Secure: true, SameSite: "lax"}},
		{"cors", &config.StageCORS{AllowOrigins: []string{"https://www.example.com"}, AllowCredentials: true}},
		{"cors, below", &config.StageCORS{AllowOrigins: []string{"https://*.example.com"}, ExposeHeaders: []string{"ETag"}}},
		{"maintenance", &config.StageMaintenance{Enabled: true, Status: 503, RetryAfter: time.Minute, Allow: []string{"10.0.0.0/8"}}},
		{"request_id", &config.StageRequestID{Header: "X-Request-Id", Format: "hex", Trust: "never"}},
		{"request_id, uuid7", &config.StageRequestID{Header: "X-Trace", Format: "uuid7", Trust: "always"}},
		{"security_headers", &config.StageSecurityHeaders{HSTS: &config.HSTS{MaxAge: time.Hour}, ContentTypeNosniff: true, Frame: "DENY"}},
		{"count", &config.StageCount{Labels: map[string]string{"host": "{host}", "m": "{method}"}, MaxSeries: 10}},
		{"count, beyond its bound", &config.StageCount{Labels: map[string]string{"host": "{host}"}}},
		{"timeout", &config.StageTimeout{Timeout: time.Second}},
		{"rate_limit", rateKeys()},
		{"rate_limit, refused", &config.StageRateLimit{
			Rate: 1, Per: time.Hour, Burst: 1, MaxKeys: 10, Status: 429, Headers: "legacy", Key: []string{"host", "header:User-Agent"},
		}},
		{"redirect", &config.StageRedirect{To: "https://{host}{uri}", Status: 308}},
		{"redirect, regex that does not match", &config.StageRedirect{Regex: "^http://(.*)", To: "https://$1"}},
		{"rewrite, other spelling", &config.StageRewrite{StripPrefix: "/%61pi", AddPrefix: "/{host}"}},
		{"rewrite, regex that does not match", &config.StageRewrite{Regex: "^/other", With: "/x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, c := made(t, tc.keys), newFakeCall(t)
			got := testing.AllocsPerRun(100, func() {
				if v := c.pass(s); v != stage.Next && v != stage.Answered {
					t.Fatal(v)
				}
			})
			if got != 0 {
				t.Errorf("got %v allocations; want 0", got)
			}
		})
	}
}
