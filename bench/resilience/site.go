package resilience

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/proxies"
)

// utilisation is the load, as a share of what the origins can do.
const utilisation = 0.7

// site is a proxy in front of origins.
type site struct {
	origins []*origin
	proxy   *proxies.Isame
	warmup  time.Duration
}

// open starts origins and proxy. pool are lines of the pool's configuration,
// retry those of the route's retry section.
func open(ctx context.Context, program, pool, retry string) (*site, error) {
	s := &site{warmup: time.Second}
	for range originCount {
		o := newOrigin()
		if err := o.up(ctx); err != nil {
			s.close()
			return nil, err
		}
		s.origins = append(s.origins, o)
	}
	var err error
	s.proxy, err = proxies.StartIsame(ctx, program, func(listen, admin string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "listeners:\n  web: {address: %q}\nroutes:\n  all:\n    path_prefix: /\n    pool: origin\n%s", listen, indent(4, retry))
		fmt.Fprintf(&b, "pools:\n  origin:\n%s    backends:\n", indent(4, pool))
		for _, o := range s.origins {
			fmt.Fprintf(&b, "      - {address: %q}\n", o.address)
		}
		fmt.Fprintf(&b, "admin: {address: %q}\nlog: {level: error}\n", admin)
		return b.String()
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func indent(n int, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Repeat(" ", n) + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

func (s *site) close() {
	if s.proxy != nil {
		s.proxy.Stop()
	}
	for _, o := range s.origins {
		o.kill()
	}
}

// during sends load for d while fault runs, and waits for both.
func (s *site) during(ctx context.Context, d time.Duration, fault func(context.Context) error) (*load.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		<-began
		done <- fault(ctx)
	}()
	r, err := load.Run(ctx, load.Plan{
		URL: s.proxy.URL + "/", Connections: 512, Threads: 1, Duration: d, Warmup: s.warmup,
		Rate: utilisation * originCount * workers / service.Seconds(), Poisson: true, Seed: 1, Timeout: 30 * time.Second,
		Begin: func() { close(began) },
	})
	if err != nil {
		return nil, fmt.Errorf("cannot send load: %w", err)
	}
	if err := <-done; err != nil {
		return nil, err
	}
	return r, nil
}

// calm is a fault that is none.
func calm(context.Context) error { return nil }

// wait lets time pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cannot go on: %w", context.Cause(ctx))
	}
}

// ask sends one request and returns status and cause.
func (s *site) ask(ctx context.Context) (status int, cause string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.proxy.URL+"/", http.NoBody)
	if err != nil {
		return 0, "", fmt.Errorf("cannot build a request: %w", err)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("cannot ask the proxy: %w", err)
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, a.Header.Get("X-Isame-Error"), err
}

// recovered is how long it takes until the proxy answers with 200 again.
func (s *site) recovered(ctx context.Context, within time.Duration) (time.Duration, error) {
	began := time.Now()
	for time.Since(began) < within {
		if status, _, err := s.ask(ctx); err != nil {
			return 0, err
		} else if status == http.StatusOK {
			break
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// failed is the number of requests that a client would call failed. Unsent ones
// are late, which the latencies tell.
func failed(r *load.Result) uint64 {
	return r.Errors + r.Unexpected(func(status int) bool { return status == http.StatusOK })
}

func share(r *load.Result) float64 {
	return float64(failed(r)) / float64(max(r.Requests+r.Errors, 1))
}
