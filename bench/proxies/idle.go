package proxies

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/bench/compare"
)

const (
	idleWarmUp  = 200 // connections opened and closed first, so that one-time costs do not count
	idleDialers = 16
	idleSettle  = 3 * time.Second // for a proxy that puts idle connections away
	filesSpare  = 500
)

// measureIdle opens many connections to each proxy, sends one request on each,
// and measures how much its resident memory has grown while they are idle. Rounds
// do not apply: memory once taken from the kernel would not be counted again.
func (c *contest) measureIdle(ctx context.Context) ([]Row, error) {
	// Each connection is one descriptor here; HAProxy wants two for each, and a
	// tunnel is two for every proxy.
	n := min(c.idle, (c.files-filesSpare)/2)
	if n < c.idle {
		c.notes = append(c.notes, fmt.Sprintf("%s: %d connections, the limit of open files allows no more", c.name, n))
	}
	for _, e := range c.running {
		grown, err := c.grow(ctx, e, n)
		if err != nil {
			return nil, fmt.Errorf("cannot hold idle connections to %s: %w", e.name, err)
		}
		e.rss = []float64{float64(grown) / float64(n) / 1024}
		fmt.Fprintf(c.Log, "%-12s %-8s %.2f KB each\n", c.name, e.name, e.rss[0])
	}
	return []Row{c.row("KB each", 2, func(e *entrant) []float64 { return e.rss })}, nil
}

// grow returns by how many bytes the proxy's memory grows.
func (c *contest) grow(ctx context.Context, e *entrant, n int) (int64, error) {
	warm, err := c.openIdle(ctx, e, idleWarmUp)
	closeAll(warm)
	if err != nil {
		return 0, err
	}
	before, err := compare.ReadUsage(e.process.pid())
	if err != nil {
		return 0, err
	}
	held, err := c.openIdle(ctx, e, n)
	defer closeAll(held)
	if err != nil {
		return 0, err
	}
	settle := time.NewTimer(idleSettle)
	defer settle.Stop()
	select {
	case <-settle.C:
	case <-ctx.Done():
		return 0, fmt.Errorf("cannot wait: %w", context.Cause(ctx))
	}
	after, err := compare.ReadUsage(e.process.pid())
	return after.RSS - before.RSS, err
}

// openIdle opens n connections and has one request answered on each. What is
// returned must be closed, also with an error.
func (c *contest) openIdle(ctx context.Context, e *entrant, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, n)
	errs := make([]error, idleDialers)
	var dialers sync.WaitGroup
	for d := range idleDialers {
		dialers.Go(func() {
			for i := d; i < n && errs[d] == nil && ctx.Err() == nil; i += idleDialers {
				conns[i], errs[d] = hold(ctx, c.hold, e)
			}
		})
	}
	dialers.Wait()
	return conns, errors.Join(errors.Join(errs...), context.Cause(ctx))
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}
