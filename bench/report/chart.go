package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// chart is a line chart that renders itself as SVG.
type chart struct {
	title  string
	xTitle string
	lines  []line
	format func(y float64) string
	xLabel func(x float64) string
	xTicks []float64 // nil: five, evenly spaced
	logY   bool
	dots   bool  // columns of marks: x counts them, nothing joins them
	mark   *mark // an x that matters
	goal   *mark // a y that matters
}

// mark is a dashed line across the plot, with its name.
type mark struct {
	at   float64
	name string
}

type line struct {
	name   string
	class  string // a, b or c: coloured by the page's style
	points []point
}

type point struct{ x, y float64 }

// The drawing, in pixels of the SVG's own coordinates.
const (
	chartWidth, chartHeight         = 860.0, 260.0
	marginLeft, marginRight         = 80.0, 16.0
	marginTop, marginBottom         = 34.0, 42.0
	plotWidth                       = chartWidth - marginLeft - marginRight
	plotHeight                      = chartHeight - marginTop - marginBottom
	tickCount                       = 5
	logYMin                 float64 = 1
)

// scale maps values to pixels.
type scale struct {
	xLow, xHigh, yLow, yHigh float64
	logY                     bool
}

func (c *chart) scale() scale {
	s := scale{xLow: math.Inf(1), xHigh: math.Inf(-1), yLow: math.Inf(1), yHigh: math.Inf(-1), logY: c.logY}
	for _, l := range c.lines {
		for _, p := range l.points {
			s.xLow, s.xHigh = min(s.xLow, p.x), max(s.xHigh, p.x)
			s.yLow, s.yHigh = min(s.yLow, p.y), max(s.yHigh, p.y)
		}
	}
	if math.IsInf(s.xLow, 1) {
		return scale{xHigh: 1, yLow: logYMin, yHigh: 10, logY: c.logY}
	}
	if c.dots {
		s.xLow, s.xHigh = s.xLow-0.5, s.xHigh+0.5
	}
	if s.xHigh == s.xLow {
		s.xHigh = s.xLow + 1
	}
	if c.logY {
		s.yLow = math.Pow(10, math.Floor(math.Log10(max(s.yLow, logYMin))))
		s.yHigh = math.Pow(10, math.Ceil(math.Log10(max(s.yHigh, s.yLow*10))))
	} else {
		s.yLow, s.yHigh = 0, niceAbove(s.yHigh)
	}
	return s
}

// niceAbove is the next number of 1, 2 or 5 times a power of ten.
func niceAbove(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if v <= f*unit {
			return f * unit
		}
	}
	return 10 * unit
}

func (s scale) x(v float64) float64 {
	return marginLeft + (v-s.xLow)/(s.xHigh-s.xLow)*plotWidth
}

func (s scale) y(v float64) float64 {
	share := (v - s.yLow) / (s.yHigh - s.yLow)
	if s.logY {
		share = (math.Log10(max(v, s.yLow)) - math.Log10(s.yLow)) / (math.Log10(s.yHigh) - math.Log10(s.yLow))
	}
	return marginTop + (1-share)*plotHeight
}

// yTicks are powers of ten, or five even steps.
func (s scale) yTicks() []float64 {
	var out []float64
	if s.logY {
		for v := s.yLow; v <= s.yHigh*1.001; v *= 10 {
			out = append(out, v)
		}
		return out
	}
	for i := range tickCount + 1 {
		out = append(out, s.yHigh*float64(i)/tickCount)
	}
	return out
}

// svg renders the chart as a drawing of its own.
func (c *chart) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWidth, chartHeight, html.EscapeString(c.title))
	c.draw(&b)
	b.WriteString(`</svg>`)
	return b.String()
}

