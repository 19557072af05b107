package middleware

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/stage"
)

// rateKeys are the keys of a stage that lets everything pass.
func rateKeys() *config.StageRateLimit {
	return &config.StageRateLimit{
		Rate: 1e9, Per: time.Second, Burst: 1000, Key: []string{"source_ip"}, MaxKeys: 1000, IPv6Prefix: 64, Status: 429, Headers: "draft",
	}
}

// What the check of a configuration lets through, no limit refuses, and a burst that no
// limit can have is as large as one can be.
func TestRateLimitOfEveryConfiguration(t *testing.T) {
	for _, c := range []struct {
		name string
		rate float64
		per  time.Duration
	}{
		{"highest", 1e9, time.Second},
		{"one in thirty days", 1, 30 * 24 * time.Hour},
		{"lowest", 1.0 / (30 * 24 * 3600), time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := rateKeys()
			k.Rate, k.Per, k.Burst = c.rate, c.per, 0
			if v := newFakeCall(t).pass(made(t, k)); v != stage.Next {
				t.Errorf("got %v; want it to pass", v)
			}
		})
	}
}

func TestHostOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"redis.internal:6379": "redis.internal", "[::1]:6379": "::1", "10.0.0.1:1": "10.0.0.1", "redis": "redis",
	} {
		if got := hostOf(address); got != want {
			t.Errorf("%s: got %q; want %q", address, got, want)
		}
	}
}

func BenchmarkRateLimit(b *testing.B) {
	for _, c := range []struct {
		name   string
		change func(k *config.StageRateLimit)
		want   stage.Verdict
	}{
		{"passes", func(*config.StageRateLimit) {}, stage.Next},
		{"passes/headers=none", func(k *config.StageRateLimit) { k.Headers = "none" }, stage.Next},
		{"refused", func(k *config.StageRateLimit) { k.Rate, k.Per, k.Burst = 1, time.Hour, 1 }, stage.Answered},
	} {
		b.Run(c.name, func(b *testing.B) {
			k := rateKeys()
			c.change(k)
			s, call := made(b, k), newFakeCall(b)
			requester, _ := s.(stage.Requester)
			now := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				call.begin()
				now += 100
				call.NowNanos = now
				if v := requester.Request(call.Call); v != c.want && now > 200 {
					b.Fatal(v)
				}
			}
		})
	}
}
