package proxies

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
	"github.com/isame-lb/isame-lb/bench/report"
)

// Options of a comparison of proxies.
type Options struct {
	// Bench is the isame-bench program, which is started for load and origin.
	Bench string
	// Isame is the isame-lb program.
	Isame string
	// Before is another build of it, which takes part as "before"; empty: it does not.
	Before string
	// Proxies and Scenarios are names; empty means all that there are.
	Proxies   []string
	Scenarios []string
	// Rounds is how often each proxy is measured in each scenario, Duration how
	// long each time.
	Rounds   int
	Duration time.Duration
	// Log gets a line for each measurement.
	Log io.Writer
}

// harness holds what runs during a comparison.
type harness struct {
	Options
	dir        string
	proxyCore  int
	otherCore  int
	contenders []contender
	notes      []string
	files      int
	peak       float64           // slowest closed-loop rate of scenario small, for ofPeak
	edge       *edge             // how the contenders speak TLS; nil: no scenario has asked yet
	programs   map[string]string // of nghttp2, those that are installed
}

// Run measures the proxies in each scenario. It takes about
// (rounds x duration + 1 s) x proxies for each of them.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	if o.Rounds < 1 || o.Duration <= 0 {
		return nil, fmt.Errorf("cannot make %d rounds of %s", o.Rounds, o.Duration)
	}
	chosen, err := choose(o.Scenarios)
	if err != nil {
		return nil, err
	}
	h := &harness{Options: o, proxyCore: -1, otherCore: -1, files: raiseFiles()}
	if len(h.Proxies) == 0 {
		h.Proxies = names()
	}
	if o.Before != "" && !slices.Contains(h.Proxies, before) {
		h.Proxies = append(slices.Clip(h.Proxies), before)
	}
	var missing []string
	if h.contenders, missing, err = find(h.Proxies, o.Isame, o.Before); err != nil {
		return nil, err
	}
	if len(h.contenders) == 0 {
		return nil, fmt.Errorf("cannot find any of the proxies %s", strings.Join(missing, ", "))
	}
	if len(missing) > 0 {
		h.notes = append(h.notes, "not installed: "+strings.Join(missing, ", "))
	}
	if usable := cores(); len(usable) > 1 {
		h.proxyCore, h.otherCore = usable[0], usable[1]
	} else {
		h.notes = append(h.notes, errNoCore.Error())
	}
	var remove func()
	if h.dir, remove, err = ownTemp(); err != nil {
		return nil, err
	}
	defer remove()
	h.programs = map[string]string{}
	for _, name := range []string{h2load, nghttpd} {
		if path, err := look(name); err == nil {
			h.programs[name] = path
		}
	}
	out := h.describe(ctx)
	for _, s := range chosen {
		if h.leavesOut(s) {
			continue
		}
		rows, err := h.scenario(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("cannot measure %q: %w", s.name, err)
		}
		out.Rows = append(out.Rows, rows...)
	}
	out.Notes = h.notes
	if h.edge != nil {
		out.TLS = h.edge.describe()
	}
	return out, nil
}

// contest is one scenario going on: the origin and the running contenders.
type contest struct {
	*harness
	scenario
	running []*entrant
}

// entrant is a contender that runs, and what was measured of it, a value a round.
type entrant struct {
	contender
	process *process
	address string // host:port
	url     string
	edge    *edge // nil: clear text
	rate    []float64
	p50     []float64
	p99     []float64
	beside  []float64 // what was loaded meanwhile, in GB/s
	cpu     []float64
	rss     []float64
	bytes   int // of the content that the stages were verified with
	errors  uint64
	limited int
	full    uint64 // handshakes that should have been resumed
}

// scenario starts origin and proxies, measures all rounds and ends them again.
func (h *harness) scenario(ctx context.Context, s scenario) ([]Row, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	origin, backends, err := h.startBackends(ctx, s)
	if err != nil {
		return nil, err
	}
	defer origin.stop()
	c := &contest{harness: h, scenario: s}
	defer func() {
		for _, e := range c.running {
			e.process.stop()
		}
	}()
	how := setup{
		backends: backends, tunnels: s.tunnels, logged: s.logged, servers2: s.http2, clients2: s.streams > 0 && !s.secure,
	}
	if s.secure {
		if how.edge, err = h.secured(ctx, backends); err != nil {
			return nil, err
		}
	}
	if s.beside > 0 {
		large, addresses, err := h.startOrigin(ctx, 1, false, lowPriority...)
		if err != nil {
			return nil, err
		}
		defer large.stop()
		how.large = addresses[0]
	}
	for _, p := range h.contenders {
		if !s.takesPart(p.name) {
			continue
		}
		how.stages = s.stages.of(p.name)
		e, err := h.enter(ctx, p, how)
		if err != nil {
			return nil, err
		}
		c.running = append(c.running, e)
		if how.stages == nil {
			continue
		}
		if e.bytes, err = how.stages.verify(ctx, e, s.header); err != nil {
			return nil, err
		}
	}
	if s.idle > 0 {
		return c.measureIdle(ctx)
	}
	return c.measureLoad(ctx)
}

