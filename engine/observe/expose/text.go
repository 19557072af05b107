package expose

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isame-lb/isame-lb/pool/stat"
)

// head writes what is said of the family.
func (p *Page) head() {
	p.headed = true
	f, name := p.family, p.family.Name
	if p.format.kind == kindOpenMetrics {
		name = f.bare()
	}
	p.b = append(append(append(append(append(p.b, "# HELP "...), name...), ' '), f.Help...), '\n')
	p.b = append(append(append(append(append(p.b, "# TYPE "...), name...), ' '), f.Kind.String()...), '\n')
	if p.format.kind == kindOpenMetrics && f.Unit != "" {
		p.b = append(append(append(append(append(p.b, "# UNIT "...), name...), ' '), f.Unit...), '\n')
	}
}

// textLabels makes the text of the labels, without braces.
func (p *Page) textLabels(values []string) {
	p.labels = p.labels[:0]
	for i, value := range values {
		if i > 0 {
			p.labels = append(p.labels, ',')
		}
		p.labels = append(append(p.labels, p.names[i]...), '=', '"')
		p.labels = append(appendEscaped(p.labels, value), '"')
	}
}

// series writes name and labels, and the space before the value.
func (p *Page) series(suffix string) {
	p.b = append(append(p.b, p.family.Name...), suffix...)
	if len(p.labels) > 0 {
		p.b = append(append(append(p.b, '{'), p.labels...), '}')
	}
	p.b = append(p.b, ' ')
}

func (p *Page) integer(n uint64) {
	p.b = strconv.AppendUint(p.b, n, 10)
	p.line()
}

func (p *Page) float(x float64) {
	p.b = appendFloat(p.b, x)
	p.line()
}

// appendFloat has whole numbers without an exponent, as far as a float is exact there.
func appendFloat(b []byte, x float64) []byte {
	if whole := int64(x); float64(whole) == x && whole < 1<<53 && whole > -1<<53 {
		return strconv.AppendInt(b, whole, 10)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

// line ends a line.
func (p *Page) line() {
	p.b = append(p.b, '\n')
	if len(p.b) >= pageBytes {
		p.flush()
	}
}

// boundTexts are the values of le, with what stands around them. OpenMetrics has them with a point.
var boundTexts = func() (all [2][stat.Buckets]string) { //nolint:gochecknoglobals // read-only table
	for i := range stat.Buckets {
		text := strconv.FormatFloat(stat.Bound(i), 'g', -1, 64)
		all[0][i] = `le="` + text + `"} `
		if !strings.ContainsAny(text, ".I") {
			text += ".0"
		}
		all[1][i] = `le="` + text + `"} `
	}
	return all
}()

// textHistogram writes cumulated buckets, sum and count.
func (p *Page) textHistogram(s *stat.Snapshot, of *Examples) {
	texts := &boundTexts[0]
	if p.format.kind == kindOpenMetrics {
		texts = &boundTexts[1]
	} else {
		of = nil // in the text format an exemplar is an error, and the whole scrape is lost
	}
	var cumulated uint64
	for i, n := range s.Buckets() {
		cumulated += n
		p.b = append(append(append(p.b, p.family.Name...), "_bucket{"...), p.labels...)
		if len(p.labels) > 0 {
			p.b = append(p.b, ',')
		}
		p.b = strconv.AppendUint(append(p.b, texts[i]...), cumulated, 10)
		if of != nil && !of[i].isNone() {
			p.textExemplar(&of[i])
		}
		p.line()
	}
	p.series("_sum")
	p.float(float64(s.SumNanos) / float64(time.Second))
	p.series("_count")
	p.integer(cumulated)
}

// Bounded writes a classic histogram of anything: upper bounds, of which the last one is
// infinite, and cumulated counts.
func (p *Page) Bounded(bounds []float64, counts []uint64, sum float64, values ...string) {
	if len(bounds) == 0 {
		return
	}
	p.begin(values)
	total := counts[len(counts)-1]
	switch p.format.kind {
	case kindProtobuf:
		p.protoBounded(bounds, counts, sum)
		return
	case kindData:
		p.data.bounded(bounds[:len(bounds)-1], apart(counts), sum, nil)
		p.sampled()
		return
	default:
	}
	for i, to := range bounds {
		p.b = append(append(append(p.b, p.family.Name...), "_bucket{"...), p.labels...)
		if len(p.labels) > 0 {
			p.b = append(p.b, ',')
		}
		p.b = append(p.b, `le="`...)
		from := len(p.b)
		p.b = strconv.AppendFloat(p.b, to, 'g', -1, 64)
		if p.format.kind == kindOpenMetrics && !bytes.ContainsAny(p.b[from:], ".eI") {
			p.b = append(p.b, ".0"...)
		}
		p.b = append(p.b, `"} `...)
		p.integer(counts[i])
	}
	p.series("_sum")
	p.float(sum)
	p.series("_count")
	p.integer(total)
}

func (p *Page) textExemplar(e *Exemplar) {
	p.b = append(p.b, " # {"...)
	if e.ID != "" {
		p.b = append(appendEscaped(append(p.b, labelRequest+`="`...), e.ID), '"')
	}
	if e.ID != "" && e.Trace != "" {
		p.b = append(p.b, ',')
	}
	if e.Trace != "" {
		p.b = append(appendEscaped(append(p.b, labelTrace+`="`...), e.Trace), '"')
	}
	p.b = append(p.b, "} "...)
	p.b = append(appendFloat(p.b, e.Seconds), ' ')
	p.b = strconv.AppendFloat(p.b, e.Unix, 'f', 3, 64)
}

// appendEscaped appends a label value with the three escapes of the formats; everything else
// is UTF-8. Bytes that are not become U+FFFD, as a scraper refuses the whole page otherwise.
func appendEscaped(b []byte, value string) []byte {
	plain := true
	for i := 0; i < len(value) && plain; i++ {
		c := value[i]
		plain = c != '\\' && c != '"' && c != '\n' && c < utf8.RuneSelf
	}
	if plain {
		return append(b, value...)
	}
	for _, r := range value {
		switch r {
		case '\\':
			b = append(b, `\\`...)
		case '"':
			b = append(b, `\"`...)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}
