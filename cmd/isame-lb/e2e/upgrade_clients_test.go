package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// clientKind is a client that others have written: a program of testdata/clients, which
// writes a line for each exchange.
type clientKind struct {
	name    string
	debian  string   // package
	needs   []string // a command that succeeds where it can run
	command []string // %s is the address
}

// debianPython is the Python that has Debian's packages.
const debianPython = "/usr/bin/python3"

// clientKinds are all of them. To add one is to add a line and a program.
var clientKinds = []clientKind{
	{"python http.client", "python3", []string{debianPython, "-c", ""}, []string{debianPython, "http_client.py", "%s"}},
	{"python urllib", "python3", []string{debianPython, "-c", ""}, []string{debianPython, "urllib_request.py", "%s"}},
	{"python requests", "python3-requests", []string{debianPython, "-c", "import requests"}, []string{debianPython, "requests_session.py", "%s"}},
	{"python aiohttp", "python3-aiohttp", []string{debianPython, "-c", "import aiohttp"}, []string{debianPython, "aiohttp_session.py", "%s"}},
	{"python httpx", "python3-httpx", []string{debianPython, "-c", "import httpx"}, []string{debianPython, "httpx_client.py", "%s"}},
	{"node fetch", "nodejs", []string{"node", "-e", "fetch.name"}, []string{"node", "node_fetch.mjs", "%s"}},
	{"node http.Agent", "nodejs", []string{"node", "-e", ""}, []string{"node", "node_agent.mjs", "%s"}},
	{"node http2", "nodejs", []string{"node", "-e", ""}, []string{"node", "node_http2.mjs", "%s"}},
	{"ruby net/http", "ruby", []string{"ruby", "-e", "require 'net/http'"}, []string{"ruby", "net_http.rb", "%s"}},
	{"perl LWP", "libwww-perl", []string{"perl", "-MLWP::UserAgent", "-e", ""}, []string{"perl", "lwp.pl", "%s"}},
	{"perl HTTP::Tiny", "perl", []string{"perl", "-MHTTP::Tiny", "-e", ""}, []string{"perl", "http_tiny.pl", "%s"}},
	{"curl GET", "curl", []string{"curl", "--version"}, curling()},
	{"curl POST", "curl", []string{"curl", "--version"}, curling("--data", "content")},
}

// curling asks many times in one process, over one connection where it can.
func curling(args ...string) []string {
	return slices.Concat([]string{"curl", "--silent", "--show-error", "--no-buffer", "--noproxy", "*", "--rate", "20/s", "--max-time", "20"},
		args, []string{"--output", "/dev/null", "--write-out", `%{stderr}%{http_code} %{size_download}\n`, "http://%s/?[1-100000]"})
}

// needClient reports that a kind can run here. Where it cannot the test fails in CI, and
// goes on without it elsewhere.
func needClient(t *testing.T, k clientKind) {
	t.Helper()
	err := exec.CommandContext(t.Context(), k.needs[0], k.needs[1:]...).Run()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%s is missing (%v): make tools, or apt-get install %s", k.name, err, k.debian)
	if os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	t.Skip("SKIPPED: " + text)
}

// isGood reports that a line tells of an exchange as it should be.
func isGood(line string) bool { return line == "ok" || line == "200 4" }

// realClient is one that runs.
type realClient struct {
	kind string
	mu   struct {
		sync.Mutex
		asked  int
		failed []string
	}
}

func (c *realClient) add(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.asked++
	if !isGood(line) {
		c.mu.failed = append(c.mu.failed, line)
	}
}

func (c *realClient) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.asked
}

// realClients are all that can run here, and one in Go.
type realClients struct {
	t    *testing.T
	all  []*realClient
	stop func()
}

// startClients has all of them ask an address until the test ends, or stop.
func startClients(t *testing.T, address string) *realClients {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	s := &realClients{t: t, stop: sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})}
	t.Cleanup(s.stop)
	for _, k := range clientKinds {
		if !t.Run("has "+k.name, func(t *testing.T) { needClient(t, k) }) {
			continue
		}
		if exec.CommandContext(t.Context(), k.needs[0], k.needs[1:]...).Run() != nil {
			continue // it was skipped
		}
		c := &realClient{kind: k.name}
		s.all = append(s.all, c)
		running.Go(func() {
			if err := c.run(ctx, k.command, address); err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
		})
	}
	c := &realClient{kind: "go net/http"}
	s.all = append(s.all, c)
	running.Go(func() { c.ask(ctx, "http://"+address+"/") })
	s.goOn()
	return s
}

// run reads what a program says until ctx ends; before that it must not end.
func (c *realClient) run(ctx context.Context, command []string, address string) error {
	args := make([]string, 0, len(command))
	for _, a := range command {
		args = append(args, strings.ReplaceAll(a, "%s", address))
	}
	p := exec.CommandContext(ctx, args[0], args[1:]...)
	p.Dir = filepath.Join("testdata", "clients")
	p.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*", "NO_PROXY=*")
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	p.Stdout, p.Stderr = out, out
	err = p.Start()
	_ = out.Close()
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		c.add(lines.Text())
	}
	if err := p.Wait(); ctx.Err() == nil {
		return fmt.Errorf("it has ended: %w", err)
	}
	return nil
}

