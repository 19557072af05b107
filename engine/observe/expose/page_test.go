package expose

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/isame-lb/isame-lb/pool/stat"
)

var (
	openFormat  = Format{kind: kindOpenMetrics, version: "1.0.0"}
	protoFormat = Format{kind: kindProtobuf}
	tests       = Family{Name: "a_tests_total", Kind: Counter, Help: "Tests.", Labels: []string{"kind", "result"}}
	size        = Family{Name: "a_size_bytes", Kind: Gauge, Unit: "bytes", Help: "Size."}
	took        = Family{Name: "a_took_seconds", Kind: Histogram, Unit: "seconds", Help: "Time.", Labels: []string{"kind"}}
	spent       = Family{Name: "a_spent_seconds", Kind: Summary, Unit: "seconds", Help: "Time, too."}
	empty       = Family{Name: "a_nothings_total", Kind: Counter, Help: "Nothing."}
)

// written is a page with something of everything.
func written(f Format) []byte {
	h := stat.NewHistogram(1)
	for _, d := range []time.Duration{0, time.Millisecond, time.Millisecond, 3 * time.Millisecond, 90 * time.Second} {
		h.Observe(0, d)
	}
	s, of := h.Snapshot(), &Examples{}
	of[stat.BucketOf(time.Millisecond)] = Exemplar{ID: `a"b`, Seconds: 0.001, Unix: 1700000000.25}
	of[stat.BucketOf(3*time.Millisecond)] = Exemplar{Trace: "4bf9", Seconds: 0.003, Unix: 1700000000}
	of[stat.BucketOf(90*time.Second)] = Exemplar{ID: "c", Trace: "92f3", Seconds: 90, Unix: 1700000000}
	var b bytes.Buffer
	p := NewPage(&b, f)
	p.Begin(&tests)
	p.Count(3, "unit", "a\\\"\nb")
	p.Count(0, "\xff", "ł")
	p.Begin(&empty)
	p.Begin(&size)
	p.Gauge(-1.5)
	p.Begin(&took)
	p.Histogram(&s, of, "x")
	p.Begin(&spent)
	p.Sum(2.5, 4)
	if err := p.End(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	text := string(written(Text))
	want := `# HELP a_tests_total Tests.
# TYPE a_tests_total counter
a_tests_total{kind="unit",result="a\\\"\nb"} 3
a_tests_total{kind="` + "\uFFFD" + `",result="ł"} 0
# HELP a_size_bytes Size.
# TYPE a_size_bytes gauge
a_size_bytes -1.5
# HELP a_took_seconds Time.
# TYPE a_took_seconds histogram
a_took_seconds_bucket{kind="x",le="0.0005"} 1
a_took_seconds_bucket{kind="x",le="0.001"} 3
a_took_seconds_bucket{kind="x",le="0.0025"} 3
a_took_seconds_bucket{kind="x",le="0.005"} 4
`
	if !strings.HasPrefix(text, want) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", text, want)
	}
	for _, bad := range []string{"# {", "# UNIT", "# EOF", "a_nothings"} {
		if strings.Contains(text, bad) {
			t.Errorf("the text format has %q", bad)
		}
	}
	if end := "a_took_seconds_bucket{kind=\"x\",le=\"+Inf\"} 5\na_took_seconds_sum{kind=\"x\"} 90.005\na_took_seconds_count{kind=\"x\"} 5\n" +
		"# HELP a_spent_seconds Time, too.\n# TYPE a_spent_seconds summary\na_spent_seconds_sum 2.5\na_spent_seconds_count 4\n"; !strings.HasSuffix(text, end) {
		t.Errorf("got\n%s\nwant it to end in\n%s", text, end)
	}
}

