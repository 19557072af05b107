package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/isame-lb/isame-lb/bench/report"
)

// Table writes a comparison for people: medians of the rounds, and B over A.
func Table(w io.Writer, c *Comparison) error {
	var b strings.Builder
	fmt.Fprintf(&b, "A  %s  %s\nB  %s  %s\n", c.A.Name, c.A.URL, c.B.Name, c.B.URL)
	if c.Direct != nil {
		fmt.Fprintf(&b, "D  direct  %s\n", c.Direct.URL)
	}
	fmt.Fprintf(&b, "\n%-22s %12s %12s %12s   %s\n", "median of rounds", "A", "B", "direct", "B/A (95 % confidence)")
	d := Side{}
	if c.Direct != nil {
		d = *c.Direct
	}
	row(&b, "requests/s", report.Number, c.A.Rate, c.B.Rate, d.Rate, c.Rate)
	row(&b, "p50", report.Micros, c.A.P50, c.B.P50, d.P50, c.P50)
	row(&b, "p99", report.Micros, c.A.P99, c.B.P99, d.P99, c.P99)
	if c.CPU != nil {
		row(&b, "CPU us a request", oneDigit, c.A.CPU, c.B.CPU, nil, *c.CPU)
	}
	if c.Direct != nil {
		added(&b, "p50 added by the proxy", c.A.P50, c.B.P50, d.P50)
		added(&b, "p99 added by the proxy", c.A.P99, c.B.P99, d.P99)
	}
	for _, s := range []Side{c.A, c.B, d} {
		if s.Errors > 0 {
			fmt.Fprintf(&b, "%s: %d requests failed\n", s.Name, s.Errors)
		}
		if s.Generator > 0 {
			fmt.Fprintf(&b, "%s: the generator was the limit in %d rounds\n", s.Name, s.Generator)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func oneDigit(v float64) string { return fmt.Sprintf("%.1f", v) }

func row(b *strings.Builder, name string, format func(float64) string, a, bb, direct []float64, r Ratio) {
	fmt.Fprintf(b, "%-22s %12s %12s %12s   %s\n", name, format(Median(a)), format(Median(bb)), orEmpty(direct, format), r)
}

func orEmpty(values []float64, format func(float64) string) string {
	if len(values) == 0 {
		return ""
	}
	return format(Median(values))
}

// String writes "1.02 (0.99 to 1.05)", and says so when 1 lies within.
func (r Ratio) String() string {
	switch {
	case r.Value == 0:
		return "-"
	case r.High == 0:
		return fmt.Sprintf("%.2f", r.Value)
	case r.Differs():
		return fmt.Sprintf("%.2f (%.2f to %.2f)", r.Value, r.Low, r.High)
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f, no difference shown)", r.Value, r.Low, r.High)
}

// added writes the medians of the paired differences to direct.
func added(b *strings.Builder, name string, a, bb, direct []float64) {
	fmt.Fprintf(b, "%-22s %12s %12s\n", name, difference(a, direct), difference(bb, direct))
}

func difference(values, from []float64) string {
	out := make([]float64, 0, len(values))
	for i := range min(len(values), len(from)) {
		out = append(out, values[i]-from[i])
	}
	return report.Micros(Median(out))
}
