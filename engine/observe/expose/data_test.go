package expose

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// taken is a page as data, by name.
func taken(t *testing.T, exponential bool, write func(p *Page)) map[string]metricdata.Metrics {
	t.Helper()
	all := map[string]metricdata.Metrics{}
	p := NewData(DataOptions{Since: time.Unix(1, 0), Now: time.Unix(2, 0), Exponential: exponential, Take: func(part []metricdata.Metrics) error {
		for _, m := range part {
			all[m.Name] = m
		}
		return nil
	}})
	write(p)
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDataHasKindsUnitsAndLabels(t *testing.T) {
	all := taken(t, false, func(p *Page) {
		p.Begin(&Family{Name: "a_tests_total", Kind: Counter, Help: "Tests.", Labels: []string{"kind"}})
		p.Count(3, "x\xff")
		p.CountFloat(0.5, "y")
		p.Begin(&Family{Name: "a_size_bytes", Kind: Gauge, Unit: "bytes", Help: "Size."})
		p.Gauge(-1.5)
		p.Begin(&Family{Name: "a_nothings_total", Kind: Counter, Help: "Nothing."})
		p.Begin(&Family{Name: "a_spent_seconds", Kind: Summary, Unit: "seconds", Help: "Time."})
		p.Sum(2.5, 4)
		p.Begin(&Family{Name: "a_wait_seconds", Kind: Histogram, Unit: "seconds", Help: "Waits."})
		p.Bounded([]float64{1, 2, math.Inf(1)}, []uint64{3, 3, 5}, 9)
	})
	if len(all) != 4 {
		t.Errorf("got %d families; want 4, without the empty one", len(all))
	}
	sum, _ := all["a_tests_total"].Data.(metricdata.Sum[float64])
	if len(sum.DataPoints) != 2 || !sum.IsMonotonic || sum.Temporality != metricdata.CumulativeTemporality || sum.DataPoints[0].Value != 3 ||
		!sum.DataPoints[0].StartTime.Equal(time.Unix(1, 0)) || !sum.DataPoints[0].Time.Equal(time.Unix(2, 0)) {
		t.Errorf("counter: got %+v", sum)
	}
	if kind, _ := sum.DataPoints[0].Attributes.Value("kind"); kind.AsString() != "x\uFFFD" {
		t.Errorf("label: got %q", kind.AsString())
	}
	gauge, _ := all["a_size_bytes"].Data.(metricdata.Gauge[float64])
	if len(gauge.DataPoints) != 1 || gauge.DataPoints[0].Value != -1.5 || all["a_size_bytes"].Unit != "By" || all["a_size_bytes"].Description != "Size." {
		t.Errorf("gauge: got %+v", all["a_size_bytes"])
	}
	if s, _ := all["a_spent_seconds"].Data.(metricdata.Summary); len(s.DataPoints) != 1 || s.DataPoints[0].Sum != 2.5 || s.DataPoints[0].Count != 4 {
		t.Errorf("summary: got %+v", s)
	}
	h, _ := all["a_wait_seconds"].Data.(metricdata.Histogram[float64])
	if len(h.DataPoints) != 1 || fmt.Sprint(h.DataPoints[0].Bounds, h.DataPoints[0].BucketCounts, h.DataPoints[0].Count, h.DataPoints[0].Sum) != "[1 2] [3 0 2] 5 9" {
		t.Errorf("histogram: got %+v", h)
	}
}

// Each duration lies in the bucket that counts it, of both kinds of histograms: an explicit
// one from above its lower bound to its upper one, and so an exponential one
// (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram).
func TestDataCountsDurationsInTheirBuckets(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	f := Family{Name: "a_took_seconds", Kind: Histogram, Unit: "seconds", Help: "Time."}
	for d := time.Microsecond; d < 200*time.Second; d += d/7 + 1 {
		h := stat.NewHistogram(1)
		h.Observe(0, d)
		s := h.Snapshot()
		of := Examples{}
		of[3] = Exemplar{ID: "r", Trace: trace, Seconds: 0.5, Unix: 7.25}
		write := func(p *Page) {
			p.Begin(&f)
			p.Histogram(&s, &of)
		}
		explicit, _ := taken(t, false, write)[f.Name].Data.(metricdata.Histogram[float64])
		point := explicit.DataPoints[0]
		for i, n := range point.BucketCounts {
			low, high := 0.0, math.Inf(1)
			if i > 0 {
				low = point.Bounds[i-1]
			}
			if i < len(point.Bounds) {
				high = point.Bounds[i]
			}
			if is := d.Seconds() > low && d.Seconds() <= high; is != (n == 1) {
				t.Fatalf("%v: bucket %d from above %v to %v has %d", d, i, low, high, n)
			}
		}
		exponential, _ := taken(t, true, write)[f.Name].Data.(metricdata.ExponentialHistogram[float64])
		e := exponential.DataPoints[0]
		if e.ZeroCount == 1 != (d.Seconds() <= e.ZeroThreshold) || e.ZeroCount+uint64(len(e.PositiveBucket.Counts)) != 1 || e.Count != 1 {
			t.Fatalf("%v: got %+v", d, e)
		}
		if base := math.Exp2(math.Exp2(-float64(e.Scale))); e.ZeroCount == 0 {
			low := math.Pow(base, float64(e.PositiveBucket.Offset))
			if high := low * base; d.Seconds() <= low*(1-1e-9) || d.Seconds() > high*(1+1e-9) {
				t.Fatalf("%v: counted from %v to %v", d, low, high)
			}
		}
		if x := e.Exemplars; len(x) != 1 || hex.EncodeToString(x[0].TraceID) != trace || x[0].Value != 0.5 || !x[0].Time.Equal(time.UnixMilli(7250)) ||
			x[0].FilteredAttributes[0].Value.AsString() != "r" || len(point.Exemplars) != 1 {
			t.Fatalf("exemplars: got %+v and %+v", x, point.Exemplars)
		}
	}
}

// Many series come in parts, none of them twice, and none behind an error.
func TestDataComesInParts(t *testing.T) {
	f := Family{Name: "a_tests_total", Kind: Counter, Help: "Tests.", Labels: []string{"n"}}
	seen, parts := map[string]bool{}, 0
	var refused error
	p := NewData(DataOptions{Take: func(part []metricdata.Metrics) error {
		parts++
		points := 0
		for _, m := range part {
			sum, _ := m.Data.(metricdata.Sum[float64])
			for _, point := range sum.DataPoints {
				n, _ := point.Attributes.Value("n")
				seen[m.Name+n.AsString()] = true
				points++
			}
		}
		if points == 0 || points > pointsMax {
			t.Errorf("%d series at once", points)
		}
		return refused
	}})
	const many = 2*pointsMax + 10
	p.Begin(&f)
	for i := range many {
		p.Count(1, strconv.Itoa(i))
	}
	if len(seen) != 2*pointsMax || parts != 2 {
		t.Errorf("%d series in %d parts came before the end", len(seen), parts)
	}
	if err := p.End(); err != nil || len(seen) != many || parts != 3 {
		t.Errorf("%d series in %d parts, %v; want %d in 3", len(seen), parts, err, many)
	}
	refused = errors.New("no")
	p = NewData(p.data.DataOptions)
	p.Begin(&f)
	for i := range many {
		p.Count(1, strconv.Itoa(i))
	}
	if err := p.End(); !errors.Is(err, refused) || parts != 4 {
		t.Errorf("got %v and %d parts behind an error", err, parts-4)
	}
}
