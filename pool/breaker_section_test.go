package pool

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/attempt"
)

// breakerRig is a pool of one backend whose breaker is as section says, at a time that
// the test sets.
type breakerRig struct {
	m   *Member
	now atomic.Int64 // the pool looks at it, too
}

func startBreaker(t *testing.T, change func(*config.CircuitBreaker)) *breakerRig {
	t.Helper()
	section := config.CircuitBreaker{
		Failures: 1000, ErrorPercent: 50, MinRequests: 4, Window: 10 * time.Second, OpenFor: 10 * time.Second, HalfOpenRequests: 1, MaxEjectedPercent: 100,
	}
	change(&section)
	cfg := poolOf("a:1")
	cfg.CircuitBreaker = &section
	r := &breakerRig{}
	r.now.Store(second)
	_, p := buildOne(t, cfg, nil, r.now.Load)
	r.m = p.Members()[0]
	return r
}

// opensAfter makes the attempts of steps, one a letter: good, bad, or 20 s without one.
// It returns the number of attempts after which the next was refused; 0 is never.
func (r *breakerRig) opensAfter(steps string) int {
	n := 0
	for _, step := range steps {
		if step == ' ' {
			r.now.Add(20 * second)
			continue
		}
		try(r.m, attempt.OK, map[rune]int{'g': 200, 'b': 503}[step])
		n++
		if r.m.IsEjected() {
			return n
		}
	}
	return 0
}

func TestTheSectionSaysWhenABreakerOpens(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*config.CircuitBreaker)
		steps  string
		after  int
	}{
		{"the half of four", func(*config.CircuitBreaker) {}, "gbgb", 4},
		{"error_percent above the half", func(c *config.CircuitBreaker) { c.ErrorPercent = 51 }, "gbgb", 0},
		{"error_percent reached later", func(c *config.CircuitBreaker) { c.ErrorPercent = 60 }, "gbgbb", 5},
		{"error_percent below the half", func(c *config.CircuitBreaker) { c.ErrorPercent = 25 }, "gggb", 4},
		{"a share below error_percent", func(*config.CircuitBreaker) {}, "gggb", 0},
		{"min_requests of two", func(c *config.CircuitBreaker) { c.MinRequests = 2 }, "gbgb", 2},
		{"min_requests of ten", func(c *config.CircuitBreaker) { c.MinRequests = 10 }, "bbbbbbbbbb", 10},
		{"min_requests that do not come", func(c *config.CircuitBreaker) { c.MinRequests = 11 }, "bbbbbbbbbb", 0},
		{"a window that is over", func(*config.CircuitBreaker) {}, "bb bb", 0},
		{"a longer window", func(c *config.CircuitBreaker) { c.Window = time.Minute }, "bb bb", 4},
		{"a shorter one", func(c *config.CircuitBreaker) { c.Window = time.Second }, "b b b b b", 0},
		{"failures in a row", func(c *config.CircuitBreaker) { c.Failures = 3 }, "bbb", 3},
		{"failures that are interrupted", func(c *config.CircuitBreaker) { c.Failures, c.MinRequests = 3, 100 }, "bbgbbgb", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := startBreaker(t, tc.change).opensAfter(tc.steps); got != tc.after {
				t.Errorf("%q: opened after %d; want %d", tc.steps, got, tc.after)
			}
		})
	}
}

// TestHalfOpenRequestsTryTogetherAndCloseTogether: as many as configured are let in at a
// time once open_for is over, and the last good one closes the breaker.
func TestHalfOpenRequestsTryTogetherAndCloseTogether(t *testing.T) {
	for _, trials := range []int{1, 2, 5} {
		for _, openFor := range []time.Duration{time.Second, time.Minute} {
			t.Run(fmt.Sprintf("half_open_requests %d, open_for %v", trials, openFor), func(t *testing.T) {
				r := startBreaker(t, func(c *config.CircuitBreaker) { c.HalfOpenRequests, c.OpenFor = trials, openFor })
				r.opensAfter("bbbb")
				r.now.Add(int64(openFor - time.Millisecond))
				if _, ok := r.m.Acquire(r.now.Load()); ok {
					t.Fatal("let in before open_for was over")
				}
				r.now.Add(int64(time.Millisecond))
				var held []Permit
				for k, ok := r.m.Acquire(r.now.Load()); ok; k, ok = r.m.Acquire(r.now.Load()) {
					if held = append(held, k); len(held) > trials {
						break
					}
				}
				if len(held) != trials {
					t.Fatalf("%d trials at a time; want %d", len(held), trials)
				}
				for i, k := range held {
					r.m.Release(k, attempt.OK, 200, r.now.Load(), 1)
					if closed := !r.m.IsEjected(); closed != (i == trials-1) {
						t.Errorf("closed %v after %d good trials of %d", closed, i+1, trials)
					}
				}
			})
		}
	}
}
