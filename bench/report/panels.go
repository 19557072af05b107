package report

import (
	"fmt"
	"io"
	"strings"
)

// Panel is a chart of latencies of several things, beside each other.
type Panel struct {
	Title string
	// Series are the names of the figures, at most three.
	Series []string
	// Labels name the things, at most three lines each; Values hold for each of
	// them a figure of each series, in microseconds.
	Labels []string
	Values [][]float64
}

// panelStyle is for drawings that stand alone: colours that read on light and
// dark ground.
const panelStyle = `<style>
text{fill:#808080;font:12px system-ui,sans-serif}.title{font-weight:600;font-size:14px}.grid{stroke:#8884}
circle.a,text.a{fill:#3b82f6}circle.b,text.b{fill:#d97706}circle.c,text.c{fill:#dc2626}
</style>`

// Panels writes one SVG file with the panels below each other.
func Panels(w io.Writer, panels []Panel) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g">`+panelStyle, chartWidth, chartHeight*float64(len(panels)))
	for i := range panels {
		fmt.Fprintf(&b, "\n"+`<g transform="translate(0 %g)">`, chartHeight*float64(i))
		panels[i].chart().draw(&b)
		b.WriteString("</g>")
	}
	b.WriteString("\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// chart has a column for each thing and a mark for each figure.
func (p *Panel) chart() *chart {
	c := &chart{title: p.Title, dots: true, format: Micros, logY: true, xTicks: []float64{}}
	c.xLabel = func(x float64) string { return p.Labels[int(x)] }
	for i, name := range p.Series {
		l := line{name: name, class: string(rune('a' + i))}
		for x, figures := range p.Values {
			l.points = append(l.points, point{float64(x), figures[i]})
		}
		c.lines = append(c.lines, l)
	}
	for x := range p.Values {
		c.xTicks = append(c.xTicks, float64(x))
	}
	return c
}
