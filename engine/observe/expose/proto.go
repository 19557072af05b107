package expose

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// Field numbers of io.prometheus.client (metrics.proto of client_model). What is written
// here is read back with that library by a test.
const (
	familyName1   = protowire.Number(1)
	familyHelp    = protowire.Number(2)
	familyType    = protowire.Number(3)
	familyMetric  = protowire.Number(4)
	familyUnit    = protowire.Number(5)
	metricLabel   = protowire.Number(1)
	fieldGauge    = protowire.Number(2)
	fieldCounter  = protowire.Number(3)
	fieldSummary  = protowire.Number(4)
	fieldHisto    = protowire.Number(7)
	first         = protowire.Number(1) // name, value, count or label, as it may be
	second        = protowire.Number(2) // value, sum, or bound
	third         = protowire.Number(3) // buckets, exemplar, or moment
	histoSchema   = protowire.Number(5)
	histoZeroTo   = protowire.Number(6)
	histoZero     = protowire.Number(7)
	histoSpan     = protowire.Number(12)
	histoDelta    = protowire.Number(13)
	histoExemplar = protowire.Number(16)
)

// protoKinds are the numbers of MetricType.
var protoKinds = [...]uint64{Counter: 0, Gauge: 1, Summary: 2, Histogram: 4} //nolint:gochecknoglobals // read-only table

// protoLabels begins a sample with its labels.
func (p *Page) protoLabels(values []string) {
	if !p.headed {
		p.headed = true
		f := p.family
		p.message = appendText(p.message[:0], familyName1, f.Name)
		p.message = appendText(p.message, familyHelp, f.Help)
		p.message = appendNumber(p.message, familyType, protoKinds[f.Kind])
		if f.Unit != "" {
			p.message = appendText(p.message, familyUnit, f.Unit)
		}
	}
	p.metric = p.metric[:0]
	for i, value := range values {
		p.metric = p.appendPair(p.metric, metricLabel, p.names[i], value)
	}
}

// appendPair appends a label. Texts of protobuf are UTF-8.
func (p *Page) appendPair(b []byte, field protowire.Number, name, value string) []byte {
	value = strings.ToValidUTF8(value, "\uFFFD")
	p.labels = appendText(appendText(p.labels[:0], first, name), second, value)
	return appendMessage(b, field, p.labels)
}

// protoValue ends a sample that is one number.
func (p *Page) protoValue(field protowire.Number, x float64) {
	p.part = appendDouble(p.part[:0], first, x)
	p.protoSample(field)
}

func (p *Page) protoSummary(sum float64, count uint64) {
	p.part = appendDouble(appendNumber(p.part[:0], first, count), second, sum)
	p.protoSample(fieldSummary)
}

// protoHistogram has both the classic buckets and the native ones: a scraper takes what it
// is told to.
func (p *Page) protoHistogram(s *stat.Snapshot, of *Examples) {
	b := appendDouble(appendNumber(p.part[:0], first, s.Count()), second, float64(s.SumNanos)/float64(time.Second))
	var cumulated uint64
	for i, n := range s.Buckets() {
		cumulated += n
		p.bucket = appendDouble(appendNumber(p.bucket[:0], first, cumulated), second, stat.Bound(i))
		if of != nil && !of[i].isNone() {
			p.bucket = appendMessage(p.bucket, third, p.protoExemplar(&of[i]))
		}
		b = appendMessage(b, third, p.bucket)
	}
	b = appendSigned(b, histoSchema, stat.NativeSchema)
	b = appendDouble(b, histoZeroTo, stat.NativeZero)
	p.part = p.protoNative(b, s)
	for i := range stat.Buckets {
		if of != nil && !of[i].isNone() {
			p.part = appendMessage(p.part, histoExemplar, p.protoExemplar(&of[i]))
		}
	}
	p.protoSample(fieldHisto)
}

// protoBounded has classic buckets alone.
func (p *Page) protoBounded(bounds []float64, counts []uint64, sum float64) {
	p.part = appendDouble(appendNumber(p.part[:0], first, counts[len(counts)-1]), second, sum)
	for i, to := range bounds {
		p.part = appendMessage(p.part, third, appendDouble(appendNumber(nil, first, counts[i]), second, to))
	}
	p.protoSample(fieldHisto)
}

// gapMax is how many empty buckets are said to be so, rather than left out by a new span.
const gapMax = 2

// protoNative appends the native buckets: spans of such that are there, and how each count
// differs from the one before.
func (p *Page) protoNative(b []byte, s *stat.Snapshot) []byte {
	zero, counts := s.Native()
	b = appendNumber(b, histoZero, zero)
	p.deltas = p.deltas[:0]
	before := int64(0)
	for i, end := 0, stat.NativeFirst-1; ; {
		for i < len(counts) && counts[i] == 0 {
			i++
		}
		if i == len(counts) {
			break
		}
		from, last := i, i
		for ; i < len(counts) && i-last <= gapMax; i++ {
			if counts[i] > 0 {
				last = i
			}
		}
		for _, n := range counts[from : last+1] {
			p.deltas = appendSigned(p.deltas, histoDelta, int64(n)-before)
			before = int64(n)
		}
		// The first offset is an index, later ones are gaps.
		offset := stat.NativeFirst + from - end
		if end == stat.NativeFirst-1 {
			offset = stat.NativeFirst + from
		}
		p.bucket = appendNumber(appendSigned(p.bucket[:0], first, int64(offset)), second, uint64(last+1-from))
		b = appendMessage(b, histoSpan, p.bucket)
		i, end = last+1, stat.NativeFirst+last+1
	}
	return append(b, p.deltas...)
}

func (p *Page) protoExemplar(e *Exemplar) []byte {
	whole, part := math.Modf(e.Unix)
	moment := appendNumber(appendNumber(nil, first, uint64(whole)), second, uint64(part*float64(time.Second)))
	var b []byte
	if e.ID != "" {
		b = p.appendPair(b, first, labelRequest, e.ID)
	}
	if e.Trace != "" {
		b = p.appendPair(b, first, labelTrace, e.Trace)
	}
	return appendMessage(appendDouble(b, second, e.Seconds), third, moment)
}

// protoSample puts part into the sample, and that into the family.
func (p *Page) protoSample(field protowire.Number) {
	p.metric = appendMessage(p.metric, field, p.part)
	p.message = appendMessage(p.message, familyMetric, p.metric)
	if len(p.message) < pageBytes {
		return
	}
	// A family may have some MB: in pieces it is not copied each time that it has outgrown its room.
	p.full = append(p.full, p.message)
	if n := len(p.spare); n > 0 {
		p.message, p.spare = p.spare[n-1][:0], p.spare[:n-1]
	} else {
		p.message = make([]byte, 0, pageBytes+pageBytes/8)
	}
}

// protoEnd writes the family behind its length.
func (p *Page) protoEnd() {
	if p.family == nil || !p.headed {
		return
	}
	size := len(p.message)
	for _, piece := range p.full {
		size += len(piece)
	}
	p.b = protowire.AppendVarint(p.b, uint64(size))
	p.flush()
	for _, piece := range p.full {
		p.write(piece)
	}
	p.write(p.message)
	p.spare, p.full = append(p.spare, p.full...), p.full[:0]
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

func appendSigned(b []byte, field protowire.Number, n int64) []byte {
	return appendNumber(b, field, protowire.EncodeZigZag(n))
}

func appendDouble(b []byte, field protowire.Number, x float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(x))
}
