package sim

import (
	"fmt"
	"io"
	"strings"

	"github.com/isame-lb/isame-lb/bench/report"
)

// Head writes what the plan is, in one line.
func (p *Plan) Head(w io.Writer) error {
	proxies := "proxies"
	if p.Proxies == 1 {
		proxies = "proxy"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s backends of %d workers, %s a request, %.0f %% utilised, %d %s, %s requests, seed %d\n",
		report.Number(float64(p.Backends)), p.Workers, p.Service, p.Utilisation*100, p.Proxies, proxies,
		report.Number(float64(p.Requests)), p.Seed)
	_, err := io.WriteString(w, b.String())
	return err
}

// Table writes the outcome for people.
func (o *Outcome) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %s\n", o.Scenario, o.Title)
	fmt.Fprintf(&b, "  %-21s %8s %6s %6s %9s %9s %9s %9s %8s", "", "load max", "cv", "peak", "mean", "p50", "p99", "p99.9", "lost")
	if o.odd {
		fmt.Fprintf(&b, " %8s", "to it")
	}
	b.WriteString("\n")
	for _, r := range o.Rows {
		fmt.Fprintf(&b, "  %-21s %8.2f %6.3f %6d %9s %9s %9s %9s %8s", r.Algorithm, r.LoadMax, r.LoadCV, r.Peak,
			report.Micros(r.Mean), report.Micros(r.P50), report.Micros(r.P99), report.Micros(r.P999), percent(r.lostShare()))
		if o.odd {
			fmt.Fprintf(&b, " %8s", percent(r.Odd))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Chart writes one SVG drawing of all outcomes: median and tail of each
// algorithm, and what it lost.
func Chart(w io.Writer, outcomes []*Outcome) error {
	panels := make([]report.Panel, 0, len(outcomes))
	for _, o := range outcomes {
		p := report.Panel{Title: o.Scenario + ": " + o.Title, Series: []string{"p50", "p99", "p99.9"}}
		for _, r := range o.Rows {
			label := r.Algorithm
			if len(label) > labelMax {
				label = strings.Replace(label, "_", "_\n", 1)
			}
			if r.Lost > 0 {
				label += "\nlost " + percent(r.lostShare())
			}
			p.Labels = append(p.Labels, label)
			p.Values = append(p.Values, []float64{r.P50, r.P99, r.P999})
		}
		panels = append(panels, p)
	}
	return report.Panels(w, panels)
}

// labelMax is the longest name that fits below a column of the chart.
const labelMax = 12

func (r *Row) lostShare() float64 { return float64(r.Lost) / float64(max(r.Requests, 1)) }

// percent writes a share; nothing at all is told from very little.
func percent(share float64) string {
	switch {
	case share == 0:
		return "0"
	case share < 0.0001:
		return "<0.01%"
	}
	return fmt.Sprintf("%.2f%%", share*100)
}
