package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/feed"
	"github.com/isame-lb/isame-lb/ctl/ledger"
	"github.com/isame-lb/isame-lb/ctl/overlay"
	"github.com/isame-lb/isame-lb/ctl/store"
	"github.com/isame-lb/isame-lb/engine"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/sink"
)

// proxy is the process: what serve wires together.
type proxy struct {
	flags    *flags
	file     string // of the configuration; empty is the embedded default
	demo     *demo  // nil when there is a file
	started  time.Time
	build    api.Build
	sink     *sink.Sink // nil until the configuration is known
	access   *accessLogs
	log      zerolog.Logger
	registry *observe.Registry
	engine   *engine.Engine
	admin    *ctl.Server   // nil when admin.address is empty
	freed    chan struct{} // told when an endpoint that had to wait for its address answers; nil where none waits
	super    *supervisor
	program  string // its file; empty where that is not known
	legacy   *legacy
	heir     heir
	upgrades chan chan upgradeOutcome
	events   *feed.Feed

	headroom         headroomWatch
	certificateWatch certificateWatch // for the main loop

	loaded     atomic.Pointer[config.Loaded] // what runs
	lastReload atomic.Pointer[api.Reload]
	seen       atomic.Pointer[fingerprints] // of the files at the last load
	ledger     *ledger.Ledger
	overlay    *overlay.Keeper
	stateLock  *store.Lock    // nil where there is none
	fleet      *fleet         // nil where the configuration is the file
	signals    chan os.Signal // from the first socket on
	tasks      chan task      // for the main loop
	draining   chan struct{}  // closed when the drain begins
}

// serve runs the proxy until a signal ends it.
func serve(f *flags, build api.Build) error {
	p := &proxy{
		flags: f, started: time.Now(), build: build, events: feed.New(),
		signals: make(chan os.Signal, 4), tasks: make(chan task), upgrades: make(chan chan upgradeOutcome), draining: make(chan struct{}),
	}
	p.headroom.proxy = p
	var err error
	if p.legacy, err = inherit(); err != nil {
		return err
	}
	p.program, _ = programFile() // an upgrade that is asked for without it says so
	defer p.closeLog()
	defer signal.Stop(p.signals)
	if err := p.start(); err != nil {
		p.stopDemo()
		return err
	}
	return p.run()
}

// closeLog writes what was logged, while somebody takes it.
func (p *proxy) closeLog() {
	if p.access != nil {
		p.access.close()
	}
	if p.sink != nil {
		p.sink.Close(flushTime)
	}
}

// startGCPercent is how much of garbage a start may make: most of what it makes stays, so
// that to look for some of it again and again finds nothing.
const startGCPercent = 400

// start does everything that may fail: nothing listens after an error.
func (p *proxy) start() error {
	if usual := debug.SetGCPercent(startGCPercent); usual < 0 || usual > startGCPercent {
		debug.SetGCPercent(usual) // somebody has asked for less of it
	} else {
		defer debug.SetGCPercent(usual)
	}
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
	p.super = newSupervisor(p.log)
	p.registry = observe.NewRegistry(runtime.GOMAXPROCS(0))
	p.access = newAccessLogs(p.sink, p.log)
	p.registry.SetLogDropped(p.access.dropped)
	p.registry.Build = observe.BuildFacts{Version: p.build.Version, Commit: p.build.Commit, GoVersion: p.build.GoVersion}
	if p.engine, err = engine.New(engine.Options{
		Logger: p.log, Registry: p.registry, Access: p.access.open, Heritage: p.legacy.Heritage,
		Tell: p.backendChanged, Version: p.build.Version, Instance: instanceOf(cfg),
	}); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	p.loaded.Store(loaded)
	if loaded, err = p.share(loaded); err != nil {
		return reported(err)
	}
	p.loaded.Store(loaded)
	p.remember()
	if err := p.lockState(cfg.State.Dir); err != nil {
		return err
	}
	if err := p.openLedger(loaded); err != nil {
		return err
	}
	p.openOverlay(cfg.State.Dir)
	// From the first socket on, somebody may take us for started: a signal does what it says.
	signal.Notify(p.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
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
	p.overlay.Start()
	p.begun(generation)
	p.headroom.start()
	p.lookAtCertificates()
	if p.fleet != nil {
		p.fleet.follow()
	}
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
	w := p.watch()
	defer w.close()
	p.welcome()
	defer p.super.stop()
	p.announce()
	p.super.ready(p.serving())
	look := time.NewTicker(certificateLook)
	defer look.Stop()
	for {
		select {
		case asked := <-p.upgrades:
			p.beginUpgrade("api", asked)
		case taken := <-p.heir.ready:
			if p.upgraded(taken) {
				return p.shutdown(upgradeReason, w.changed)
			}
		case err := <-p.heir.ended:
			p.upgradeFailed(heirEnded(err))
			_ = p.takeDocument() // reported
		case <-p.heir.late:
			p.upgradeFailed(errHeirLate)
			_ = p.takeDocument() // reported
		case <-p.super.beat:
			p.super.alive()
		case <-look.C:
			p.lookAtCertificates()
		case s := <-p.signals:
			switch s {
			case syscall.SIGHUP:
				p.reload(ledger.TriggerSignal)
				w.follow(p.watched())
			case syscall.SIGUSR1:
				p.access.reopen()
			case syscall.SIGUSR2:
				p.beginUpgrade("signal", nil)
			default:
				if p.heir.process != nil {
					p.upgradeFailed(errHeirUnwanted)
				}
				return p.shutdown(s.String(), w.changed)
			}
		case <-w.changed:
			p.reload(ledger.TriggerFile)
			w.follow(p.watched())
		case <-p.fleet.news():
			_ = p.takeDocument() // reported
			w.follow(p.watched())
		case <-p.freed:
			p.adminIsFree()
		case t := <-p.tasks:
			t.serve()
			_ = p.takeDocument() // what had to wait for a trial that has ended; reported
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

// serving is what the supervisor shows of a process that serves.
func (p *proxy) serving() string {
	text := fmt.Sprintf("serving generation %d on %d listeners", p.engine.Generation(), len(p.engine.Listeners()))
	if r := p.lastReload.Load(); r != nil && r.Result != string(observe.ReloadApplied) {
		text += "; the last reload was refused: " + r.Reason
	}
	return text
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

// ready says whether traffic should come here, and why not.
func (p *proxy) ready() (ok bool, reason string) {
	select {
	case <-p.draining:
		return false, api.StateDraining
	default:
		return p.engine.Ready()
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
	p.awaitFleet(ctx)
	p.stopDemo()
}
