package run

import (
	"context"
	"errors"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
)

// adminGrace is how long answers of the admin endpoint may take after the drain.
const adminGrace = 2 * time.Second

// bindAdmin takes the address of the admin endpoint. It answers when the start cannot be
// refused any more: startAdmin. An address that the process before has until its drain
// ends is taken then.
func (p *proxy) bindAdmin(cfg *config.Config) error {
	if cfg.Admin.Address == "" {
		return nil
	}
	access, err := accessOf(&cfg.Admin)
	if err != nil {
		return err
	}
	o := ctl.Options{
		Address: cfg.Admin.Address, Tokens: access.Tokens, AllowedHosts: access.AllowedHosts, TLS: access.TLS, Dashboard: access.Dashboard,
		Sources: p.sources(), Logger: p.log, Heritage: p.legacy.Heritage,
	}
	if cfg.Metrics.Enabled {
		o.MetricsPath = cfg.Metrics.Path
	}
	p.admin = ctl.New(o)
	err = p.admin.Bind()
	if errors.Is(err, ctl.ErrDraining) {
		p.freed = make(chan struct{}, 1)
		return nil
	}
	return err
}

// startAdmin has the endpoint answer. It fails only where somebody else began to listen on
// its address since bindAdmin; then what runs ends.
func (p *proxy) startAdmin(cfg *config.Config) error {
	if p.admin == nil {
		return nil
	}
	if freed := p.freed; freed != nil {
		p.log.Warn().Str("address", cfg.Admin.Address).
			Msg("the address of the admin endpoint is still held by the isame-lb before, which drains: " +
				"this one serves without until that has ended, and takes it then")
		p.admin.Await(func() { freed <- struct{}{} })
		return nil
	}
	err := p.admin.Start()
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), adminGrace)
		defer cancel()
		p.engine.Shutdown(ctx)
	}
	return err
}

func (p *proxy) stopAdmin(ctx context.Context) {
	if p.admin == nil {
		return
	}
	if err := p.admin.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		p.log.Warn().Err(err).Msg("cannot end the admin endpoint cleanly")
	}
}

// introduceAdmin says where the admin endpoint answers, once it does.
func (p *proxy) introduceAdmin() {
	if p.admin == nil || p.freed != nil {
		return
	}
	p.log.Info().Str("address", p.admin.Addr().String()).Msg("admin endpoint: try " + p.ctlHint("status"))
	p.sayTokens(&p.loaded.Load().Config.Admin)
}

// adminIsFree is called by the main loop when an endpoint that had to wait answers.
func (p *proxy) adminIsFree() {
	p.freed = nil
	p.introduceAdmin()
	if p.demo != nil {
		p.demo.link(p.demoLinks())
	}
}

// ctlHint is the command line of isame-ctl for the endpoint of this process.
func (p *proxy) ctlHint(args string) string {
	return ctlHint(p.admin.Addr(), p.loaded.Load().Config.Admin.TLS.CertFile != "", args)
}
