package expose

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// pointsMax is how many series go out at once: less than 2 MiB as a rule, where collectors
// take 4 by gRPC. The rest of a family comes with the next ones.
const pointsMax = 4096

// units are the base units of Prometheus in the spelling of UCUM.
var units = map[string]string{"seconds": "s", "bytes": "By"} //nolint:gochecknoglobals // read-only table

// DataOptions are how a page of OpenTelemetry's data model is made.
type DataOptions struct {
	// Since is when everything began to be counted, Now the time of the page.
	Since, Now time.Time
	// Exponential asks for exponential histograms instead of explicit bounds.
	Exponential bool
	// Take gets the metrics, a part at a time. They are its own. Behind an error no more come.
	Take func([]metricdata.Metrics) error
}

// data is what a page of OpenTelemetry's data model gathers.
type data struct {
	DataOptions

	metrics []metricdata.Metrics
	points  int // of the family too
	labels  attribute.Set
	// Those of the family under way; which of them is used goes by its kind.
	numbers      []metricdata.DataPoint[float64]
	summaries    []metricdata.SummaryDataPoint
	histograms   []metricdata.HistogramDataPoint[float64]
	exponentials []metricdata.ExponentialHistogramDataPoint[float64]
}

// NewData begins a page that is no text: its families go to o.Take.
func NewData(o DataOptions) *Page {
	return &Page{format: Format{kind: kindData}, data: &data{DataOptions: o}}
}

// label makes the attributes of a sample. Texts of protobuf are UTF-8.
func (d *data) label(names, values []string) {
	list := make([]attribute.KeyValue, len(values))
	for i, value := range values {
		list[i] = attribute.String(names[i], strings.ToValidUTF8(value, "\uFFFD"))
	}
	d.labels = attribute.NewSet(list...)
}

func (d *data) number(x float64) {
	d.numbers = append(d.numbers, metricdata.DataPoint[float64]{Attributes: d.labels, StartTime: d.Since, Time: d.Now, Value: x})
}

func (d *data) summary(sum float64, count uint64) {
	d.summaries = append(d.summaries, metricdata.SummaryDataPoint{
		Attributes: d.labels, StartTime: d.Since, Time: d.Now, Sum: sum, Count: count,
	})
}

// bounded is an explicit histogram; counts are those of the buckets, one more than bounds.
func (d *data) bounded(bounds []float64, counts []uint64, sum float64, of []metricdata.Exemplar[float64]) {
	point := metricdata.HistogramDataPoint[float64]{
		Attributes: d.labels, StartTime: d.Since, Time: d.Now, Bounds: bounds, BucketCounts: counts, Sum: sum, Exemplars: of,
	}
	for _, n := range counts {
		point.Count += n
	}
	d.histograms = append(d.histograms, point)
}

// histogram is one of durations.
func (d *data) histogram(s *stat.Snapshot, of *Examples) {
	sum := float64(s.SumNanos) / float64(time.Second)
	if d.Exponential {
		zero, counts := s.Native()
		d.exponentials = append(d.exponentials, metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: d.labels, StartTime: d.Since, Time: d.Now, Count: s.Count(), Sum: sum, Exemplars: exemplars(of),
			Scale: stat.NativeSchema, ZeroCount: zero, ZeroThreshold: stat.NativeZero, PositiveBucket: exponentialBucket(counts[:]),
		})
		return
	}
	counts := s.Buckets()
	d.bounded(explicitBounds, counts[:], sum, exemplars(of))
}

// explicitBounds are those of all histograms of durations, without the infinite one. Nobody
// changes them.
var explicitBounds = func() (all []float64) { //nolint:gochecknoglobals // read-only table
	for i := range stat.Buckets - 1 {
		all = append(all, stat.Bound(i))
	}
	return all
}()

// exponentialBucket leaves out what is empty at both ends. Prometheus numbers buckets by
// their upper bounds, OpenTelemetry by the lower ones: hence the 1.
func exponentialBucket(counts []uint64) metricdata.ExponentialBucket {
	from, to := 0, len(counts)
	for from < to && counts[from] == 0 {
		from++
	}
	for to > from && counts[to-1] == 0 {
		to--
	}
	if from == to {
		return metricdata.ExponentialBucket{}
	}
	return metricdata.ExponentialBucket{Offset: int32(stat.NativeFirst + from - 1), Counts: append([]uint64(nil), counts[from:to]...)}
}

// exemplars are those there are.
func exemplars(of *Examples) (list []metricdata.Exemplar[float64]) {
	if of == nil {
		return nil
	}
	for i := range of {
		e := &of[i]
		if e.isNone() {
			continue
		}
		whole, part := math.Modf(e.Unix)
		one := metricdata.Exemplar[float64]{Value: e.Seconds, Time: time.Unix(int64(whole), int64(part*float64(time.Second)))}
		if id, err := hex.DecodeString(e.Trace); err == nil && len(id) > 0 {
			one.TraceID = id
		}
		if e.ID != "" {
			one.FilteredAttributes = []attribute.KeyValue{attribute.String(labelRequest, e.ID)}
		}
		list = append(list, one)
	}
	return list
}

// sampled counts a sample, and sends what there is when that is enough.
func (p *Page) sampled() {
	p.headed = true
	p.data.points++
	if p.data.points >= pointsMax {
		p.dataEnd()
		p.dataSend()
	}
}

// dataEnd ends the family, or the part of it that there is.
func (p *Page) dataEnd() {
	if p.family == nil || !p.headed {
		return
	}
	p.headed = false
	d, f := p.data, p.family
	m := metricdata.Metrics{Name: f.Name, Description: f.Help, Unit: units[f.Unit]}
	switch {
	case len(d.exponentials) > 0:
		m.Data = metricdata.ExponentialHistogram[float64]{DataPoints: d.exponentials, Temporality: metricdata.CumulativeTemporality}
	case len(d.histograms) > 0:
		m.Data = metricdata.Histogram[float64]{DataPoints: d.histograms, Temporality: metricdata.CumulativeTemporality}
	case len(d.summaries) > 0:
		m.Data = metricdata.Summary{DataPoints: d.summaries}
	case f.Kind == Gauge:
		m.Data = metricdata.Gauge[float64]{DataPoints: d.numbers}
	default:
		m.Data = metricdata.Sum[float64]{DataPoints: d.numbers, Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
	}
	d.numbers, d.summaries, d.histograms, d.exponentials = nil, nil, nil, nil
	d.metrics = append(d.metrics, m)
}

// dataSend hands over what there is.
func (p *Page) dataSend() {
	d := p.data
	if p.err == nil && len(d.metrics) > 0 {
		p.err = d.Take(d.metrics)
	}
	d.metrics, d.points = nil, 0
}

// apart are the counts of buckets of which cumulated ones are given.
func apart(cumulated []uint64) []uint64 {
	counts, before := make([]uint64, len(cumulated)), uint64(0)
	for i, n := range cumulated {
		counts[i], before = n-min(before, n), n
	}
	return counts
}
