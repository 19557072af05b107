package expose

import (
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/stat"
)

// pageBytes is what is collected before it goes to the reader.
const pageBytes = 64 << 10

// samplesInTurn is how many are written before others may run, some 100 us.
const samplesInTurn = 512

// Page is one scrape, written as it is made. It is for one goroutine. A write error sticks:
// the rest is dropped, as the reader is gone.
type Page struct {
	out    io.Writer
	format Format
	err    error
	b      []byte // what was not written yet
	turns  safely.Turns

	family  *Family
	names   []string // of its labels, unless Relabel said others
	headed  bool     // the head of the family is out; it goes with the first sample, so that a family without any leaves no trace
	labels  []byte   // of the sample, as text or as label pairs
	message []byte   // the family, for protobuf, behind what is in full: its length stands in front
	full    [][]byte // pieces of it
	spare   [][]byte // pieces that are free again
	metric  []byte   // a sample of it
	part    []byte   // of that
	bucket  []byte   // of that, if it is a histogram
	deltas  []byte   // likewise
	data    *data    // of a page that is no text
}

// NewPage begins a scrape.
func NewPage(out io.Writer, f Format) *Page {
	return &Page{out: out, format: f, b: make([]byte, 0, pageBytes+pageBytes/8)}
}

// Format is what the page is written in.
func (p *Page) Format() Format { return p.format }

// Begin begins a family; every sample until the next call belongs to it.
func (p *Page) Begin(f *Family) {
	p.endFamily()
	p.family, p.names, p.headed = f, f.Labels, false
}

// Relabel gives the samples that follow labels of other names.
func (p *Page) Relabel(names []string) { p.names = names }

// End writes what is left. It returns the first error of the writer.
func (p *Page) End() error {
	p.endFamily()
	p.family = nil
	if p.format.kind == kindData {
		p.dataSend()
		return p.err
	}
	if p.format.kind == kindOpenMetrics {
		p.b = append(p.b, "# EOF\n"...)
	}
	p.flush()
	return p.err
}

func (p *Page) flush() {
	p.write(p.b)
	p.b = p.b[:0]
}

func (p *Page) write(b []byte) {
	if p.err == nil && len(b) > 0 {
		_, p.err = p.out.Write(b)
	}
}

// Count writes a sample of a counter. values are those of the family's labels.
func (p *Page) Count(n uint64, values ...string) {
	p.begin(values)
	switch p.format.kind {
	case kindProtobuf:
		p.protoValue(fieldCounter, float64(n))
	case kindData:
		p.data.number(float64(n))
		p.sampled()
	default:
		p.series("")
		p.integer(n)
	}
}

// CountFloat is Count for a counter that is not whole.
func (p *Page) CountFloat(x float64, values ...string) { p.one(fieldCounter, x, values) }

// Gauge writes a sample of a gauge.
func (p *Page) Gauge(x float64, values ...string) { p.one(fieldGauge, x, values) }

// one writes a sample that is one number; field is that of its kind in protobuf.
func (p *Page) one(field protowire.Number, x float64, values []string) {
	p.begin(values)
	switch p.format.kind {
	case kindProtobuf:
		p.protoValue(field, x)
	case kindData:
		p.data.number(x)
		p.sampled()
	default:
		p.series("")
		p.float(x)
	}
}

// Sum writes a summary without quantiles.
func (p *Page) Sum(sum float64, count uint64, values ...string) {
	p.begin(values)
	switch p.format.kind {
	case kindProtobuf:
		p.protoSummary(sum, count)
	case kindData:
		p.data.summary(sum, count)
		p.sampled()
	default:
		p.series("_sum")
		p.float(sum)
		p.series("_count")
		p.integer(count)
	}
}

// Exemplar is an exchange that stands for those of its bucket. The zero value is none.
type Exemplar struct {
	// ID is that of the request, Trace of its trace; either may be empty.
	ID, Trace string
	Seconds   float64
	// Unix is when it ended, in seconds.
	Unix float64
}

// Labels of an exemplar. The name of the second one is what Grafana looks for.
const (
	labelRequest = "request_id"
	labelTrace   = "trace_id"
)

func (e *Exemplar) isNone() bool { return e.ID == "" && e.Trace == "" }

// Examples are exemplars of a histogram, by classic bucket.
type Examples [stat.Buckets]Exemplar

// Histogram writes a histogram of durations; of is nil where there are no exemplars.
func (p *Page) Histogram(s *stat.Snapshot, of *Examples, values ...string) {
	p.begin(values)
	switch p.format.kind {
	case kindProtobuf:
		p.protoHistogram(s, of)
	case kindData:
		p.data.histogram(s, of)
		p.sampled()
	default:
		p.textHistogram(s, of)
	}
}

// begin begins a sample.
func (p *Page) begin(values []string) {
	if len(values) != len(p.names) {
		panic("BUG: a sample has other labels than its family: " + p.family.Name)
	}
	p.turns.Step(samplesInTurn)
	switch p.format.kind {
	case kindProtobuf:
		p.protoLabels(values)
	case kindData:
		p.data.label(p.names, values)
	default:
		if !p.headed {
			p.head()
		}
		p.textLabels(values)
	}
}

func (p *Page) endFamily() {
	switch p.format.kind {
	case kindProtobuf:
		p.protoEnd()
	case kindData:
		p.dataEnd()
	default:
	}
}