// ask is the client in Go, which takes as long as the others between two requests.
func (c *realClient) ask(ctx context.Context, url string) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		method, body := http.MethodGet, ""
		if n%2 == 1 {
			method, body = http.MethodPost, "content"
		}
		err := expectOK(context.WithoutCancel(ctx), client, method, url, body)
		if err == nil {
			c.add("ok")
		} else {
			c.add(err.Error())
		}
		<-pause.C
	}
}

// clientSteps is how many exchanges each client makes between two upgrades.
const clientSteps = 6

// goOn waits until each of them has gone on.
func (s *realClients) goOn() {
	s.t.Helper()
	for _, c := range s.all {
		before := c.asked()
		eventually(s.t, c.kind+" goes on", func() string {
			if n := c.asked(); n < before+clientSteps {
				return fmt.Sprintf("%d exchanges, of %d before", n, before)
			}
			return ""
		})
	}
}

// failures ends them, and counts what failed by client.
func (s *realClients) failures(of string) (total int) {
	s.t.Helper()
	s.stop()
	counts := map[string]string{}
	for _, c := range s.all {
		failed := len(c.mu.failed) // it has ended
		total += failed
		counts[c.kind] = fmt.Sprintf("%d of %d", failed, c.mu.asked)
		if failed > 0 {
			s.t.Logf("%s, %s: %.500s", of, c.kind, strings.Join(c.mu.failed, "; "))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		s.t.Logf("%s, %s: %s failed", of, kind, counts[kind])
	}
	return total
}

// clientUpgrades is how often the process is replaced. Where the machine is busy with other
// tests it is less often, as long as nobody asked for all of it by ISAME_RIVAL.
const (
	clientUpgrades    = 10
	clientUpgradesMin = 3
	clientTime        = 20 * time.Second
)

func newFine(t *testing.T) *backend {
	t.Helper()
	return newBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "fine")
	})
}

// TestUpgradesUnderRealClients replaces the process ten times under clients as they are.
// ISAME_RIVAL=1 does the same to HAProxy, whose failures are then the bound.
func TestUpgradesUnderRealClients(t *testing.T) { //nolint:tparallel // its subtests only look which clients there are
	t.Parallel()
	b := newFine(t)
	l := newLineageOf(t, `
listeners: {web: {address: "127.0.0.1:0", h2c: true}}
admin: {address: "127.0.0.1:0"}
shutdown: {drain: 10s}
log: {format: json}
routes: {all: {pool: p}}
pools: {p: {backends: `+members(b)+`}}
`)
	clients, rival, began := startClients(t, l.address()), os.Getenv("ISAME_RIVAL") != "", time.Now()
	for i := range clientUpgrades {
		if i >= clientUpgradesMin && !rival && time.Since(began) > clientTime {
			t.Logf("%d upgrades of %d took %v: it is left at that", i, clientUpgrades, clientTime)
			break
		}
		if code, out := ctlAt(t, l.admin, "upgrade"); code != 0 {
			t.Fatalf("isame-ctl upgrade: got exit %d, %s", code, out)
		}
		clients.goOn()
	}
	failed := clients.failures("Isame")
	if failed > 0 {
		t.Errorf("%d exchanges failed; want none", failed)
	}
	if !rival {
		return
	}
	if bound := haproxyFailures(t, b); failed > bound {
		t.Errorf("%d exchanges failed, and %d with HAProxy; want no more", failed, bound)
	}
}

// haproxyFailures reloads HAProxy as often, in master-worker mode and with its listening
// sockets handed over.
func haproxyFailures(t *testing.T, b *backend) int {
	t.Helper()
	binary, address, dir := needProgram(t, "haproxy", "haproxy"), freeAddress(t), t.TempDir()
	file := filepath.Join(dir, "haproxy.cfg")
	replaceFile(t, file, `
global
  stats socket `+shortSocket(t)+` level admin expose-fd listeners
  hard-stop-after 10s
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
frontend web
  bind `+address+`
  default_backend p
backend p
  server a `+b.address+`
`)
	log := &logBuffer{}
	p := exec.Command(binary, "-W", "-f", file)
	p.Stdout, p.Stderr = log, log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Wait()
	})
	loaded := func(times int) {
		t.Helper()
		eventually(t, "HAProxy is loaded "+strconv.Itoa(times)+" times", func() string {
			if strings.Count(log.String(), "Loading success") < times {
				return log.String()
			}
			return ""
		})
	}
	loaded(1)
	clients := startClients(t, address)
	for i := range clientUpgrades {
		_ = p.Process.Signal(syscall.SIGUSR2)
		loaded(i + 2)
		clients.goOn()
	}
	return clients.failures("HAProxy")
}
