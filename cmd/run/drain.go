package run

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// shutdown drains; a second signal ends the process at once. Nothing is reloaded any more,
// and who asks for it is told. reason is a signal, or that another process has taken over:
// that one is ready, so nobody has to look elsewhere.
func (p *proxy) shutdown(reason string, changed <-chan struct{}) error {
	close(p.draining)
	p.overlay.Close()
	p.leaveState() // nothing is written from here on
	p.stopFleet()
	if reason != upgradeReason {
		p.super.stopping("draining: exchanges under way may finish")
	}
	how := &p.loaded.Load().Config.Shutdown
	if reason != upgradeReason && how.Delay > 0 && !p.delay(how.Delay, reason, changed) {
		how = &config.Shutdown{} // a second signal has come
	}
	limit := how.Drain
	p.log.Info().Str("signal", reason).Dur("drain_ms", limit).
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
		case s := <-p.signals:
			if p.endsAtOnce(s) {
				cancel()
			}
		case <-changed:
			p.logDraining("file")
		case <-p.super.beat:
			p.super.alive()
		}
	}
}

// delay keeps everything as it is but for /ready, which says no, so that whoever sends
// traffic here can look elsewhere before the sockets close. False: a second signal has come.
func (p *proxy) delay(d time.Duration, reason string, changed <-chan struct{}) bool {
	p.log.Info().Str("signal", reason).Dur("delay_ms", d).
		Msg("not ready any more: the drain begins after shutdown.delay, everything is served until then")
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case <-over.C:
			return true
		case s := <-p.signals:
			if p.endsAtOnce(s) {
				return false
			}
		case <-changed:
			p.logDraining("file")
		case <-p.super.beat:
			p.super.alive()
		}
	}
}

// endsAtOnce reports a second signal to end, and says so. Log files are opened again all the
// same; others ask for what is not done any more, and are told.
func (p *proxy) endsAtOnce(s os.Signal) bool {
	switch s {
	case syscall.SIGUSR1:
		p.access.reopen()
		return false
	case syscall.SIGHUP, syscall.SIGUSR2:
		p.logDraining("signal")
		return false
	}
	p.log.Warn().Stringer("signal", s).Msg("second signal: ending at once")
	return true
}