func TestOpenMetrics(t *testing.T) {
	text := string(written(openFormat))
	for _, want := range []string{
		"# HELP a_tests Tests.\n# TYPE a_tests counter\na_tests_total{kind=\"unit\",",
		"# HELP a_size_bytes Size.\n# TYPE a_size_bytes gauge\n# UNIT a_size_bytes bytes\na_size_bytes -1.5\n",
		"\na_took_seconds_bucket{kind=\"x\",le=\"0.001\"} 3 # {request_id=\"a\\\"b\"} 0.001 1700000000.250\n",
		"\na_took_seconds_bucket{kind=\"x\",le=\"1.0\"} 4\n",
		"\na_took_seconds_bucket{kind=\"x\",le=\"0.005\"} 4 # {trace_id=\"4bf9\"} 0.003 1700000000.000\n",
		"\na_took_seconds_bucket{kind=\"x\",le=\"+Inf\"} 5 # {request_id=\"c\",trace_id=\"92f3\"} 90 1700000000.000\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "a_spent_seconds_count 4\n# EOF\n") || strings.Count(text, "# EOF") != 1 {
		t.Errorf("the page does not end as it must:\n%s", text)
	}
}

// decoded reads a page with Prometheus' own messages.
func decoded(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	all := map[string]*dto.MetricFamily{}
	for r := bytes.NewReader(page); r.Len() > 0; {
		m := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(r, m); err != nil {
			t.Fatalf("cannot read the page: %v", err)
		}
		if len(m.ProtoReflect().GetUnknown()) > 0 {
			t.Errorf("%s has fields that nobody knows", m.GetName())
		}
		all[m.GetName()] = m
	}
	return all
}

func TestProtobuf(t *testing.T) {
	all := decoded(t, written(protoFormat))
	if len(all) != 4 {
		t.Fatalf("got %d families; want 4", len(all))
	}
	c := all["a_tests_total"]
	if m := c.GetMetric()[0]; c.GetType() != dto.MetricType_COUNTER || c.GetHelp() != "Tests." || m.GetCounter().GetValue() != 3 ||
		m.GetLabel()[1].GetName() != "result" || m.GetLabel()[1].GetValue() != "a\\\"\nb" {
		t.Errorf("counter: got %v", c)
	}
	if v := c.GetMetric()[1].GetLabel()[0].GetValue(); v != "\uFFFD" {
		t.Errorf("not UTF-8: got %q", v)
	}
	if g := all["a_size_bytes"]; g.GetUnit() != "bytes" || g.GetMetric()[0].GetGauge().GetValue() != -1.5 {
		t.Errorf("gauge: got %v", g)
	}
	if s := all["a_spent_seconds"].GetMetric()[0].GetSummary(); s.GetSampleSum() != 2.5 || s.GetSampleCount() != 4 {
		t.Errorf("summary: got %v", s)
	}
	h := all["a_took_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 5 || h.GetSampleSum() != 90.005 || len(h.GetBucket()) != stat.Buckets || h.GetBucket()[1].GetCumulativeCount() != 3 {
		t.Errorf("classic histogram: got %v", h)
	}
	e := h.GetBucket()[1].GetExemplar()
	if e.GetLabel()[0].GetValue() != `a"b` || e.GetTimestamp().AsTime().UnixMilli() != 1700000000250 || len(h.GetExemplars()) != 3 {
		t.Errorf("exemplar: got %v", e)
	}
	e = h.GetBucket()[stat.Buckets-1].GetExemplar()
	if l := e.GetLabel(); len(l) != 2 || l[0].GetValue() != "c" || l[1].GetName() != "trace_id" || l[1].GetValue() != "92f3" {
		t.Errorf("exemplar of a trace: got %v", e)
	}
	if !math.IsInf(h.GetBucket()[stat.Buckets-1].GetUpperBound(), 1) {
		t.Error("the last bucket has a bound")
	}
}

