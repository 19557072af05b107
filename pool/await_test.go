package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/lookup"
)

// TestADiscoveryIsAwaitedUntilItHasAnsweredOrFailed, within a bound, and until the pools
// have what it found.
func TestADiscoveryIsAwaitedUntilItHasAnsweredOrFailed(t *testing.T) {
	found := lookup.Answer{Found: []lookup.Found{{Address: "10.0.0.1:80", Weight: 1}}, TTL: time.Minute}
	for _, tc := range []struct {
		name    string
		after   time.Duration // the resolver's delay
		err     error
		rebuild bool          // the caller builds again when it is told
		until   time.Duration // it is awaited
	}{
		{"slow answer", 4 * time.Second, nil, true, 4 * time.Second},
		{"slow failure", 3 * time.Second, errors.New("refused"), true, 3 * time.Second},
		{"silence", time.Hour, nil, true, lookupMax},
		{"an answer that cannot be used", 3 * time.Second, nil, false, awaitMax},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				changed := make(chan struct{}, 8)
				opts := Options{Shards: 1, Changed: func() { changed <- struct{}{} }, find: func(ctx context.Context, _ lookup.Question) (lookup.Answer, error) {
					select {
					case <-time.After(tc.after):
						return found, tc.err
					case <-ctx.Done():
						return lookup.Answer{}, ctx.Err()
					}
				}}
				p := poolOf()
				p.Discovery = &config.Discovery{DNS: &config.DNS{Name: "api.test", Type: "A", Port: 80, Interval: 10 * time.Second}}
				cfg := &config.Config{Pools: map[string]config.Pool{"p": p, "static": poolOf("a:1")}}
				s, err := Build(cfg, nil, opts)
				if err != nil {
					t.Fatal(err)
				}
				for time.Since(began) < awaitMax+time.Second {
					synctest.Wait()
					if len(changed) > 0 {
						<-changed
						if tc.rebuild {
							next, err := Build(cfg, s, opts)
							if err != nil {
								t.Fatal(err)
							}
							s.Retire(next, 0)
							s = next
						}
					}
					name, wants := s.Awaits(), time.Since(began) < tc.until
					if (name == "api.test") != wants || (name == "") == wants {
						t.Fatalf("after %v: awaits %q; want until %v", time.Since(began), name, tc.until)
					}
					pass(500 * time.Millisecond)
				}
				s.Retire(nil, 0)
			})
		})
	}
}

// TestTheFirstAnswerServesAtOnce: members that nobody was there before do not wait for a
// probe, like those that a configuration begins with.
func TestTheFirstAnswerServesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakeProbes{}
		s, _ := startChecked(t, &f, checked(), nil)
		f.set("a:1", "status 500, want 200-299")
		next, p := startChecked(t, &f, checked("a:1"), s)
		s.Retire(next, 0)
		if got := picks(p, 1); got["a:1"] != 1 {
			t.Errorf("picked %v before the first probe; want a", got)
		}
		f.set("b:1", "status 500, want 200-299") // its first probe may be over before anybody picks
		later, q := startChecked(t, &f, checked("a:1", "b:1"), next)
		next.Retire(later, 0)
		if got := picks(q, 2); got["b:1"] != 0 {
			t.Errorf("picked %v; want b to wait for its first good probe", got)
		}
		synctest.Wait()
		later.Retire(nil, 0)
	})
}
