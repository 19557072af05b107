package expose

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Borrowed is a family whose numbers another library has. From is what that calls it, and
// Keys what it calls the labels; empty: as we do.
type Borrowed struct {
	Family

	From string
	Keys []string
}

// point is one series of a borrowed family.
type point struct {
	values  []string
	value   float64
	sum     float64
	count   float64
	bounds  []float64
	counts  []uint64 // cumulated
	counted bool     // sum and count are known
}

// Borrow writes the families of list of which text, in the text format without heads, has
// series, in the order of the list. unknown are the names of text that are not in it, once each.
func (p *Page) Borrow(list []Borrowed, text string) (unknown []string) {
	at := make(map[string]int, len(list))
	for i := range list {
		at[list[i].from()] = i
	}
	points := make([]map[string]*point, len(list))
	orders := make([][]*point, len(list))
	for line := range strings.Lines(text) {
		name, labels, value, ok := parseLine(line)
		if !ok {
			continue
		}
		i, part, known := find(at, list, name)
		if !known {
			unknown = append(unknown, name)
			continue
		}
		values, bound := list[i].values(labels)
		key := strings.Join(values, "\x00")
		of := points[i][key]
		if of == nil {
			if points[i] == nil {
				points[i] = map[string]*point{}
			}
			of = &point{values: values}
			points[i][key], orders[i] = of, append(orders[i], of)
		}
		of.take(part, bound, value)
	}
	for i := range list {
		if len(orders[i]) > 0 {
			p.Begin(&list[i].Family)
			for _, of := range orders[i] {
				p.borrowed(list[i].Kind, of)
			}
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

func (b *Borrowed) from() string {
	if b.From != "" {
		return b.From
	}
	return b.Name
}

// values are those of the family's labels, and that of le.
func (b *Borrowed) values(labels map[string]string) (values []string, bound string) {
	keys := b.Keys
	if keys == nil {
		keys = b.Labels
	}
	for _, key := range keys {
		values = append(values, labels[key])
	}
	return values, labels["le"]
}

// find is the family of a series, and which part of it the series is.
func find(at map[string]int, list []Borrowed, name string) (i int, part string, ok bool) {
	if i, ok = at[name]; ok {
		return i, "", true
	}
	cut := strings.LastIndexByte(name, '_')
	if cut < 0 {
		return 0, "", false
	}
	i, ok = at[name[:cut]]
	return i, name[cut:], ok && list[i].Kind >= Summary
}

func (of *point) take(part, bound string, value float64) {
	switch part {
	case "_sum":
		of.sum, of.counted = value, true
	case "_count":
		of.count = value
	case "_bucket":
		if to, err := strconv.ParseFloat(bound, 64); err == nil {
			of.bounds, of.counts = append(of.bounds, to), append(of.counts, uint64(value))
		}
	default:
		of.value = value
	}
}

func (p *Page) borrowed(kind Kind, of *point) {
	switch kind {
	case Counter:
		p.CountFloat(of.value, of.values...)
	case Gauge:
		p.Gauge(of.value, of.values...)
	case Summary:
		p.Sum(of.sum, uint64(of.count), of.values...)
	case Histogram:
		if !of.counted {
			of.sum = of.estimate()
		}
		p.Bounded(of.bounds, of.counts, of.sum, of.values...)
	}
}

// estimate is the sum of what was observed, where nobody has added it up: each in the middle
// of its bucket.
func (of *point) estimate() (sum float64) {
	low, before := 0.0, uint64(0)
	for i, to := range of.bounds {
		n := of.counts[i] - min(before, of.counts[i])
		middle := (low + to) / 2
		if math.IsInf(to, 1) {
			middle = low
		}
		sum += float64(n) * middle
		low, before = to, of.counts[i]
	}
	return sum
}

// parseLine reads a series; false: the line is none.
func parseLine(line string) (name string, labels map[string]string, value float64, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil, 0, false
	}
	end := strings.LastIndexByte(line, ' ')
	if end < 0 {
		return "", nil, 0, false
	}
	value, err := strconv.ParseFloat(line[end+1:], 64)
	if err != nil {
		return "", nil, 0, false
	}
	name, rest, _ := strings.Cut(line[:end], "{")
	if rest == "" {
		return name, nil, value, true
	}
	labels = map[string]string{}
	rest = strings.TrimSuffix(rest, "}")
	for rest != "" {
		var pair string
		pair, rest = cut(rest, ',')
		key, quoted, _ := strings.Cut(pair, "=")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			return "", nil, 0, false
		}
		labels[strings.TrimSpace(key)] = text
	}
	return name, labels, value, true
}
