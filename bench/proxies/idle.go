package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/bench/compare"
	"github.com/isame-lb/isame-lb/bench/scan"
)

const (
	idleWarmUp   = 200 // connections opened and closed first, so that one-time costs do not count
	idleDialers  = 16
	idleSettle   = 3 * time.Second // for a proxy that puts idle connections away
	idleDeadline = 10 * time.Second
	filesSpare   = 500
)

// measureIdle opens many connections to each proxy, sends one request on each,
// and measures how much its resident memory has grown while they are idle. Rounds
// do not apply: memory once taken from the kernel would not be counted again.
func (c *contest) measureIdle(ctx context.Context) ([]Row, error) {
	// Each connection is one descriptor here; HAProxy wants two for each.
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
	address := strings.TrimPrefix(e.url, "http://")
	warm, err := openIdle(ctx, address, idleWarmUp)
	closeAll(warm)
	if err != nil {
		return 0, err
	}
	before, err := compare.ReadUsage(e.process.pid())
	if err != nil {
		return 0, err
	}
	held, err := openIdle(ctx, address, n)
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
func openIdle(ctx context.Context, address string, n int) ([]net.Conn, error) {
	conns := make([]net.Conn, n)
	errs := make([]error, idleDialers)
	var dialers sync.WaitGroup
	for d := range idleDialers {
		dialers.Go(func() {
			for i := d; i < n && errs[d] == nil && ctx.Err() == nil; i += idleDialers {
				conns[i], errs[d] = openOne(ctx, address)
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

func openOne(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(idleDeadline)); err != nil {
		return conn, fmt.Errorf("cannot set a deadline: %w", err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
		return conn, fmt.Errorf("cannot send a request: %w", err)
	}
	var s scan.Scanner
	s.Reset(false)
	b := make([]byte, 4096)
	for done := false; !done; {
		n, err := conn.Read(b)
		if err != nil {
			return conn, fmt.Errorf("cannot read an answer: %w", err)
		}
		if done, err = s.Feed(b[:n]); err != nil {
			return conn, fmt.Errorf("cannot read an answer: %w", err)
		}
	}
	if s.Status() != 200 || !s.KeepAlive() {
		return conn, fmt.Errorf("cannot keep a connection: status %d, keep-alive %t", s.Status(), s.KeepAlive())
	}
	return conn, nil
}
