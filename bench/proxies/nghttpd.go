package proxies

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	if err := p.ready(ctx, "http://"+address+"/", nil, true); err != nil {
		p.stop()
		return nil, nil, err
	}
	return p, []string{address}, nil
}
