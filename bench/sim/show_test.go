package sim

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/isame-lb/isame-lb/algo"
)

// TestEveryAlgorithmIsShown fails when package algo has one that is not
// simulated, or that the documentation has not got yet.
func TestEveryAlgorithmIsShown(t *testing.T) {
	p := small()
	p.Requests, p.Keys = 2000, 1000
	readme := read(t, "../README.md")
	drawn := strings.ReplaceAll(read(t, "../sim.svg"), "_</text>", "_")
	for _, s := range Scenarios() {
		o, err := Run(t.Context(), p, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		var table, chart strings.Builder
		if err := o.Table(&table); err != nil {
			t.Fatal(err)
		}
		if err := Chart(&chart, []*Outcome{o}); err != nil {
			t.Fatal(err)
		}
		isXML(t, chart.String())
		if !strings.Contains(readme, "\n    "+s.Name+": "+s.Title+"\n") || !strings.Contains(drawn, ">"+s.Name+": "+s.Title+"<") {
			t.Errorf("bench/README.md or bench/sim.svg lacks the scenario %q: run the command in the README", s.Name)
		}
		for _, k := range algo.Kinds() {
			if !strings.Contains(table.String(), "\n  "+k.String()+" ") {
				t.Errorf("%s: the table lacks %s:\n%s", s.Name, k, table.String())
			}
			if label, _, _ := strings.Cut(k.String(), "_"); !strings.Contains(chart.String(), ">"+label) {
				t.Errorf("%s: the chart lacks %s", s.Name, k)
			}
		}
	}
	for _, k := range algo.Kinds() {
		if !strings.Contains(readme, "\n      "+k.String()+" ") {
			t.Errorf("bench/README.md has no figures of %s: run its command again", k)
		}
	}
}

func TestTableShowsWhereThingsWentWrong(t *testing.T) {
	o := Outcome{Scenario: "slow", Title: "one is slow", odd: true, Rows: []Row{
		{Algorithm: "a", Requests: 1000, Lost: 10, Odd: 0.25, P99: 1500},
		{Algorithm: "b", Requests: 1_000_000, Lost: 1},
	}}
	var b strings.Builder
	if err := o.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"slow: one is slow", "to it", "1.00%", "25.00%", "1.50ms", "<0.01%"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
	o.odd = false
	b.Reset()
	if err := o.Table(&b); err != nil || strings.Contains(b.String(), "to it") {
		t.Errorf("got %v, a column for nothing:\n%s", err, b.String())
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func isXML(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
}
