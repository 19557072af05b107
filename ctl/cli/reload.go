package cli

import (
	"context"
	"errors"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

// reloadPause is between two tries of reload --wait.
const reloadPause = 500 * time.Millisecond

func (a *app) reloadCommand() *cobra.Command {
	var force, wait bool
	cmd := &cobra.Command{
		Use: "reload", Short: "Makes isame-lb read its configuration file again", Args: arguments(cobra.NoArgs),
		Long: "Makes isame-lb read its configuration file again. Where the file holds what it did, certificates and the files that\n" +
			"the running configuration names are read again, and nothing else changes.",
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			r, err := cl.Reload(ctx, force)
			if wait {
				r, err = a.reloadLater(ctx, cl, force, r, err)
			}
			if err != nil {
				return err
			}
			return a.print(r, func(s *screen) { showReload(s, &r) })
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "take the content of the file, also where a rollback or an apply left it")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait up to --timeout for a change under way, or one that waits for its confirmation")
	return cmd
}

// reloadLater tries again while another change is in the way, within --timeout.
func (a *app) reloadLater(
	ctx context.Context, cl *client.Client, force bool, r api.ReloadResult, err error,
) (api.ReloadResult, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	pause := time.NewTicker(reloadPause)
	defer pause.Stop()
	for {
		var p *api.Problem
		if !errors.As(err, &p) || p.Code != api.CodeBusy && p.Code != api.CodeConfirmPending {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, err
		case <-pause.C:
		}
		r, err = cl.Reload(ctx, force)
	}
}

// showReload says what a reload did and what it could not do.
func showReload(s *screen, r *api.ReloadResult) {
	switch {
	case r.HeldBack:
		s.wholef("unchanged: generation %d; a rollback left what the file holds: reload --force takes it", r.Generation)
	case r.Unchanged:
		s.linef("unchanged: generation %d", r.Generation)
	default:
		s.linef("reloaded: generation %d", r.Generation)
	}
	showNotes(s, r.RestartNeeded, nil, r.Warnings)
}

// showConfigState says where the running configuration comes from, where that is not the
// file alone.
func showConfigState(s *screen, c *api.ConfigState) {
	if c == nil {
		return
	}
	showEtcd(s, c.Etcd)
	if c.Drift {
		text := "drift        what runs is not what the file holds: it came by " + c.Source
		if c.HeldBack {
			text += ", and the file is held back"
		}
		s.wholef("%s", text)
	}
	if p := c.Pending; p != nil {
		s.wholef("on trial     generation %d of %s is rolled back to %d in %s, unless: isame-ctl config confirm %d",
			p.Generation, p.Author, p.Previous, s.left(p.ConfirmBefore), p.Generation)
	}
}
