package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// loadWorkers is the number of clients of a load.
const loadWorkers = 8

// loadPause keeps a load from taking both cores.
const loadPause = time.Millisecond

// load sends small GETs over kept connections from several clients until the
// returned function is called, which fails the test when any exchange failed,
// or none was made.
func load(t *testing.T, url string) (stop func()) {
	t.Helper()
	return startLoad(t, func(ctx context.Context, client *http.Client, _ int) error {
		return expectOK(ctx, client, http.MethodGet, url, "")
	})
}

// startLoad runs one exchange after the other in each worker until stop.
func startLoad(t *testing.T, one func(ctx context.Context, client *http.Client, n int) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var (
		workers sync.WaitGroup
		done    atomic.Int64
		failed  atomic.Int64
	)
	for range loadWorkers {
		workers.Go(func() {
			// Own connections: the default client shares its two per host.
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: patience}
			pause := time.NewTicker(loadPause)
			defer pause.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				// A running exchange is finished, not cancelled, at the end.
				if err := one(context.WithoutCancel(ctx), client, n); err != nil && failed.Add(1) <= 10 {
					t.Errorf("under load: %v", err)
				}
				done.Add(1)
				<-pause.C
			}
		})
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		workers.Wait()
		if failed.Load() > 0 || done.Load() == 0 {
			t.Errorf("under load: %d of %d exchanges failed; want none of many", failed.Load(), done.Load())
		}
		t.Logf("%d exchanges", done.Load())
	}
	t.Cleanup(stop)
	return stop
}

// expectOK makes one exchange that must end with status 200 and a whole body.
func expectOK(ctx context.Context, client *http.Client, method, url, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	a, err := tryExchange(client, r)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("%s %s: status %d, %s", method, url, a.status, strings.TrimSpace(string(a.body)))
	}
	return nil
}

// discard is a body of n bytes that costs no memory.
func discard(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
