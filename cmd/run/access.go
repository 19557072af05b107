package run

import (
	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/ctl"
	"github.com/isame-lb/isame-lb/ctl/api"
)

// accessOf is whom the admin endpoint answers. It reads the files of admin.tls.
func accessOf(a *config.Admin) (*ctl.Access, error) {
	access := &ctl.Access{AllowedHosts: a.AllowedHosts, Dashboard: a.Dashboard}
	if a.Token != "" {
		access.Tokens = append(access.Tokens, ctl.Token{Name: ctl.TokenName, Role: api.RoleWrite, Secret: string(a.Token)})
	}
	for _, t := range a.Tokens {
		access.Tokens = append(access.Tokens, ctl.Token{Name: t.Name, Role: api.Role(t.Role), Secret: string(t.Secret)})
	}
	if a.TLS.CertFile == "" {
		return access, nil
	}
	var err error
	access.TLS, err = ctl.LoadTLS(&a.TLS)
	return access, err
}

// prepareAccess does all of a change of access that may fail; what it returns makes the
// change. The address is the running one: KeepRestartKeys comes first.
func (p *proxy) prepareAccess(loaded *config.Loaded) (admit func(), err error) {
	if p.admin == nil {
		return func() {}, nil
	}
	access, err := accessOf(&loaded.Config.Admin)
	if err != nil {
		return nil, err
	}
	if err := p.admin.CheckAccess(access); err != nil {
		return nil, config.Problems{loaded.Problem("admin.token", "cannot be left out before a restart: %s", err)}
	}
	return func() {
		p.admin.SetAccess(access)
		if before := p.loaded.Load().Config.Admin; before.Token == "" && len(before.Tokens) == 0 {
			p.sayTokens(&loaded.Config.Admin)
		}
	}, nil
}

// sayTokens says what a token changes beside what it is set for: tokens were for changes
// alone once, and whoever scrapes metrics would find out by their absence.
func (p *proxy) sayTokens(a *config.Admin) {
	if a.Token == "" && len(a.Tokens) == 0 {
		return
	}
	p.log.Warn().Msg("a token is set, so reads of the admin API and metrics need one too (admin.tokens, role metrics or read); " +
		"/health, /ready and / do not")
}
