package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/sink"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// proxy is the process: what serve wires together.
type proxy struct {
	flags    *flags
	file     string // of the configuration; empty is the embedded default
	demo     *demo  // nil when there is a file
	started  time.Time
	build    api.Build
	sink     *sink.Sink // nil until the configuration is known
	log      zerolog.Logger
	registry *observe.Registry
	engine   *engine.Engine
	admin    *ctl.Server   // nil when admin.address is empty
	freed    chan struct{} // told when an endpoint that had to wait for its address answers; nil where none waits

	loaded     atomic.Pointer[config.Loaded] // what runs
	lastReload atomic.Pointer[api.Reload]
	seen       atomic.Pointer[fingerprints] // of the files at the last load
	ledger     *ledger.Ledger
	tasks      chan task     // for the main loop
	draining   chan struct{} // closed when the drain begins
}

// serve runs the proxy until a signal ends it.
func serve(f *flags, build api.Build) error {
	p := &proxy{
		flags: f, started: time.Now(), build: build,
		tasks: make(chan task), draining: make(chan struct{}),
	}
	defer p.closeLog()
	if err := p.start(); err != nil {
		p.stopDemo()
		return err
	}
	return p.run()
}

// closeLog writes what was logged, while somebody takes it.
func (p *proxy) closeLog() {
	if p.sink != nil {
		p.sink.Close(flushTime)
	}
}

// start does everything that may fail: nothing listens after an error.
func (p *proxy) start() error {
	file, found := config.FindFile(p.flags.file, os.Environ())
	if found {
		p.file = file
	} else {
		d, err := startDemo(p.build)
		if err != nil {
			return err
		}
		p.demo = d
	}
	loaded, err := load(p.flags, p.demo.addresses())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return errReported
	}
	cfg := loaded.Config
	p.sink = newSink(&cfg.Log)
	p.log = newLogger(p.sink, cfg.Log.Level)
	p.registry = observe.NewRegistry(runtime.GOMAXPROCS(0))
	p.registry.SetLogDropped(p.sink.Dropped)
	if p.engine, err = engine.New(engine.Options{
		Logger: p.log, Registry: p.registry, Access: func(shard int) io.Writer { return p.sink.Access(shard) },
	}); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	p.loaded.Store(loaded)
	p.remember()
	if err := p.openLedger(loaded); err != nil {
		return err
	}
	return p.begin(p.ledger.Begin(loaded))
}

// begin serves the configuration that the ledger has chosen: that of the file, or what
// was applied before a restart.
func (p *proxy) begin(loaded *config.Loaded, generation uint64) error {
	if err := p.bindAdmin(loaded.Config); err != nil {
		return err
	}
	if err := p.apply(loaded, generation); err != nil {
		p.stopAdmin(context.Background())
		return reported(err)
	}
	if err := p.startAdmin(loaded.Config); err != nil {
		return err
	}
	p.ledger.Begun()
	return nil
}

// reported prints the problems of a configuration, each on its line; other errors are the
// caller's.
func reported(err error) error {
	if _, ok := errors.AsType[config.Problems](err); !ok {
		return err
	}
	fmt.Fprintln(os.Stderr, err)
	return errReported
}

func (p *proxy) stopDemo() {
	if p.demo != nil {
		p.demo.stop()
	}
}

// run waits for signals and reload requests.
func (p *proxy) run() error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	w := p.watch()
	defer w.close()
	p.welcome()
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGHUP {
				return p.shutdown(s, signals, w.changed)
			}
			p.reload(ledger.TriggerSignal)
			w.follow(p.watched())
		case <-w.changed:
			p.reload(ledger.TriggerFile)
			w.follow(p.watched())
		case <-p.freed:
			p.adminIsFree()
		case t := <-p.tasks:
			t.serve()
			w.follow(p.watched())
		}
	}
}

// welcome says what serves where, and what to try.
func (p *proxy) welcome() {
	if p.demo != nil {
		p.log.Info().Msg("no configuration file: " + ownName() + " init writes " + initFile +
			" to begin with; until then three demo backends serve")
	}
	for _, l := range p.engine.Listeners() {
		p.log.Info().Str("listener", l.Name).Str("address", l.Bound).Msg("listening")
	}
	p.introduceAdmin()
	from := p.file
	if from == "" {
		from = "embedded default"
	}
	p.log.Info().Str("version", p.build.Version).Str("config", from).Int("pid", os.Getpid()).
		Int("shards", p.engine.Shards()).Msg("isame-lb serves")
	if p.demo != nil {
		p.demo.introduce(&p.log, p.demoLinks())
	}
}

// demoLinks are the addresses that are really used.
func (p *proxy) demoLinks() demoLinks {
	links := demoLinks{}
	if all := p.engine.Listeners(); len(all) > 0 {
		links.front = reachable(all[0].Bound)
	}
	if p.admin != nil && p.freed == nil {
		links.admin, links.adminTLS = p.admin.Addr(), p.loaded.Load().Config.Admin.TLS.CertFile != ""
		if m := p.loaded.Load().Config.Metrics; m.Enabled {
			links.metrics = m.Path
		}
	}
	return links
}

// shutdown drains; a second signal ends the process at once. Nothing is reloaded any more,
// and who asks for it is told.
func (p *proxy) shutdown(s os.Signal, signals <-chan os.Signal, changed <-chan struct{}) error {
	close(p.draining)
	limit := p.loaded.Load().Config.Shutdown.Drain
	p.log.Info().Stringer("signal", s).Dur("drain_ms", limit).
		Msg("draining: no new connections, exchanges under way may finish; a second signal ends at once")
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	done := make(chan int, 1)
	safely.New("shutdown", func() { done <- p.engine.Shutdown(ctx) }, func() { done <- 0 }).Go()
	for {
		select {
		case cut := <-done:
			p.finish(cut)
			return nil
		case s := <-signals:
			if s == syscall.SIGHUP {
				p.logDraining("signal")
				continue
			}
			p.log.Warn().Stringer("signal", s).Msg("second signal: ending at once")
			cancel()
		case <-changed:
			p.logDraining("file")
		}
	}
}

func (p *proxy) finish(cut int) {
	level := zerolog.InfoLevel
	if cut > 0 {
		level = zerolog.WarnLevel
	}
	p.log.WithLevel(level).Int("connections_cut", cut).Msg("drained")
	ctx, cancel := context.WithTimeout(context.Background(), adminGrace)
	defer cancel()
	p.stopAdmin(ctx)
	p.stopDemo()
}
