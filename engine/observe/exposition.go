package observe

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// Kinds of families.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// expositionBytes is what is collected before it goes to the reader.
const expositionBytes = 64 << 10

// exposition writes the Prometheus text format, version 0.0.4:
// https://prometheus.io/docs/instrumenting/exposition_formats/
//
// A write error sticks in the buffered writer: the rest is dropped, the reader
// is gone.
type exposition struct {
	w *bufio.Writer
	// The family written now; its header goes out before its first sample, so
	// that a family without samples leaves no trace.
	name, kind, help string
	headed           bool
	number           []byte // scratch
}

// newExposition writes to w, through its own buffer when w has none as large.
func newExposition(w io.Writer) *exposition {
	return &exposition{w: bufio.NewWriterSize(w, expositionBytes)}
}

func flush(w *bufio.Writer) {
	_ = w.Flush() // the reader is gone, nobody is left to tell
}

// family begins a new family; every sample until the next call belongs to it.
func (e *exposition) family(name, kind, help string) {
	e.name, e.kind, e.help, e.headed = name, kind, help, false
}

// count writes a sample that is never negative. labels are names and values in turn.
func (e *exposition) count(n uint64, labels ...string) {
	e.sample("", labels...)
	e.integer(n)
}

// gauge writes a sample that may be negative.
func (e *exposition) gauge(n int64, labels ...string) {
	e.sample("", labels...)
	e.number = strconv.AppendInt(e.number[:0], n, 10)
	e.value()
}

// sample writes name, labels and the space before the value.
func (e *exposition) sample(suffix string, labels ...string) {
	if !e.headed {
		e.header()
	}
	e.write(e.name, suffix)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			e.write("{")
		} else {
			e.write(",")
		}
		e.write(labels[i], `="`, escapeLabel(labels[i+1]), `"`)
	}
	if len(labels) > 0 {
		e.write("}")
	}
	e.write(" ")
}

func (e *exposition) header() {
	e.headed = true
	e.write("# HELP ", e.name, " ", e.help, "\n# TYPE ", e.name, " ", e.kind, "\n")
}

func (e *exposition) integer(n uint64) {
	e.number = strconv.AppendUint(e.number[:0], n, 10)
	e.value()
}

func (e *exposition) float(x float64) {
	e.number = strconv.AppendFloat(e.number[:0], x, 'g', -1, 64)
	e.value()
}

func (e *exposition) value() {
	_, _ = e.w.Write(append(e.number, '\n'))
}

func (e *exposition) write(parts ...string) {
	for _, part := range parts {
		_, _ = e.w.WriteString(part)
	}
}

// labelEscapes are the three escapes of the format; everything else is UTF-8.
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`) //nolint:gochecknoglobals // safe for concurrent use

// escapeLabel makes any string a valid label value. Bytes that are not UTF-8
// become U+FFFD, as a scraper refuses the whole page otherwise.
func escapeLabel(value string) string {
	if !strings.ContainsAny(value, "\\\"\n") {
		return strings.ToValidUTF8(value, "\uFFFD")
	}
	return labelEscapes.Replace(strings.ToValidUTF8(value, "\uFFFD"))
}

// boundLabels are the le values of the histograms, written once.
var boundLabels = func() (labels [stat.Buckets]string) { //nolint:gochecknoglobals // read-only table
	for i := range labels {
		labels[i] = strconv.FormatFloat(stat.Bound(i), 'g', -1, 64)
	}
	return labels
}()

// histogram writes one histogram as cumulated buckets, sum and count.
func (e *exposition) histogram(s *stat.Snapshot, label, value string) {
	var cumulated uint64
	for i, n := range s.Counts {
		cumulated += n
		e.sample("_bucket", label, value, "le", boundLabels[i])
		e.integer(cumulated)
	}
	e.sample("_sum", label, value)
	e.float(float64(s.SumNanos) / float64(time.Second))
	e.sample("_count", label, value)
	e.integer(cumulated)
}

func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}

// compareText orders by a1 and b1 first, then by a2 and b2.
func compareText(a1, b1, a2, b2 string) int {
	if order := strings.Compare(a1, b1); order != 0 {
		return order
	}
	return strings.Compare(a2, b2)
}
