package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/spf13/cobra"
)

// call runs one command against the admin API.
func (a *app) call(do func(ctx context.Context, cl *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if a.all {
			return a.everywhere(c)
		}
		cl, err := a.connect()
		if err != nil {
			return usage(c, err)
		}
		defer cl.Close()
		return do(c.Context(), cl, args)
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Shows version, uptime, load and pools; with --all also who lags behind in a fleet", Args: arguments(cobra.NoArgs),
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			st, err := cl.Status(ctx)
			if err != nil {
				return err
			}
			collect(ctx, &st)
			return a.print(st, func(s *screen) { showStatus(s, &st) })
		}),
	}
}

// overlayText says what is not as the configuration says.
func overlayText(o *api.OverlaySummary) string {
	text := fmt.Sprintf("overlay      %d backends were changed at run time", o.Backends)
	switch {
	case o.Failure != "":
		text += "; a restart forgets it: " + o.Failure
	case !o.Persisted:
		text += "; a restart forgets it, as there is no state.dir"
	}
	return text
}

func showStatus(s *screen, st *api.Status) {
	file := st.ConfigFile
	if file == "" {
		file = "embedded default"
	}
	s.linef("%s %s (%s, %s)", st.Name, st.Version, st.Commit, st.GoVersion)
	s.linef("state        %s, up %s, pid %d", st.State, short(max(time.Second, time.Duration(st.UptimeSeconds*float64(time.Second)))), st.PID)
	if st.Instance != "" {
		s.linef("instance     %s", st.Instance)
	}
	s.linef("config       %s, generation %d", file, st.Generation)
	showConfigState(s, st.Config)
	if r := st.LastReload; r != nil {
		text := fmt.Sprintf("last reload  %s %s", r.Result, s.ago(r.At))
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		if len(r.RestartNeeded) > 0 {
			text += ", but for what needs a restart: " + strings.Join(r.RestartNeeded, ", ")
		}
		s.linef("%s", text)
	}
	if o := st.Overlay; o != nil {
		s.wholef("%s", overlayText(o))
	}
	s.linef("connections  %s on %d shards", count(st.Connections), st.Shards)
	s.linef("requests     %s, %.1f/s", count(st.RequestsTotal), st.RequestsPerSecond)
	if h := st.Headroom; h != nil {
		s.linef("headroom     %s", h.Summary)
	}
	s.blank()
	t := table{columns: []column{
		{title: titlePool, min: 8},
		{title: "ALGORITHM", prose: true, min: 9, drop: 2},
		{title: "UP", right: true},
		{title: titleInFlight, right: true, drop: 1},
		{title: titleRequests, right: true},
		{title: "FAILED", right: true},
		{title: "NOT UP", min: 12},
	}}
	for i := range st.Pools {
		p := &st.Pools[i]
		t.row(c(p.Name), c(p.Algorithm), upOf(p.Healthy, p.Members, p.Panic),
			c(count(p.InFlight)), c(count(p.Requests)), c(count(p.Failures)), notUp(p))
	}
	t.draw(s, "no pools")
}

// upOf is 2/3, red when none is left or health is ignored, yellow when some are missing.
func upOf(healthy, members int, panics bool) cell {
	st := green
	switch {
	case panics, healthy == 0 && members > 0:
		st = red
	case healthy < members:
		st = yellow
	}
	return cell{fmt.Sprintf("%d/%d", healthy, members), st}
}

// notUp names the members that get nothing.
func notUp(p *pool.Summary) cell {
	text := ""
	if p.Panic {
		text = "panic: health is ignored"
	}
	for _, b := range p.Backends {
		if b.Up {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += b.Address
	}
	return cell{text, red}
}

// healthReport is what isame-ctl health prints as JSON.
type healthReport struct {
	Live   bool   `json:"live"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
}

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Says whether the process wants traffic: exit 0 when it does, else 1", Args: arguments(cobra.NoArgs),
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			if err := cl.Health(ctx); err != nil {
				return err
			}
			report := healthReport{Live: true, Ready: true}
			text := "live and ready"
			if err := cl.Ready(ctx); err != nil {
				var p *api.Problem
				if !errors.As(err, &p) || p.Status != http.StatusServiceUnavailable {
					return err
				}
				report.Ready, report.Reason = false, p.Detail
				text = "live, but not ready: " + p.Detail
			}
			if err := a.print(report, func(s *screen) { s.linef("%s", text) }); err != nil {
				return err
			}
			if !report.Ready {
				return errSilent
			}
			return nil
		}),
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Annotations: asksNobody, Short: "Prints the version of isame-ctl", Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := api.ReadBuild(a.env.Version, a.env.Commit)
			return a.print(b, func(s *screen) { s.linef("%s", b.Text("isame-ctl")) })
		},
	}
}
