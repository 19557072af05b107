package report

import (
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/isame-lb/isame-lb/bench/hist"
	"github.com/isame-lb/isame-lb/bench/load"
)

// Page writes one HTML page about a run: figures and charts in one file that
// loads nothing from anywhere. Statuses for which accept is false are marked.
func Page(w io.Writer, r *load.Result, accept func(int) bool) error {
	p := page{Title: r.URL, Result: r, Unexpected: r.Unexpected(accept), Charts: []template.HTML{
		render(throughput(r)), render(latencyOverTime(r)), render(percentiles(r.Histogram)),
	}}
	return p.write(w)
}

// StepsPage writes one HTML page about the steps of a ramp, or, where found is not
// nil, of a knee search.
func StepsPage(w io.Writer, title string, steps []load.Step, found *load.Found) error {
	p := page{Title: title, Steps: sortedByRate(steps), Found: found}
	if len(steps) > 0 {
		c := latencyByRate(steps)
		if found != nil {
			c.goal = &mark{found.P99Target, "target of p99: " + Micros(found.P99Target)}
			if found.Rate > 0 {
				c.mark = &mark{found.Rate, "knee: " + Number(found.Rate) + "/s"}
			}
		}
		p.Charts = []template.HTML{render(c)}
	}
	return p.write(w)
}

type page struct {
	Title      string
	Result     *load.Result
	Unexpected uint64
	Steps      []load.Step
	Found      *load.Found // of a knee search
	Charts     []template.HTML
}