// TestNativeHistogram adds up what spans and deltas say, by their definition.
func TestNativeHistogram(t *testing.T) {
	h := stat.NewHistogram(1)
	for i := range 400 {
		h.Observe(0, time.Duration(i*i*i)*37*time.Microsecond)
	}
	s := h.Snapshot()
	var b bytes.Buffer
	p := NewPage(&b, protoFormat)
	p.Begin(&took)
	p.Histogram(&s, nil, "x")
	_ = p.End()
	got := decoded(t, b.Bytes())["a_took_seconds"].GetMetric()[0].GetHistogram()
	if got.GetSchema() != stat.NativeSchema || got.GetZeroThreshold() != stat.NativeZero {
		t.Errorf("schema %d, zero threshold %v", got.GetSchema(), got.GetZeroThreshold())
	}
	zero, want := s.Native()
	sum, index, count, at := got.GetZeroCount(), 0, int64(0), 0
	if sum != zero {
		t.Errorf("zero bucket: got %d; want %d", sum, zero)
	}
	counted := map[int]uint64{}
	for _, span := range got.GetPositiveSpan() {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += got.GetPositiveDelta()[at]
			counted[index] = uint64(count)
			sum += uint64(count)
			at, index = at+1, index+1
		}
	}
	if at != len(got.GetPositiveDelta()) || sum != got.GetSampleCount() || len(got.GetPositiveSpan()) < 2 {
		t.Errorf("%d of %d deltas, in %d spans, make %d observations; want %d", at, len(got.GetPositiveDelta()), len(got.GetPositiveSpan()), sum, got.GetSampleCount())
	}
	for i, n := range want {
		if counted[stat.NativeFirst+i] != n {
			t.Errorf("bucket %d: got %d; want %d", stat.NativeFirst+i, counted[stat.NativeFirst+i], n)
		}
	}
}

func TestSamplesHaveTheLabelsOfTheirFamily(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a sample with one label of two was written")
		}
	}()
	p := NewPage(&bytes.Buffer{}, Text)
	p.Begin(&tests)
	p.Count(1, "one")
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		f    Family
		want string
	}{
		{"good", tests, ""},
		{"counter without total", Family{Name: "a", Help: "A."}, "_total"},
		{"gauge with total", Family{Name: "a_total", Kind: Gauge, Help: "A."}, "_total"},
		{"unit", Family{Name: "a_total", Unit: "seconds", Help: "A."}, "unit"},
		{"name", Family{Name: "A-b_total", Help: "A."}, "no name of a metric"},
		{"help", Family{Name: "a_total"}, "help"},
		{"quote", Family{Name: "a_total", Help: `"A".`}, "escaped"},
		{"part", Family{Name: "a_count", Kind: Gauge, Help: "A."}, "parts"},
		{"label", Family{Name: "a_total", Help: "A.", Labels: []string{"le"}}, "label"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.f.Check()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
}

func TestBorrowedFamiliesAreReadAndWrittenAnew(t *testing.T) {
	list := []Borrowed{
		{From: "calls_count", Family: Family{Name: "calls_total", Kind: Counter, Help: "Calls."}},
		{Keys: []string{"GOOS"}, Family: Family{Name: "info", Kind: Gauge, Help: "Facts.", Labels: []string{"os"}}},
		{Family: Family{Name: "wait_seconds", Kind: Histogram, Help: "Waits.", Labels: []string{"of"}}},
		{Family: Family{Name: "gc_seconds", Kind: Summary, Help: "Pauses."}},
	}
	text := "info{GOARCH=\"x,y\", GOOS=\"a\\\"b\"} 1\ncalls_count 7\nnews 1\n# HELP x\nnonsense\n" +
		"wait_seconds_bucket{of=\"a\",le=\"1\"} 2\nwait_seconds_bucket{of=\"a\",le=\"+Inf\"} 3\n" +
		"gc_seconds{quantile=\"0.5\"} 9\ngc_seconds_sum 4\ngc_seconds_count 2\n"
	var b bytes.Buffer
	p := NewPage(&b, Text)
	unknown := p.Borrow(list, text)
	_ = p.End()
	if strings.Join(unknown, " ") != "news" {
		t.Errorf("unknown: got %v; want news", unknown)
	}
	for _, want := range []string{
		"# TYPE calls_total counter\ncalls_total 7\n", "info{os=\"a\\\"b\"} 1\n",
		"wait_seconds_bucket{of=\"a\",le=\"1\"} 2\nwait_seconds_bucket{of=\"a\",le=\"+Inf\"} 3\nwait_seconds_sum{of=\"a\"} 2\nwait_seconds_count{of=\"a\"} 3\n",
		"# TYPE gc_seconds summary\ngc_seconds_sum 4\ngc_seconds_count 2\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, b.String())
		}
	}
}
