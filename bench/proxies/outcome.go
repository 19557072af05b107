package proxies

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isame-lb/isame-lb/bench/compare"
	"github.com/isame-lb/isame-lb/bench/report"
)

// Outcome is a table of figures, and where they come from.
type Outcome struct {
	Columns  []string // names of the proxies
	Versions []string // theirs
	Machine  string
	Commit   string
	Date     time.Time
	Rounds   int
	Duration time.Duration
	TLS      string // how it was spoken; empty: no scenario asked for it
	Rows     []Row
	Notes    []string
}

// Row is one figure of one scenario.
type Row struct {
	Scenario string
	Figure   string
	Values   []float64 // medians, one for each column; NaN: it has not taken part
	// Ratios are the first column over each of the others.
	Ratios []compare.Ratio
	Digits int
	Failed []uint64 // requests, for each column
}

func (h *harness) describe(ctx context.Context) *Outcome {
	o := &Outcome{Machine: machine(), Commit: commit(ctx), Date: time.Now(), Rounds: h.Rounds, Duration: h.Duration}
	for _, c := range h.contenders {
		o.Columns = append(o.Columns, c.name)
		o.Versions = append(o.Versions, c.describe(ctx))
	}
	return o
}

// loadRows are the figures of a scenario with load: CPU time, the rate where nothing else
// bounds it, latency where the rate is given; latency and throughput where two loads are mixed.
func (c *contest) loadRows() []Row {
	rows := []Row{c.row("CPU us a request", 1, func(e *entrant) []float64 { return e.cpu })}
	latency := []Row{
		c.row("p50 us", 0, func(e *entrant) []float64 { return e.p50 }),
		c.row("p99 us", 0, func(e *entrant) []float64 { return e.p99 }),
	}
	switch {
	case c.beside > 0: // CPU time is that of both
		return append(latency, c.row("GB/s of downloads", 2, func(e *entrant) []float64 { return e.beside }))
	case c.rate == 0:
		rows = append(rows, c.row("requests/s", 0, func(e *entrant) []float64 { return e.rate }))
	default:
		rows = append(rows, latency...)
	}
	if c.stages != nil && c.header != nil {
		rows = append(rows, c.row("bytes of a content", 0, func(e *entrant) []float64 { return []float64{float64(e.bytes)} }))
	}
	for _, e := range c.running {
		if e.limited > 0 {
			c.notes = append(c.notes, fmt.Sprintf("%s, %s: the generator was the limit in %d of %d rounds", c.name, e.name, e.limited, c.Rounds))
		}
		if e.full > 0 {
			c.notes = append(c.notes, fmt.Sprintf("%s, %s: %d handshakes were full, not resumed", c.name, e.name, e.full))
		}
	}
	return rows
}

// row takes one figure of each entrant.
func (c *contest) row(figure string, digits int, of func(*entrant) []float64) Row {
	r := Row{Scenario: c.title, Figure: figure, Digits: digits}
	for i, p := range c.contenders {
		at := slices.IndexFunc(c.running, func(e *entrant) bool { return e.name == p.name })
		if at < 0 {
			r.Values, r.Failed = append(r.Values, math.NaN()), append(r.Failed, 0)
		} else {
			e := c.running[at]
			r.Values, r.Failed = append(r.Values, compare.Median(of(e))), append(r.Failed, e.errors)
		}
		switch {
		case i == 0:
		case at > 0 && c.running[0].name == c.contenders[0].name:
			r.Ratios = append(r.Ratios, compare.Compare(of(c.running[at]), of(c.running[0])))
		default:
			r.Ratios = append(r.Ratios, compare.Ratio{})
		}
	}
	return r
}

// Markdown writes the table.
func (o *Outcome) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s at commit %s: medians of %d rounds of %s, interleaved; in brackets 95 %% confidence.\n",
		o.Date.Format("2006-01-02 15:04"), o.Commit, o.Rounds, o.Duration)
	fmt.Fprintf(&b, "Machine: %s. Proxy alone on one core, load and origin on another.\n", o.Machine)
	b.WriteString("Versions: " + strings.Join(o.Versions, "; ") + ".\n")
	if o.TLS != "" {
		b.WriteString(o.TLS + "\n")
	}
	b.WriteString("\n")
	b.WriteString("| scenario | figure |")
	for _, c := range o.Columns {
		b.WriteString(" " + c + " |")
	}
	for _, c := range o.Columns[1:] {
		b.WriteString(" " + o.Columns[0] + "/" + c + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---:|", 2*len(o.Columns)-1) + "\n")
	last := ""
	for _, r := range o.Rows {
		title := r.Scenario
		if title == last {
			title = ""
		}
		last = r.Scenario
		r.markdown(&b, title)
	}
	b.WriteString("\n")
	for _, n := range o.Notes {
		b.WriteString("- " + n + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Row) markdown(b *strings.Builder, title string) {
	fmt.Fprintf(b, "| %s | %s |", title, r.Figure)
	for i, v := range r.Values {
		text := fmt.Sprintf("%.*f", r.Digits, v)
		if r.Digits == 0 {
			text = report.Number(v)
		}
		if math.IsNaN(v) {
			text = "-"
		}
		if r.Failed[i] > 0 {
			text += fmt.Sprintf(" (%d failed)", r.Failed[i])
		}
		fmt.Fprintf(b, " %s |", text)
	}
	for _, x := range r.Ratios {
		switch {
		case x.Value == 0:
			b.WriteString(" - |")
		case x.High == 0:
			fmt.Fprintf(b, " %.2f |", x.Value)
		default:
			fmt.Fprintf(b, " %.2f (%.2f-%.2f) |", x.Value, x.Low, x.High)
		}
	}
	b.WriteString("\n")
}

// Markers between which WriteInto puts the table.
const (
	beginMarker = "<!-- compare:begin -->"
	endMarker   = "<!-- compare:end -->"
)

// WriteInto replaces what stands between the markers in a file.
func (o *Outcome) WriteInto(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("cannot read the file for the table: %w", err)
	}
	before, rest, found := strings.Cut(string(b), beginMarker)
	_, after, closed := strings.Cut(rest, endMarker)
	if !found || !closed {
		return fmt.Errorf("cannot write into %q: it has no %s and %s", name, beginMarker, endMarker)
	}
	var table strings.Builder
	if err := o.Markdown(&table); err != nil {
		return err
	}
	text := before + beginMarker + "\n" + table.String() + endMarker + after
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
		return fmt.Errorf("cannot write the table: %w", err)
	}
	return nil
}

// machine names processor, cores and kernel.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	kernel := "unknown"
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	return fmt.Sprintf("%s, %d cores, Linux %s", model, len(cores()), kernel)
}

// commit is the commit of the working folder, with + when it has changes.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	if err := exec.CommandContext(ctx, "git", "diff", "--quiet", "HEAD").Run(); err != nil {
		id += "+"
	}
	return id
}
