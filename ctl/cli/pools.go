package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/spf13/cobra"
)

// probesShown is how many probes of a backend the table of a pool holds; JSON and YAML hold all.
const probesShown = 5

func (a *app) poolsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "pools [NAME]", Short: "Lists the pools, or shows one with its backends and last probes",
		Args: arguments(cobra.MaximumNArgs(1)), ValidArgsFunction: a.completeArgs(a.poolNames),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			if len(args) == 1 {
				p, err := cl.Pool(ctx, args[0])
				if err != nil {
					return err
				}
				return a.print(p, func(s *screen) { showPool(s, &p) })
			}
			list, err := cl.Pools(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showPools(s, list) })
		}),
	}
}

func showPools(s *screen, list []pool.Status) {
	t := table{columns: []column{
		{title: titlePool, min: 8},
		{title: "ALGORITHM", prose: true, min: 9, drop: 2},
		{title: "UP", right: true},
		{title: titleInFlight, right: true, drop: 1},
		{title: titleRequests, right: true},
		{title: "FAILED", right: true},
		{title: "NOTE", prose: true, min: 8},
	}}
	for i := range list {
		p := &list[i]
		note := cell{}
		if p.Panic {
			note = cell{"panic: health is ignored", red}
		} else if l := p.Concurrency; l != nil && l.Waiting > 0 {
			note = cell{count(l.Waiting) + " requests wait", yellow}
		}
		t.row(c(p.Name), c(p.Algorithm), upOf(p.Healthy, p.Members, p.Panic),
			c(count(p.InFlight)), c(count(p.Requests)), c(count(p.Failures)), note)
	}
	t.draw(s, "no pools")
}

func showPool(s *screen, p *pool.Status) {
	s.linef("pool %s: %s, %d of %d up", p.Name, p.Algorithm, p.Healthy, p.Members)
	s.linef("%s in flight, %s requests, %s failures", count(p.InFlight), count(p.Requests), count(p.Failures))
	if p.Panic {
		s.linef("panic: too few backends are healthy, so health is ignored")
	}
	if len(p.Backends) > 0 && p.Backends[0].TLS != "" {
		s.linef("spoken to by TLS, certificates %s", p.Backends[0].TLS)
	}
	if p.Discovery != nil {
		showDiscovery(s, p.Discovery)
	}
	if l := p.Concurrency; l != nil {
		showLimits(s, l)
	}
	s.blank()
	showBackends(s, []pool.Status{*p}, false)
	for i := range p.Backends {
		b := &p.Backends[i]
		if len(b.Probes) == 0 {
			continue
		}
		s.blank()
		s.linef("last probes of %s", b.Address)
		t := table{columns: []column{
			{title: "AGO", right: true}, {title: "TOOK", right: true}, {title: "RESULT"}, {title: "REASON", prose: true, min: 10},
		}}
		for _, probe := range b.Probes[:min(len(b.Probes), probesShown)] {
			result := cell{"ok", green}
			switch {
			case probe.Live:
				result = cell{"traffic", red}
			case !probe.OK:
				result = cell{"failed", red}
			}
			t.row(c(s.age(probe.At)), c(strconv.FormatFloat(probe.DurationMS, 'f', 1, 64)+"ms"), result, c(probe.Reason))
		}
		t.draw(s, "")
	}
}

// showDiscovery says what was looked up, and what became of the last lookup.
func showDiscovery(s *screen, d *pool.DiscoveryStatus) {
	from := ""
	if d.Resolver != "" {
		from = " at " + d.Resolver
	}
	if d.Resolved == nil {
		s.linef("discovery: %s %s%s: nothing found yet", d.Type, d.Name, from)
	} else {
		s.linef("discovery: %s %s%s: %d found, last %s", d.Type, d.Name, from, d.Found, s.ago(*d.Resolved))
	}
	if d.Error == "" {
		return
	}
	what := "the last lookup failed"
	if d.Failures > 1 {
		what = "the last " + count(d.Failures) + " lookups failed"
	}
	if d.Resolved != nil {
		what += ", what was found stays"
	}
	s.linef("%s: %s", what, d.Error)
}

// showLimits says what limits a pool, and whom it refused.
func showLimits(s *screen, l *pool.LimiterStatus) {
	limit := "no limit"
	switch {
	case l.Adaptive:
		limit = "adaptive limit " + count(l.Limit)
	case l.Limit > 0:
		limit = "limit " + count(l.Limit)
	}
	queue := ""
	if l.MaxQueue > 0 {
		queue = fmt.Sprintf(", %s of %s waiting", count(l.Waiting), count(l.MaxQueue))
	}
	s.linef("%s in progress, %s%s", count(l.InProgress), limit, queue)
	var causes []string
	for _, cause := range slices.Sorted(maps.Keys(l.Shed)) {
		if n := l.Shed[cause]; n > 0 {
			causes = append(causes, count(n)+" "+cause)
		}
	}
	if len(causes) > 0 {
		s.linef("refused: %s", strings.Join(causes, ", "))
	}
}

// showBackends lists the backends of pools; withPool adds the pool's name.
func showBackends(s *screen, pools []pool.Status, withPool bool) {
	columns := []column{
		{title: titleBackend, min: 15},
		{title: "STATUS"},
		{title: "BREAKER", drop: 2, silent: "closed"},
		{title: "WEIGHT", right: true, drop: 6, silent: "1"},
		{title: titleInFlight, right: true, drop: 3, silent: "0"},
		{title: titleRequests, right: true, drop: 1},
		{title: "FAILED", right: true, drop: 4, silent: "0"},
		{title: "SINCE", right: true, drop: 5},
		{title: "REASON", prose: true, min: 16},
	}
	if withPool {
		columns = append([]column{{title: titlePool, min: 6}}, columns...)
	}
	t := table{columns: columns}
	for _, p := range pools {
		for j := range p.Backends {
			b := &p.Backends[j]
			cells := []cell{
				c(b.Address), statusOf(b), breakerOf(b), c(weightOf(b)), c(count(b.InFlight)),
				c(count(b.Requests)), c(count(b.Failures)), c(s.age(b.Since)), c(b.Reason),
			}
			if withPool {
				cells = append([]cell{c(p.Name)}, cells...)
			}
			t.row(cells...)
		}
	}
	t.draw(s, "no backends")
}

// statusOf is the operator's wish where there is one, else the verdict; PANIC
// takes requests although it is unhealthy, as too few others are left.
func statusOf(b *pool.BackendStatus) cell {
	switch {
	case b.State == api.BackendDrain:
		return cell{"DRAIN", yellow}
	case b.State == api.BackendDisabled:
		return cell{"DISABLED", yellow}
	case b.Up && b.Health == "unhealthy":
		return cell{"PANIC", red}
	case b.Up:
		return cell{"UP", green}
	default:
		return cell{"DOWN", red}
	}
}

func breakerOf(b *pool.BackendStatus) cell {
	st := plain
	switch b.Breaker {
	case "open":
		st = red
	case "half-open":
		st = yellow
	}
	return cell{b.Breaker, st}
}

// weightOf marks the members that serve only when no other one can; a number
// above 1 says that they come after other backups.
func weightOf(b *pool.BackendStatus) string {
	switch {
	case b.Rank > 1:
		return fmt.Sprintf("%d backup %d", b.Weight, b.Rank)
	case b.Backup:
		return fmt.Sprintf("%d backup", b.Weight)
	}
	return strconv.Itoa(b.Weight)
}
