// Package report shows the outcome of a load run: as a table, a progress line,
// JSON, an HdrHistogram file or an HTML page with charts.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/bench/load"
)

// Table writes the outcome of a run for people. Statuses for which accept is
// false are marked.
func Table(w io.Writer, r *load.Result, accept func(status int) bool) error {
	var b strings.Builder
	loop := "closed loop"
	if r.Mode == "open" {
		loop = fmt.Sprintf("open loop, %s requests/s asked for", Number(r.RateAsked))
	}
	fmt.Fprintf(&b, "%s\n%s, %d connections, %d threads, %.1f s\n\n", r.URL, loop, r.Connections, r.Threads, r.Seconds)
	l := r.Latency
	fmt.Fprintf(&b, "  requests/s  %s    in %s/s    out %s/s\n", Number(r.Rate),
		Bytes(float64(r.BytesIn)/max(r.Seconds, 1e-9)), Bytes(float64(r.BytesOut)/max(r.Seconds, 1e-9)))
	fmt.Fprintf(&b, "  latency     mean %s   stddev %s   min %s   max %s\n", Micros(l.Mean), Micros(l.StdDev), Micros(l.Min), Micros(l.Max))
	fmt.Fprintf(&b, "              p50 %s   p75 %s   p90 %s   p95 %s\n", Micros(l.P50), Micros(l.P75), Micros(l.P90), Micros(l.P95))
	fmt.Fprintf(&b, "              p99 %s   p99.9 %s   p99.99 %s\n", Micros(l.P99), Micros(l.P999), Micros(l.P9999))
	fmt.Fprintf(&b, "  connects    %d   mean %s   p99 %s", r.Opened, Micros(r.Connect.Mean), Micros(r.Connect.P99))
	if r.Resumed > 0 {
		fmt.Fprintf(&b, "   %d resumed a TLS session", r.Resumed)
	}
	b.WriteString("\n")
	answers(&b, r, accept)
	fmt.Fprintf(&b, "  generator   %.1f us CPU a request   %s\n", r.Generator.CPUPerRequest, r.Generator.Note)
	if r.TargetCPU > 0 {
		fmt.Fprintf(&b, "  target      %.1f us CPU a request\n", r.TargetCPU)
	}
	if r.Generator.Limit == load.LimitGenerator {
		b.WriteString("  WARNING     the generator was the limit: these figures are about it, not about the target\n")
	}
	if r.Interrupted {
		b.WriteString("  interrupted before the end\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// answers lists the exact counts of answers by status and of errors by cause.
func answers(b *strings.Builder, r *load.Result, accept func(int) bool) {
	fmt.Fprintf(b, "  answers     %d", r.Requests)
	for _, code := range slices.Sorted(maps.Keys(r.Answers)) {
		status, mark := 0, ""
		if _, err := fmt.Sscan(code, &status); err == nil && !accept(status) {
			mark = " (!)"
		}
		fmt.Fprintf(b, "   %s: %d%s", code, r.Answers[code], mark)
	}
	fmt.Fprintf(b, "\n  errors      %d", r.Errors)
	for _, cause := range slices.Sorted(maps.Keys(r.Causes)) {
		fmt.Fprintf(b, "   %s: %d", cause, r.Causes[cause])
		if sample := r.Samples[cause]; sample != "" {
			fmt.Fprintf(b, " (%s)", sample)
		}
	}
	b.WriteString("\n")
	if r.Unsent > 0 {
		fmt.Fprintf(b, "  unsent      %d requests were due but never sent; their waiting time is in the latencies\n", r.Unsent)
	}
}

// JSON writes the outcome as one indented JSON object.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("cannot write JSON: %w", err)
	}
	return nil
}

// Line is one progress line, without its end.
func Line(p load.Progress) string {
	phase := ""
	if !p.Warm {
		phase = "  warm-up"
	}
	total := strconv.FormatInt(p.Count, 10)
	if p.Total > 0 {
		total = p.Total.Round(time.Second).String()
	}
	return fmt.Sprintf("%5.1fs of %s  %s answers  %s/s  p50 %s  p99 %s  %d errors%s", p.Elapsed.Seconds(), total,
		Number(float64(p.Requests)), Number(p.Rate), Micros(float64(p.P50)/1e3), Micros(float64(p.P99)/1e3), p.Errors, phase)
}

// Micros writes microseconds in the unit that fits them.
func Micros(us float64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%.0fus", us)
	case us < 10e3:
		return fmt.Sprintf("%.2fms", us/1e3)
	case us < 1e6:
		return fmt.Sprintf("%.1fms", us/1e3)
	}
	return fmt.Sprintf("%.2fs", us/1e6)
}

// Number writes a count or rate with a comma between thousands.
func Number(v float64) string {
	if v < 100 && v != float64(int64(v)) {
		return fmt.Sprintf("%.1f", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a number of bytes in binary units.
func Bytes(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if v < 1024 {
			return fmt.Sprintf("%.1f %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.1f GiB", v)
}