func (p page) write(w io.Writer) error {
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func render(c *chart) template.HTML {
	return template.HTML(c.svg()) //nolint:gosec // the chart escapes its texts
}

func seconds(v float64) string { return fmt.Sprintf("%.1fs", v) }

func throughput(r *load.Result) *chart {
	answers, errors := line{name: "answers", class: "a"}, line{name: "errors", class: "c"}
	interval := 0.0
	for _, p := range r.Series {
		interval = max(interval, p.Seconds)
		answers.points = append(answers.points, point{p.Seconds, p.Rate})
	}
	if n := len(r.Series); n > 0 {
		interval /= float64(n)
	}
	for _, p := range r.Series {
		errors.points = append(errors.points, point{p.Seconds, float64(p.Errors) / max(interval, 1e-9)})
	}
	lines := []line{answers}
	if r.Errors > 0 {
		lines = append(lines, errors)
	}
	return &chart{title: "Requests a second", xTitle: "time", lines: lines, format: Number, xLabel: seconds}
}

func latencyOverTime(r *load.Result) *chart {
	lines := []line{{name: "p50", class: "a"}, {name: "p99", class: "b"}, {name: "max", class: "c"}}
	for _, p := range r.Series {
		if p.Rate == 0 {
			continue
		}
		for i, v := range []float64{p.P50, p.P99, p.Max} {
			lines[i].points = append(lines[i].points, point{p.Seconds, v})
		}
	}
	return &chart{title: "Latency over time", xTitle: "time", lines: lines, format: Micros, xLabel: seconds, logY: true}
}

// percentiles plots the distribution over the number of nines.
func percentiles(h *hist.H) *chart {
	l := line{name: "latency", class: "a"}
	for x := 0.0; x <= 5; x += 0.1 {
		q := 1 - math.Pow(10, -x)
		if h.Count() == 0 || float64(h.Count())*(1-q) < 1 {
			break
		}
		l.points = append(l.points, point{x, float64(h.Quantile(q)) / 1e3})
	}
	return &chart{
		title: "Latency by percentile", xTitle: "percentile", lines: []line{l}, format: Micros, logY: true,
		xTicks: []float64{0, 0.30103, 1, 2, 3, 4, 5},
		xLabel: func(x float64) string { return fmt.Sprintf("%.6g%%", 100*(1-math.Pow(10, -x))) },
	}
}

func latencyByRate(steps []load.Step) *chart {
	lines := []line{{name: "p50", class: "a"}, {name: "p99", class: "b"}, {name: "p99.9", class: "c"}}
	sorted := sortedByRate(steps)
	for _, s := range sorted {
		l := s.Result.Latency
		for i, v := range []float64{l.P50, l.P99, l.P999} {
			lines[i].points = append(lines[i].points, point{s.Result.RateAsked, v})
		}
	}
	return &chart{title: "Latency by rate", xTitle: "requests a second", lines: lines, format: Micros, xLabel: Number, logY: true}
}

//nolint:gochecknoglobals // parsed once
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"micros": Micros, "number": Number}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>isame-bench: {{.Title}}</title>
<style>
:root{color-scheme:light dark;--a:#2563eb;--b:#d97706;--c:#dc2626;--g:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em}
h1{font-size:1.3em;overflow-wrap:anywhere}table{border-collapse:collapse;margin:1em 0}
td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid var(--g)}th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto;margin:1em 0}svg text{fill:currentColor;font-size:12px}svg .title{font-weight:600;font-size:14px}
svg .grid{stroke:var(--g)}polyline{fill:none;stroke-width:1.5}
polyline.a{stroke:var(--a)}polyline.b{stroke:var(--b)}polyline.c{stroke:var(--c)}
svg circle.a,svg text.a{fill:var(--a)}svg circle.b,svg text.b{fill:var(--b)}svg circle.c,svg text.c{fill:var(--c)}
svg .mark{stroke:currentColor;stroke-dasharray:5 4}tr.knee td{font-weight:600;border-bottom:2px solid}
.warn{color:var(--c);font-weight:600}
</style>
<h1>{{.Title}}</h1>
{{with .Result}}
<p>{{.Mode}} loop{{if .RateAsked}}, {{number .RateAsked}} requests/s asked for{{end}}, {{.Connections}} connections, {{.Threads}} threads,
{{printf "%.1f" .Seconds}} s, {{.Began.Format "2006-01-02 15:04:05 MST"}}</p>
{{if eq .Generator.Limit "generator"}}<p class="warn">{{.Generator.Note}}</p>{{else}}<p>{{.Generator.Note}}</p>{{end}}
<table><tr><th>requests/s<th>p50<th>p90<th>p99<th>p99.9<th>p99.99<th>max<th>mean
<tr><td>{{number .Rate}}<td>{{micros .Latency.P50}}<td>{{micros .Latency.P90}}<td>{{micros .Latency.P99}}<td>{{micros .Latency.P999}}
<td>{{micros .Latency.P9999}}<td>{{micros .Latency.Max}}<td>{{micros .Latency.Mean}}</table>
<table><tr><th>answers<th>{{.Requests}}{{range $code, $n := .Answers}}<tr><td>{{$code}}<td>{{$n}}{{end}}
<tr><td>errors<td>{{.Errors}}{{range $cause, $n := .Causes}}<tr><td>{{$cause}}<td>{{$n}}{{end}}
<tr><td>unsent<td>{{.Unsent}}<tr><td>connections opened<td>{{.Opened}}</table>
{{end}}
{{if .Unexpected}}<p class="warn">{{.Unexpected}} answers had an unexpected status.</p>{{end}}
{{with .Found}}{{if .Rate}}<p><b>Knee: {{number .Rate}} requests a second.</b> Of the rates that were tried, this is the highest at
which 99 % of the answers came within {{micros .P99Target}}. Above it requests wait for those before them, so that
latency grows with the queue and no longer with the work: plan to stay below.
{{if eq .Limit "generator"}}<span class="warn">The generator was the limit: the target may do more.</span>{{end}}</p>
{{else}}<p class="warn">No knee: at no rate that was tried did 99 % of the answers come within {{micros .P99Target}}.</p>{{end}}{{end}}
{{$knee := 0.0}}{{with .Found}}{{$knee = .Rate}}{{end}}
{{if .Steps}}<table><tr><th>rate asked<th>reached<th>p50<th>p99<th>p99.9<th>errors<th>held
{{range .Steps}}<tr{{if and $knee (eq .Result.RateAsked $knee)}} class="knee"{{end}}><td>{{number .Result.RateAsked}}
<td>{{number .Result.Rate}}<td>{{micros .Result.Latency.P50}}
<td>{{micros .Result.Latency.P99}}<td>{{micros .Result.Latency.P999}}<td>{{.Result.Errors}}
<td>{{if .Held}}yes{{else}}no: {{.Why}}{{end}}{{end}}</table>{{end}}
{{range .Charts}}{{.}}{{end}}
</html>
`))
