//go:build !race

package retry

import (
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/pool/attempt"
)

func TestDecisionsDoNotAllocate(t *testing.T) {
	p, q := policy(nil), Quantile{}
	method, now := []byte("DELETE"), time.Now()
	seconds := []byte("120")
	for _, c := range []struct {
		name string
		call func()
	}{
		{"safe", func() { p.Safe(method, true) }},
		{"status", func() { p.Status(503, 1) }},
		{"cause", func() { p.Cause(Attempt{Outcome: attempt.Reset, Made: 1, Safe: true}) }},
		{"backoff", func() { p.Backoff(2, 1<<40) }},
		{"seconds of Retry-After", func() { After(seconds, now) }},
		{"budget", func() {
			p.Budget.Request(1)
			if p.Budget.Take(1) {
				p.Budget.GiveBack()
			}
		}},
		{"quantile", func() {
			q.Observe(1000)
			q.Estimate()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, c.call); got != 0 {
				t.Errorf("got %v allocations; want 0", got)
			}
		})
	}
}
