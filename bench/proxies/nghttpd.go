package proxies

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// nghttpd is the server of HTTP/2, of nghttp2: what Go's costs would be most of the time of the core that
// it shares with the load.
const nghttpd = "nghttpd"

// leavesOut reports that a scenario cannot be measured here, and says so.
func (h *harness) leavesOut(s scenario) bool {
	missing := slices.DeleteFunc(s.needs(), func(name string) bool { return h.programs[name] != "" })
	if len(missing) == 0 {
		return false
	}
	note := s.name + ": LEFT OUT, not installed: " + strings.Join(missing, ", ") + " (Debian: nghttp2-client, nghttp2-server)"
	h.notes = append(h.notes, note)
	fmt.Fprintln(h.Log, note)
	return true
}

// startNghttpd starts one that answers / by HTTP/2 in clear text, and returns its address.
func (h *harness) startNghttpd(ctx context.Context) (p *process, addresses []string, err error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the free address: %w", err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "index.html"), []byte(strings.Repeat("0123456789abcde\n", 8)), 0o600); err != nil {
		return nil, nil, fmt.Errorf("cannot write a page: %w", err)
	}
	p, err = start(ctx, place{core: h.otherCore, dir: h.dir}, h.programs[nghttpd], "--no-tls", "--address=127.0.0.1",
		"--htdocs="+h.dir, "--max-concurrent-streams=1000", port)
	if err != nil {
		return nil, nil, err
	}
	limit := time.NewTimer(readyWithin)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return nil, nil, fmt.Errorf("cannot start %s, it said: %s", nghttpd, p.output)
		case <-limit.C:
			p.stop()
			return nil, nil, errors.New("cannot start " + nghttpd + " in time")
		case <-tick.C:
			var d net.Dialer
			if conn, err := d.DialContext(ctx, "tcp", address); err == nil {
				_ = conn.Close()
				return p, []string{address}, nil
			}
		}
	}
}