// startOrigin starts so many origins in one process and returns their addresses. by are words in front of the command.
func (h *harness) startOrigin(ctx context.Context, count int, apart bool, by ...string) (p *process, addresses []string, err error) {
	command := slices.Concat(by, []string{
		h.Bench, "origin", "--listen", "127.0.0.1:0", "--count", strconv.Itoa(count), "--apart=" + strconv.FormatBool(apart),
	})
	p, err = start(ctx, place{core: h.otherCore, dir: h.dir}, command[0], command[1:]...)
	if err != nil {
		return nil, nil, err
	}
	limit := time.NewTimer(readyWithin)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(addresses) < count {
		select {
		case <-p.done:
			return nil, nil, fmt.Errorf("cannot start the origin, it said: %s", p.output)
		case <-limit.C:
			p.stop()
			return nil, nil, errors.New("cannot start the origin in time")
		case <-tick.C:
			addresses = readAddresses(p.output.String())
		}
	}
	return p, addresses, nil
}

// startBackends starts what the scenario has behind the proxies.
func (h *harness) startBackends(ctx context.Context, s scenario) (p *process, addresses []string, err error) {
	if s.http2 {
		return h.startNghttpd(ctx)
	}
	return h.startOrigin(ctx, max(s.backends, 1), s.apart)
}

// readAddresses reads "listening on ADDRESS (NAME)" lines.
func readAddresses(output string) []string {
	var out []string
	for line := range strings.Lines(output) {
		rest, found := strings.CutPrefix(line, "listening on ")
		if address, _, complete := strings.Cut(rest, " "); found && complete && strings.HasSuffix(line, "\n") {
			out = append(out, address)
		}
	}
	return out
}

// enter starts a proxy and waits until it forwards. It finds the addresses of s.
func (h *harness) enter(ctx context.Context, p contender, s setup) (*entrant, error) {
	dir, err := os.MkdirTemp(h.dir, p.name+"-")
	if err != nil {
		return nil, fmt.Errorf("cannot create a folder: %w", err)
	}
	if s.listen, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if s.admin, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if err := s.stages.lay(dir); err != nil {
		return nil, err
	}
	args, err := p.configure(dir, s)
	if err != nil {
		return nil, err
	}
	e := &entrant{contender: p, address: s.listen, url: s.url(), edge: s.edge}
	at := place{core: h.proxyCore, dir: dir}
	if s.logged {
		at.output = filepath.Join(dir, "output.log")
	}
	if e.process, err = start(ctx, at, p.program, args...); err != nil {
		return nil, err
	}
	if err := e.process.ready(ctx, e.url+"/", s.edge.client(), s.clients2); err != nil {
		e.process.stop()
		return nil, err
	}
	return e, nil
}

const warmUp = 300 * time.Millisecond

// measureLoad makes the rounds: each proxy in turn, every other round the other
// way round. Load runs in its own process on the core of the origin.
func (c *contest) measureLoad(ctx context.Context) ([]Row, error) {
	if c.ofPeak > 0 {
		if err := c.findPeak(ctx); err != nil {
			return nil, err
		}
		c.rate = c.ofPeak * c.peak
		c.title = fmt.Sprintf("%s (%s/s)", c.title, report.Number(c.rate))
	}
	for _, e := range c.running {
		if _, err := c.load(ctx, e, warmUp); err != nil {
			return nil, err
		}
	}
	for round := range c.Rounds {
		for i := range c.running {
			if round%2 == 1 {
				i = len(c.running) - 1 - i
			}
			if err := c.measure(ctx, c.running[i]); err != nil {
				return nil, err
			}
		}
	}
	return c.loadRows(), nil
}

// findPeak measures the closed-loop rate of each proxy once.
func (c *contest) findPeak(ctx context.Context) error {
	if c.peak > 0 {
		return nil
	}
	closed := *c
	closed.rate = 0
	for _, e := range c.running {
		r, err := closed.load(ctx, e, c.Duration)
		if err != nil {
			return err
		}
		if c.peak == 0 || r.Rate < c.peak {
			c.peak = r.Rate
		}
	}
	return nil
}

// measure makes one run and adds its figures.
func (c *contest) measure(ctx context.Context, e *entrant) error {
	besides := c.loadBeside(ctx, e)
	r, err := c.load(ctx, e, c.Duration)
	if err := errors.Join(err, besides()); err != nil {
		return err
	}
	e.cpu, e.rate = append(e.cpu, r.TargetCPU), append(e.rate, r.Rate)
	e.p50, e.p99 = append(e.p50, r.Latency.P50), append(e.p99, r.Latency.P99)
	e.errors += r.Errors + r.Unexpected(func(status int) bool { return status == 200 || c.websocket && status == 101 })
	if r.Generator.Limit == load.LimitGenerator {
		e.limited++
	}
	if full := r.Opened - r.Resumed; c.resume && full > uint64(c.connections) {
		e.full += full
	}
	if c.logged {
		if err := e.process.emptyLogs(); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.Log, "%-12s %-8s %8.0f/s  %6.2f us CPU  p99 %8.0f us  core %3.0f %%  errors %d\n", c.name, e.name, r.Rate, r.TargetCPU,
		r.Latency.P99, r.TargetCPU*r.Rate/1e4, e.errors)
	return nil
}