// draw renders what is in the drawing.
func (c *chart) draw(b *strings.Builder) {
	s := c.scale()
	fmt.Fprintf(b, `<text class="title" x="%g" y="18">%s</text>`, marginLeft, html.EscapeString(c.title))
	for _, v := range s.yTicks() {
		y := s.y(v)
		fmt.Fprintf(b, `<line class="grid" x1="%g" y1="%.1f" x2="%g" y2="%.1f"/>`, marginLeft, y, chartWidth-marginRight, y)
		fmt.Fprintf(b, `<text class="tick" text-anchor="end" x="%g" y="%.1f">%s</text>`, marginLeft-6, y+4, html.EscapeString(c.format(v)))
	}
	ticks := c.xTicks
	if ticks == nil {
		for i := range tickCount + 1 {
			ticks = append(ticks, s.xLow+(s.xHigh-s.xLow)*float64(i)/tickCount)
		}
	}
	for _, v := range ticks {
		if v >= s.xLow && v <= s.xHigh {
			drawLabel(b, s.x(v), c.xLabel(v))
		}
	}
	fmt.Fprintf(b, `<text class="tick" text-anchor="middle" x="%g" y="%g">%s</text>`,
		marginLeft+plotWidth/2, chartHeight-6, html.EscapeString(c.xTitle))
	c.drawMarks(b, s)
	c.drawLines(b, s)
}

// drawMarks draws the two lines that matter, where they are in the plot.
func (c *chart) drawMarks(b *strings.Builder, s scale) {
	if m := c.mark; m != nil && m.at >= s.xLow && m.at <= s.xHigh {
		x, anchor, gap := s.x(m.at), "start", 5.0
		if x > marginLeft+plotWidth/2 {
			anchor, gap = "end", -5
		}
		fmt.Fprintf(b, `<line class="mark" x1="%.1f" y1="%g" x2="%.1f" y2="%g"/>`, x, marginTop, x, marginTop+plotHeight)
		fmt.Fprintf(b, `<text class="title" text-anchor="%s" x="%.1f" y="%g">%s</text>`, anchor, x+gap, marginTop+14, html.EscapeString(m.name))
	}
	if m := c.goal; m != nil && m.at >= s.yLow && m.at <= s.yHigh {
		y := s.y(m.at)
		fmt.Fprintf(b, `<line class="mark" x1="%g" y1="%.1f" x2="%g" y2="%.1f"/>`, marginLeft, y, chartWidth-marginRight, y)
		fmt.Fprintf(b, `<text class="tick" x="%g" y="%.1f">%s</text>`, marginLeft+5, y-4, html.EscapeString(m.name))
	}
}

// drawLabel writes the lines of a label below the plot.
func drawLabel(b *strings.Builder, x float64, label string) {
	y := chartHeight - marginBottom + 16
	for text := range strings.Lines(label) {
		fmt.Fprintf(b, `<text class="tick" text-anchor="middle" x="%.1f" y="%g">%s</text>`, x, y, html.EscapeString(strings.TrimSpace(text)))
		y += 12
	}
}

func (c *chart) drawLines(b *strings.Builder, s scale) {
	legend := chartWidth - marginRight
	for _, l := range slices.Backward(c.lines) {
		fmt.Fprintf(b, `<text class="key %s" text-anchor="end" x="%.1f" y="18">%s</text>`, l.class, legend, html.EscapeString(l.name))
		legend -= float64(len(l.name))*8 + 20
		radius := 4
		if !c.dots {
			radius = 2
			b.WriteString(`<polyline class="` + l.class + `" points="`)
			for _, p := range l.points {
				fmt.Fprintf(b, "%.1f,%.1f ", s.x(p.x), s.y(p.y))
			}
			b.WriteString(`"/>`)
		}
		for _, p := range l.points {
			fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%d"><title>%s %s: %s</title></circle>`, l.class, s.x(p.x), s.y(p.y), radius,
				html.EscapeString(l.name), html.EscapeString(c.xLabel(p.x)), html.EscapeString(c.format(p.y)))
		}
	}
}
