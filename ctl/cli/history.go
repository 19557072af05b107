package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

func (a *app) configHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history [GENERATION]", Short: "Lists what came: when, by whom, and what became of it; or shows one generation with its differences",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: a.callNumber(func(ctx context.Context, cl *client.Client, generation uint64) error {
			if generation != 0 {
				g, err := cl.Generation(ctx, generation)
				if err != nil {
					return err
				}
				return a.print(g, func(s *screen) { showGeneration(s, &g) })
			}
			list, err := cl.History(ctx)
			if err != nil {
				return err
			}
			return a.print(list, func(s *screen) { showHistory(s, list) })
		}),
	}
}

func (a *app) configWhy() *cobra.Command {
	return &cobra.Command{
		Use: "why PATH", Short: "Says where the value of a key comes from, for instance pools.api.algorithm",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.call(func(ctx context.Context, cl *client.Client, args []string) error {
			w, err := cl.Why(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(w, func(s *screen) {
				s.wholef("%s: %s", w.Path, w.Value)
				s.wholef("from        %s", w.Origin)
				s.linef("generation  %d, by %s (%s)", w.Generation, w.Author, w.Trigger)
				if w.Since != 0 {
					s.linef("so since    generation %d", w.Since)
				}
			})
		}),
	}
}

func showHistory(s *screen, list []api.Generation) {
	t := table{columns: []column{
		{title: "GENERATION", right: true},
		{title: "AGO", right: true},
		{title: "OUTCOME"},
		{title: "TRIGGER", drop: 1},
		{title: "AUTHOR", min: 6},
		{title: "CHANGES", right: true, drop: 2},
		{title: "MESSAGE", prose: true, min: 10},
	}}
	for i := range list {
		g := &list[i]
		number := "-"
		if g.Generation != 0 {
			number = strconv.FormatUint(g.Generation, 10)
		}
		message := g.Message
		if g.Reason != "" {
			message = strings.TrimPrefix(message+": "+g.Reason, ": ")
		}
		t.row(c(number), c(s.age(g.At)), outcomeOf(g), c(g.Trigger), c(g.Author), c(count(len(g.Changes)+g.ChangesBeyond)), c(message))
	}
	t.draw(s, "no history")
}

func outcomeOf(g *api.Generation) cell {
	switch g.Outcome {
	case api.OutcomeApplied:
		return cell{g.Outcome, green}
	case api.OutcomeRefused, api.OutcomeRolledBack:
		return cell{g.Outcome, red}
	}
	return c(g.Outcome)
}

func showGeneration(s *screen, g *api.Generation) {
	s.linef("generation %d, %s %s by %s (%s)", g.Generation, g.Outcome, s.ago(g.At), g.Author, g.Trigger)
	if g.Message != "" {
		s.wholef("message  %s", g.Message)
	}
	if g.Reason != "" {
		s.wholef("reason   %s", g.Reason)
	}
	if g.Restored != 0 {
		s.linef("the content of generation %d", g.Restored)
	}
	showChanges(s, g.Changes, g.ChangesBeyond)
}

// showChanges prints differences as diff does: - before, + after.
func showChanges(s *screen, changes []api.Change, beyond int) {
	for i := range changes {
		ch := &changes[i]
		s.wholef("%s %s", ch.Action, ch.Path)
		if ch.Old != "" {
			s.paintf(red, "  - %s", ch.Old)
		}
		if ch.New != "" {
			s.paintf(green, "  + %s", ch.New)
		}
	}
	if beyond > 0 {
		s.linef("and %s more", count(beyond))
	}
	if len(changes) == 0 {
		s.linef("no differences")
	}
}

// showNotes prints what is to be known beside the differences.
func showNotes(s *screen, restart []api.ConfigProblem, overridden []api.Override, warnings []api.ConfigProblem) {
	for i := range restart {
		s.wholef("not in effect before a restart: %s", restart[i].Text)
	}
	for _, o := range overridden {
		from := "env " + o.Env
		if o.Flag != "" {
			from = "--set " + o.Flag
		}
		s.wholef("decided by %s: %s", from, o.Path)
	}
	for i := range warnings {
		s.wholef("%s", warnings[i].Text)
	}
}

func showPlan(s *screen, p *api.Plan) {
	showChanges(s, p.Changes, p.ChangesBeyond)
	for _, section := range []struct {
		name string
		t    *api.Touched
	}{{"listeners", &p.Listeners}, {"routes", &p.Routes}, {"pools", &p.Pools}, {"middleware", &p.Middleware}} {
		for _, kind := range []struct {
			word  string
			names []string
		}{{"added", section.t.Added}, {"changed", section.t.Changed}, {"removed", section.t.Removed}} {
			if len(kind.names) > 0 {
				s.wholef("%s %s: %s", section.name, kind.word, strings.Join(kind.names, ", "))
			}
		}
	}
	showNotes(s, p.RestartNeeded, p.Overridden, p.Warnings)
	if p.Effects != nil {
		showEffects(s, p.Effects)
	}
	if p.Replay != nil {
		showReplay(s, p.Replay)
	}
}

func showApplied(s *screen, r *api.Applied) {
	if r.Unchanged {
		s.linef("unchanged: generation %d", r.Generation)
	} else {
		s.linef("applied: generation %d, %s changes", r.Generation, count(len(r.Changes)+r.ChangesBeyond))
	}
	if r.ConfirmBefore != nil {
		s.wholef("rolled back to generation %d in %s, unless: isame-ctl config confirm %d", r.Previous, s.left(*r.ConfirmBefore), r.Generation)
	}
	showNotes(s, r.RestartNeeded, r.Overridden, r.Warnings)
}
