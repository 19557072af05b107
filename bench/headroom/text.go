package headroom

import (
	"fmt"
	"io"
)

// Head writes the head of a table in Markdown.
func Head(w io.Writer) error {
	_, err := io.WriteString(w, "| case | at, of the knee | first limit | estimate | range | knee | estimate / knee | within 20 % |\n"+
		"|---|---:|---|---:|---|---:|---:|---|\n")
	if err != nil {
		return fmt.Errorf("cannot write the table: %w", err)
	}
	return nil
}

// Write writes a row of it.
func (r *Row) Write(w io.Writer) error {
	met := "yes"
	switch {
	case r.Limited:
		met = "load was the limit"
	case !r.Met:
		met = "NO"
	}
	first := r.First
	if first == "" {
		first = "cannot tell"
	}
	ratio := "-"
	if r.Truth > 0 {
		ratio = fmt.Sprintf("%.2f", r.Estimate/r.Truth)
	}
	_, err := fmt.Fprintf(w, "| %s | %.0f %% | %s | %.0f | %.0f - %.0f | %.0f | %s | %s |\n",
		r.Case, 100*r.Share, first, r.Estimate, r.Low, r.High, r.Truth, ratio, met)
	if err != nil {
		return fmt.Errorf("cannot write the table: %w", err)
	}
	return nil
}
