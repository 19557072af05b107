package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/isame-lb/isame-lb/bench/hist"
	"github.com/isame-lb/isame-lb/bench/load"
)

// sample is a result with something in every part.
func sample() *load.Result {
	h := hist.New(hist.Fine)
	for i := range int64(10000) {
		h.Record(i * 1000)
	}
	return &load.Result{
		URL: "http://a.test/<x>", Mode: "open", Connections: 4, Threads: 1, RateAsked: 5000, Seconds: 2,
		Requests: 10000, Errors: 3, Unsent: 7, Answers: map[string]uint64{"200": 9990, "500": 10},
		Causes: map[string]uint64{"reset": 3}, Samples: map[string]string{"reset": "by peer"}, Rate: 5000,
		Latency: load.Latency{P50: 500, P99: 9900, Max: 9999}, Histogram: h, Began: time.Unix(1700000000, 0),
		Generator: load.Generator{Limit: "generator", Note: "the note"},
		Series:    []load.Point{{Seconds: 1, Rate: 5000, P50: 10, P99: 20, Max: 30}, {Seconds: 2, Rate: 4000, Errors: 3, P50: 10, P99: 200, Max: 3000}},
	}
}

func accept(status int) bool { return status < 400 }

func TestTableShowsEveryCount(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, sample(), accept); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"5,000", "200: 9990", "500: 10 (!)", "reset: 3 (by peer)", "unsent      7", "p99 9.90ms", "WARNING", "open loop"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestJSONHasTheDocumentedNames(t *testing.T) {
	var b strings.Builder
	if err := JSON(&b, sample()); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"requests", "errors", "unsent", "answers", "errors_by_cause", "requests_per_second", "latency", "generator", "series"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%q is missing", name)
		}
	}
	if l, ok := got["latency"].(map[string]any); !ok || l["p99_us"] != 9900.0 {
		t.Errorf("got %v", got["latency"])
	}
}

func TestHDRLogIsReadable(t *testing.T) {
	var b strings.Builder
	if err := HDR(&b, "x.hlog", sample()); err != nil {
		t.Fatal(err)
	}
	h, err := hdrhistogram.NewHistogramLogReader(strings.NewReader(b.String())).NextIntervalHistogram()
	if err != nil {
		t.Fatalf("%v in:\n%s", err, b.String())
	}
	if h.TotalCount() != 10000 || h.ValueAtPercentile(50) < 4990e3 || h.ValueAtPercentile(50) > 5010e3 {
		t.Errorf("got %d values, p50 %d ns; want 10000 around 5 ms", h.TotalCount(), h.ValueAtPercentile(50))
	}
	b.Reset()
	if err := HDR(&b, "x.hgrm", sample()); err != nil || !strings.Contains(b.String(), "Value\tPercentile\tTotalCount") || !strings.Contains(b.String(), "#[Max     =       10.00") {
		t.Errorf("got %v:\n%s", err, b.String())
	}
}

func TestPageIsSelfContained(t *testing.T) {
	var b strings.Builder
	if err := Page(&b, sample(), accept); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String(), 3)
	for _, want := range []string{"a.test/&lt;x&gt;", "the note", "10 answers had an unexpected status"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	b.Reset()
	steps := []load.Step{{Result: sample(), Held: true}, {Result: sample(), Why: "p99 above the target"}}
	if err := StepsPage(&b, "title", steps, nil); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String(), 1)
	b.Reset()
	empty := &load.Result{Histogram: hist.New(hist.Fine)}
	if err := Page(&b, empty, accept); err != nil {
		t.Fatal(err)
	}
	checkPage(t, b.String(), 3)
}

// checkPage looks for so many charts, each well-formed, and for nothing that
// would be loaded from elsewhere.
func checkPage(t *testing.T, page string, charts int) {
	t.Helper()
	parts := strings.Split(page, "<svg")[1:]
	if len(parts) != charts {
		t.Errorf("got %d charts; want %d", len(parts), charts)
	}
	for _, p := range parts {
		svg, _, _ := strings.Cut("<svg"+p, "</svg>")
		d := xml.NewDecoder(strings.NewReader(svg + "</svg>"))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("a chart is no XML: %v", err)
				break
			}
		}
	}
	for _, bad := range []string{"src=", "href=", "@import", "url(", "NaN", "Inf", "<script"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		Micros(12.4): "12us", Micros(1500): "1.50ms", Micros(25e3): "25.0ms", Micros(2.5e6): "2.50s",
		Number(1234567): "1,234,567", Number(999): "999", Number(-1234): "-1,234", Number(0.5): "0.5",
		Bytes(10): "10.0 B", Bytes(1536): "1.5 KiB", Bytes(3 << 30): "3.0 GiB",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestLineFitsATerminal(t *testing.T) {
	p := load.Progress{Elapsed: 12 * time.Second, Total: time.Minute, Requests: 123456789, Rate: 123456, P50: time.Millisecond, P99: 2 * time.Second, Warm: true}
	if got := Line(p); len(got) > 110 || !strings.Contains(got, "123,456/s") {
		t.Errorf("got %d characters: %q", len(got), got)
	}
	if got := Line(load.Progress{Count: 100}); !strings.Contains(got, "of 100") || !strings.Contains(got, "warm-up") {
		t.Errorf("got %q", got)
	}
}

// TestKneeIsMarked looks at the page of a knee search: the sentence, the row of the
// table and the line in the chart.
func TestKneeIsMarked(t *testing.T) {
	steps := []load.Step{
		{Result: &load.Result{RateAsked: 2000, Latency: load.Latency{P50: 900, P99: 90000, P999: 99000}}, Why: "p99 90 ms"},
		{Result: &load.Result{RateAsked: 1000, Latency: load.Latency{P50: 300, P99: 900, P999: 1200}}, Held: true},
	}
	for _, c := range []struct {
		name  string
		found *load.Found
		wants []string
	}{
		{"found", &load.Found{Rate: 1000, P99Target: 5000, Steps: steps}, []string{"Knee: 1,000 requests a second.", `<tr class="knee"><td>1,000`, "knee: 1,000/s", "target of p99", `class="mark"`}},
		{"none", &load.Found{P99Target: 500, Steps: steps}, []string{"No knee:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := StepsPage(&b, "title", steps, c.found); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.wants {
				if !strings.Contains(b.String(), want) {
					t.Errorf("the page lacks %q:\n%s", want, b.String())
				}
			}
		})
	}
}
