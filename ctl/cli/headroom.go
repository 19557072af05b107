package cli

import (
	"context"
	"strconv"

	"github.com/isame-lb/isame-lb/ctl/api"
	"github.com/isame-lb/isame-lb/ctl/client"
	"github.com/spf13/cobra"
)

const headroomLong = `Says how much more load this instance takes before its tail breaks, and which limit comes first: processors, an event
loop, memory, descriptors, connections of a listener, requests in progress in a pool or at its backends. It is an
estimate from what the process counts anyway, of the last minute, with how far it may be off: 2.3 x (2.0-2.6) is that
the load may grow to 2.3 times what it is, to 2.0 times at least and 2.6 at most. With too little load nothing is told.

The tail breaks where p99 passes headroom.target_p99 of the configuration or, without it, five times what it is now.

LEAST and MOST bound TIMES; "at least" stands where there is too little load to tell.`

func (a *app) headroomCommand() *cobra.Command {
	return &cobra.Command{
		Use: "headroom", Short: "Says how much more load this instance takes, and which limit comes first", Long: headroomLong,
		Example: "  isame-ctl headroom\n  isame-ctl headroom -o json\n  isame-ctl headroom --all",
		Args:    arguments(cobra.NoArgs), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.call(func(ctx context.Context, cl *client.Client, _ []string) error {
			h, err := cl.Headroom(ctx)
			if err != nil {
				return err
			}
			return a.print(h, func(s *screen) { showHeadroom(s, &h) })
		}),
	}
}

func showHeadroom(s *screen, h *api.Headroom) {
	s.paragraph("", h.Summary)
	s.blank()
	s.paragraph("Rests on", plural(int(h.Requests), "request")+" in "+strconv.FormatFloat(h.Seconds, 'f', 0, 64)+" s")
	if h.P99MS != nil && h.TargetMS != nil {
		s.paragraph("Tail", "99 % within "+inMS(*h.P99MS)+"; target "+inMS(*h.TargetMS)+targetFrom(h))
	}
	s.paragraph("Processors", processorText(&h.Processors))
	s.blank()
	t := table{columns: []column{
		{title: "TIMES", right: true},
		{title: "LEAST", right: true, drop: 2},
		{title: "MOST", right: true, drop: 2},
		{title: "LIMIT", min: 12},
		{title: "NAME", min: 6, drop: 3},
		{title: "USED", right: true, drop: 1},
	}}
	for i := range h.Limits {
		l := &h.Limits[i]
		times := timesCell(l.Times)
		if !l.Concluded {
			times = c("at least")
		}
		t.row(times, timesCell(l.Low), timesCell(l.High), c(l.Limit), c(nameOrDash(l.Name)), c(inPercent(l.Use/max(l.Most, 1e-9))))
	}
	t.draw(s, "no limits")
}

// targetFrom says whose the target is.
func targetFrom(h *api.Headroom) string {
	switch {
	case h.TargetBeyond:
		return ", as backends alone take longer than headroom.target_p99"
	case h.TargetConfigured:
		return " (headroom.target_p99)"
	}
	return " (5 x; set headroom.target_p99)"
}

func processorText(p *api.HeadroomProcessors) string {
	return inNumber(p.Used) + " of " + inNumber(p.Available) + " used, " + inNumber(p.OthersUsed) + " by others; " +
		inNumber(p.RequestUS) + " us a request; " + inPercent(p.GarbageShare) + " collects garbage; goroutines wait for one for " +
		inMS(p.DelayMS) + " (p99)"
}

// inNumber has as many digits as say something.
func inNumber(x float64) string {
	if x >= 9.95 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// timesCell is red where little is left, and yellow where not much is.
func timesCell(x *float64) cell {
	switch {
	case x == nil:
		return c("-")
	case *x >= 100:
		return c(">100")
	}
	st := plain
	switch {
	case *x < 1.1:
		st = red
	case *x < 1.5:
		st = yellow
	}
	return cell{strconv.FormatFloat(*x, 'f', 2, 64), st}
}
