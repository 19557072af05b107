package proxies

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
)

// load runs isame-bench against an entrant, or h2load.
func (c *contest) load(ctx context.Context, e *entrant, d time.Duration) (*load.Result, error) {
	if c.streams > 0 {
		return c.loadHTTP2(ctx, e, d)
	}
	args := []string{
		"run", e.url + c.path, "--json", "--quiet", "--threads", "1", "--connections", strconv.Itoa(c.connections),
		"--duration", d.String(), "--timeout", "5s", "--pid", strconv.Itoa(e.process.pid()),
	}
	for _, line := range c.header {
		args = append(args, "--header", line)
	}
	if c.rate > 0 {
		args = append(args, "--rate", strconv.FormatFloat(c.rate, 'f', -1, 64), "--arrival", "poisson")
	}
	if c.newEach {
		args = append(args, "--no-keepalive")
	}
	if c.perConn > 0 {
		args = append(args, "--per-connection", strconv.Itoa(c.perConn))
	}
	if e.edge != nil {
		args = append(args, "--insecure", "--tls-curves", e.edge.exchange.name)
	}
	if c.resume {
		args = append(args, "--tls-resume")
	}
	if c.bodyBytes > 0 {
		name, err := c.body(c.bodyBytes)
		if err != nil {
			return nil, err
		}
		args = append(args, "--body", "@"+name)
	}
	if c.websocket {
		args = append(args, "--websocket")
	}
	return c.run(ctx, e, d, c.Bench, args...)
}

// run runs isame-bench for so long, by program.
func (c *contest) run(ctx context.Context, e *entrant, d time.Duration, program string, args ...string) (*load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, d+readyWithin)
	defer cancel()
	var out, said strings.Builder // not c.Log: two may run at once
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := onCore(c.otherCore, cmd.Start); err != nil {
		return nil, fmt.Errorf("cannot start the load: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("cannot send load to %s: %w, it said: %s", e.name, err, said.String())
	}
	r := &load.Result{}
	if err := json.Unmarshal([]byte(out.String()), r); err != nil {
		return nil, fmt.Errorf("cannot read the outcome of a run: %w", err)
	}
	return r, nil
}

// largePath is what is loaded beside.
const largePath = "/large"

// besideLonger is how much longer what goes on beside the load takes than that.
const besideLonger = 300 * time.Millisecond

// lowPriority is for what is loaded beside: what is measured shares its core.
var lowPriority = []string{"nice", "-n", "19"}

// loadBeside begins what is loaded beside a run, if there is something. The returned function waits for its end.
func (c *contest) loadBeside(ctx context.Context, e *entrant) (ended func() error) {
	if c.beside == 0 {
		return func() error { return nil }
	}
	d := c.Duration + besideLonger
	done := make(chan error, 1)
	go func() {
		command := slices.Concat(lowPriority, []string{
			c.Bench, "run", e.url + largePath + "?size=100MiB", "--json", "--quiet", "--threads", "1",
			"--connections", strconv.Itoa(c.beside), "--duration", d.String(), "--timeout", "30s",
		})
		r, err := c.run(ctx, e, d, command[0], command[1:]...)
		if err == nil {
			e.beside = append(e.beside, float64(r.BytesIn)/r.Seconds/1e9)
		}
		done <- err
	}()
	return func() error { return <-done }
}

// body is a file with so many bytes, a multiple of 16.
func (h *harness) body(bytes int) (string, error) {
	name := filepath.Join(h.dir, "body-"+strconv.Itoa(bytes))
	if err := os.WriteFile(name, []byte(strings.Repeat("0123456789abcde\n", bytes/16)), 0o600); err != nil {
		return "", fmt.Errorf("cannot write a body: %w", err)
	}
	return name, nil
}
